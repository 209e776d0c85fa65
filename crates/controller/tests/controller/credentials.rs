//! A server in operator mode: lattices in accounts of their own, actors with credentials of their own.

use std::time::{Duration, SystemTime};

use lattice_testkit::{NatsAccount, NatsOperator, NatsUser, NatsUserOptions, eventually};
use serde_json::json;
use tokio::task::JoinSet;

use crate::stage::{Access, Actor, LONG, Stage, code, ids};

/// A server with the provider's lattice in one account, and two lattices of one name in two others.
pub(crate) struct World {
    pub(crate) operator: NatsOperator,
    pub(crate) own: Stage,
    pub(crate) east: Province,
    pub(crate) west: Province,
}

/// A lattice called `shop` in an account of its own.
pub(crate) struct Province {
    pub(crate) account: NatsAccount,
    pub(crate) stage: Stage,
}

impl World {
    pub(crate) async fn new() -> Self {
        let operator = NatsOperator::start().await;
        let account = operator.account("own").await;
        let access = Access { url: operator.url(), user: Some(account.user("hosts")) };
        let mut own = Stage::empty(&access, "default").await;
        own.add_provider().await;
        let (east, west) = (Province::new(&operator, "east").await, Province::new(&operator, "west").await);
        Self { operator, own, east, west }
    }

    pub(crate) fn access(&self, user: NatsUser) -> Access {
        Access { url: self.operator.url(), user: Some(user) }
    }

    /// An actor that may use both lattices, on this server.
    pub(crate) async fn actor(&self) -> Actor {
        let url = self.operator.url();
        let values = [
            ("lattices", "shop,default"),
            ("nats_urls", url.as_str()),
            ("gather_limit", "1s"),
            ("requests_per_second", "1000"),
        ];
        self.own.actor(&values).await
    }
}

impl Province {
    async fn new(operator: &NatsOperator, name: &str) -> Self {
        let account = operator.account(name).await;
        let access = Access { url: operator.url(), user: Some(account.user("hosts")) };
        let mut stage = Stage::empty(&access, "shop").await;
        stage.add_host(&[("province", name)]).await;
        Self { account, stage }
    }

    pub(crate) fn host(&self) -> String {
        self.stage.hosts[0].key().to_string()
    }
}

/// Which hosts an actor sees in the lattice `shop`.
pub(crate) async fn seen(actor: &Actor) -> Result<Vec<String>, String> {
    match actor.ask_of("GetHosts", "shop").await {
        Ok(hosts) => Ok(ids(&hosts, "id")),
        error => Err(code(&error)),
    }
}

#[tokio::test]
async fn two_actors_with_different_credentials_see_each_only_its_own() {
    let world = World::new().await;
    let (one, other, none) = (world.actor().await, world.actor().await, world.actor().await);
    let [east, west] = [&world.east, &world.west].map(|province| world.access(province.account.user("actor")));
    one.set_credentials("shop", &east).await.expect("they are good");
    other.set_credentials("shop", &west).await.expect("they are good");
    assert_eq!(seen(&one).await, Ok(vec![world.east.host()]));
    assert_eq!(seen(&other).await, Ok(vec![world.west.host()]));
    assert_eq!(seen(&none).await, Err("no_credentials".to_owned()));
    // The provider's own lattice needs none, and has no host.
    assert_eq!(code(&one.ask("GetHosts").await), "no_hosts");
    let claims = json!({ "hostId": world.west.host(), "latticeId": "shop" });
    assert_eq!(one.refused("GetHostInventory", claims).await, "no_such_host");
}

#[tokio::test]
async fn wrong_and_expired_credentials_are_refused() {
    let world = World::new().await;
    let actor = world.actor().await;
    let account = &world.east.account;
    let refused = async |user: NatsUser| actor.set_credentials("shop", &world.access(user)).await.expect_err("refused");
    assert_eq!(refused(account.forged_user("mallory")).await, "credentials_refused");
    let past = SystemTime::now() - Duration::from_secs(60);
    assert_eq!(refused(account.user_until("late", past)).await, "credentials_expired");
    let (user, another) = (account.user("a"), account.user("b"));
    let mixed = NatsUser { jwt: user.jwt.clone(), seed: another.seed.clone() };
    assert_eq!(refused(mixed).await, "credentials_invalid");
    let no_user = Access { url: world.operator.url(), user: None };
    assert_eq!(actor.set_credentials("shop", &no_user).await, Err("credentials_refused".to_owned()));
    for half in
        [json!({ "latticeId": "shop", "userJwt": user.jwt }), json!({ "latticeId": "shop", "userSeed": user.seed })]
    {
        assert_eq!(actor.refused("SetLatticeCredentials", half).await, "credentials_incomplete");
    }
    assert_eq!(seen(&actor).await, Err("no_credentials".to_owned()), "nothing of that counts");
}

#[tokio::test]
async fn servers_that_are_not_there_or_of_no_use_are_refused() {
    let world = World::new().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nowhere = format!("nats://{}", free.local_addr().expect("a port"));
    let urls = format!("{nowhere},{}", world.operator.url());
    let actor = world.own.actor(&[("lattices", "shop"), ("nats_urls", &urls)]).await.waiting(Duration::from_secs(2));
    let at = |url: &str, user: NatsUser| Access { url: url.to_owned(), user: Some(user) };
    let user = || world.east.account.user("actor");
    // Accepts connections and says nothing.
    assert_eq!(actor.set_credentials("shop", &at(&nowhere, user())).await, Err("unreachable".to_owned()));
    drop(free);
    assert_eq!(actor.set_credentials("shop", &at(&nowhere, user())).await, Err("unreachable".to_owned()));
    let bare = world.operator.account_without_jetstream("bare").await;
    let bare = at(&world.operator.url(), bare.user("actor"));
    assert_eq!(actor.set_credentials("shop", &bare).await, Err("no_jetstream".to_owned()));
    let moon = json!({ "jsDomain": "moon", "latticeId": "shop", "userJwt": user().jwt });
    assert_eq!(actor.refused("SetLatticeCredentials", moon).await, "credentials_incomplete");
    let one = user();
    let moon = json!({ "jsDomain": "moon", "latticeId": "shop", "userJwt": one.jwt, "userSeed": one.seed });
    assert_eq!(actor.refused("SetLatticeCredentials", moon).await, "no_jetstream");
    let elsewhere =
        json!({ "latticeId": "shop", "natsUrl": "nats://evil.example", "userJwt": one.jwt, "userSeed": one.seed });
    assert_eq!(actor.refused("SetLatticeCredentials", elsewhere).await, "not_granted");
    assert_eq!(actor.refused("SetLatticeCredentials", json!({ "latticeId": "moon" })).await, "not_granted");
}

/// Who may not ask for JetStream may steer all the same: no client needs a right there.
#[tokio::test]
async fn a_user_without_rights_in_jetstream_steers() {
    let world = World::new().await;
    let actor = world.actor().await;
    let options = NatsUserOptions {
        publish: lattice_testkit::NatsPermissions::only(["wasmbus.ctl.shop.>"]),
        subscribe: lattice_testkit::NatsPermissions::only(["_INBOX.>"]),
        ..NatsUserOptions::default()
    };
    let user = world.east.account.user_with("bound", &options);
    actor.set_credentials("shop", &world.access(user)).await.expect("they are good");
    assert_eq!(seen(&actor).await, Ok(vec![world.east.host()]));
}

#[tokio::test]
async fn rotation_counts_with_the_next_call_while_others_run() {
    let world = World::new().await;
    let actor = world.actor().await;
    let [east, west] = [&world.east, &world.west].map(|province| world.access(province.account.user("actor")));
    actor.set_credentials("shop", &east).await.expect("they are good");
    for (access, province) in [(&west, &world.west), (&east, &world.east), (&west, &world.west)] {
        let mut running = JoinSet::new();
        for _ in 0..8 {
            let actor = actor.clone();
            running.spawn(async move { seen(&actor).await });
        }
        actor.set_credentials("shop", access).await.expect("they are good");
        assert_eq!(seen(&actor).await, Ok(vec![province.host()]));
        while let Some(seen) = running.join_next().await {
            let seen = seen.expect("it does not panic").expect("those that run are not disturbed");
            assert!(seen == [world.east.host()] || seen == [world.west.host()], "{seen:?}");
        }
    }
    // What is refused leaves what there was.
    let forged = world.access(world.east.account.forged_user("mallory"));
    assert_eq!(actor.set_credentials("shop", &forged).await, Err("credentials_refused".to_owned()));
    assert_eq!(seen(&actor).await, Ok(vec![world.west.host()]));
}

#[tokio::test]
async fn revoked_credentials_are_refused_and_others_are_not() {
    let mut world = World::new().await;
    let (revoked, kept) = (world.actor().await, world.actor().await);
    let [bad, good] = ["bad", "good"].map(|name| world.east.account.user(name));
    revoked.set_credentials("shop", &world.access(bad.clone())).await.expect("they are good");
    kept.set_credentials("shop", &world.access(good)).await.expect("they are good");
    assert_eq!(seen(&revoked).await, Ok(vec![world.east.host()]));
    world.east.account.revoke(&bad).await;
    eventually("they are refused", LONG, async || (seen(&revoked).await.err()? == "credentials_refused").then_some(()))
        .await;
    assert_eq!(seen(&kept).await, Ok(vec![world.east.host()]));
    assert_eq!(revoked.set_credentials("shop", &world.access(bad)).await, Err("credentials_refused".to_owned()));
    let fresh = world.access(world.east.account.user("fresh"));
    revoked.set_credentials("shop", &fresh).await.expect("they are good");
    assert_eq!(seen(&revoked).await, Ok(vec![world.east.host()]));
}

#[tokio::test]
async fn expiry_and_unlinking_forget_them() {
    let world = World::new().await;
    let actor = world.actor().await;
    let soon = SystemTime::now() + Duration::from_secs(3);
    let short = world.access(world.east.account.user_until("short", soon));
    actor.set_credentials("shop", &short).await.expect("they are good");
    assert_eq!(seen(&actor).await, Ok(vec![world.east.host()]));
    eventually("they expire", LONG, async || (seen(&actor).await.err()? == "credentials_expired").then_some(())).await;

    let lasting = world.access(world.east.account.user("lasting"));
    actor.set_credentials("shop", &lasting).await.expect("they are good");
    world.own.unlink(&actor.key).await;
    let url = world.operator.url();
    let values = [("lattices", "shop"), ("nats_urls", url.as_str())];
    assert_eq!(world.own.link(&actor.key, &values).await, None);
    assert_eq!(seen(&actor).await, Err("no_credentials".to_owned()));
    // Other values of a link are no end of it, but what they no longer grant is of no use.
    actor.set_credentials("shop", &lasting).await.expect("they are good");
    assert_eq!(world.own.link(&actor.key, &[("lattices", "shop")]).await, None);
    assert_eq!(seen(&actor).await, Err("not_granted".to_owned()));
    assert_eq!(world.own.link(&actor.key, &values).await, None);
    assert_eq!(seen(&actor).await, Ok(vec![world.east.host()]));
}

#[tokio::test]
async fn the_own_lattice_is_steered_with_an_actors_own_credentials_if_it_sets_some() {
    let world = World::new().await;
    let actor = world.actor().await;
    let elsewhere = world.access(world.east.account.user("actor"));
    actor.set_credentials("default", &elsewhere).await.expect("they are good");
    // There is no such lattice in that account.
    assert_eq!(code(&actor.ask("GetHosts").await), "no_hosts");
    actor.done("SetLatticeCredentials", json!({ "latticeId": "default" })).await;
    let mut own = world.own;
    own.add_host(&[]).await;
    let host = own.hosts[0].key().to_string();
    assert_eq!(ids(&actor.ask("GetHosts").await.expect("hosts"), "id"), [host]);
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let mut world = World::new().await;
    let actor = world.actor().await;
    let access = world.access(world.east.account.user("actor"));
    actor.set_credentials("shop", &access).await.expect("they are good");
    world.operator.server_mut().restart().await;
    let (host, hasty) = (world.east.host(), actor.waiting(Duration::from_secs(2)));
    // The provider itself has to come back before it can be called.
    eventually("it is found again", LONG, async || (seen(&hasty).await.ok()? == [host.as_str()]).then_some(())).await;
}

/// Once links and keys were locked in one order by the one and in the other by the other, which stopped everything for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn regression_links_change_while_credentials_do() {
    let world = World::new().await;
    let values = [("requests_per_second", "100000")];
    let actor = world.own.actor(&values).await;
    let mut setting = JoinSet::new();
    for _ in 0..8 {
        let actor = actor.clone();
        setting.spawn(async move {
            for _ in 0..40 {
                actor.done("SetLatticeCredentials", json!({ "latticeId": "default" })).await;
            }
        });
    }
    for round in 0..200 {
        let other = (100_000 + round).to_string();
        assert_eq!(world.own.link(&actor.key, &[("requests_per_second", &other)]).await, None);
    }
    while let Some(set) = setting.join_next().await {
        set.expect("they are set");
    }
}

/// What hangs is the old server; the new one answers.
#[tokio::test]
async fn credentials_lead_away_from_a_server_that_hangs() {
    let world = World::new().await;
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = hanging.local_addr().expect("a port");
    let proxy = tokio::spawn(pass_one_on(hanging, world.operator.server().port()));
    let hanging = format!("nats://{address}");
    let urls = format!("{hanging},{}", world.operator.url());
    let actor = world.own.actor(&[("lattices", "shop"), ("nats_urls", &urls)]).await.waiting(Duration::from_secs(3));
    let user = world.east.account.user("actor");
    let through = Access { url: hanging, user: Some(user.clone()) };
    actor.set_credentials("shop", &through).await.expect("they are good");
    assert_eq!(seen(&actor).await, Ok(vec![world.east.host()]));
    // The connection breaks, and whoever connects again waits in vain.
    proxy.abort();
    let _ = proxy.await;
    let mut waiting = JoinSet::new();
    for _ in 0..8 {
        let actor = actor.clone();
        waiting.spawn(async move { seen(&actor).await });
    }
    actor.set_credentials("shop", &world.access(user)).await.expect("they are good");
    assert_eq!(seen(&actor).await, Ok(vec![world.east.host()]));
}

/// Passes the first connection on to a port, and lets others wait.
async fn pass_one_on(listener: std::net::TcpListener, port: u16) {
    listener.set_nonblocking(true).expect("a socket");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
    let mut waiting = Vec::new();
    let (mut first, _) = listener.accept().await.expect("somebody connects");
    let mut server = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("the server is there");
    let pass = tokio::io::copy_bidirectional(&mut first, &mut server);
    let accept = async {
        loop {
            waiting.push(listener.accept().await);
        }
    };
    tokio::select! {
        _ = pass => {}
        () = accept => {}
    }
}
