//! Actors steer lattices in other accounts of a server in operator mode, each with credentials of its own: compiled modules in a
//! real host, the provider a process of its own.

mod support;

use std::time::{Duration, SystemTime};

use lattice_testkit::{NatsAccount, NatsOperator, NatsUser, eventually, guests::built};
use serde_json::{Value, json};
use support::{DEADLINE, Daemon, Home, Outcome};

/// The lattice of the provider in one account, and two lattices of one name in two others.
struct World {
    home: Home,
    operator: NatsOperator,
    own: NatsAccount,
    east: NatsAccount,
    west: NatsAccount,
    hosts: Vec<Daemon>,
}

impl World {
    async fn start() -> Self {
        let (home, operator) = (Home::new().await, NatsOperator::start().await);
        let (own, east, west) =
            tokio::join!(operator.account("own"), operator.account("east"), operator.account("west"));
        let mut world = Self { home, operator, own, east, west, hosts: Vec::new() };
        for (name, lattice) in [("own", "default"), ("east", "shop"), ("west", "shop")] {
            world.add_host(name, lattice).await;
        }
        world
    }

    fn account(&self, name: &str) -> &NatsAccount {
        match name {
            "own" => &self.own,
            "east" => &self.east,
            _ => &self.west,
        }
    }

    /// A host in the account of its name; its providers are users of their own.
    async fn add_host(&mut self, name: &str, lattice: &str) {
        let account = self.account(name);
        let (host, provider) = (account.user("host"), account.user("provider"));
        let creds = self.home.file(&format!("{name}.creds"), host.creds().as_bytes());
        let flags = ["host", "--friendly-name", name, "--data-dir", name, "--lattice", lattice, "--creds", &creds];
        let mut command = self.home.command(&flags);
        command.args(["--allow-file", "--allow-unsigned"]).env("LATTICE_NATS_URL", self.operator.url());
        command.env("LATTICE_PROVIDER_NATS_JWT", provider.jwt).env("LATTICE_PROVIDER_NATS_SEED", provider.seed);
        self.hosts.push(Daemon::start(command));
        eventually("the host answers", DEADLINE, async || {
            let hosts = self.run(name, &["get", "hosts", "--lattice", lattice]).await;
            (hosts.code == Some(0)).then_some(())
        })
        .await;
    }

    /// Runs the program as a user of that account.
    async fn run(&self, account: &str, arguments: &[&str]) -> Outcome {
        let creds = support::shown(&self.home.path(&format!("{account}.creds")));
        let arguments = [arguments, &["--creds", &creds, "-o", "json"]].concat();
        self.home.run_with(("LATTICE_NATS_URL", &self.operator.url()), &arguments).await
    }

    /// An actor at a helm of its own.
    async fn helm(&self, name: &str) {
        let (plain, signed) = (self.home.file("helm.wasm", built::HELM), format!("{name}.wasm"));
        let sign = ["claims", "sign", &plain, "--out", &signed, "--name", name, "--call-alias", name];
        self.home.run(&[&sign[..], &["--cap", "wasmcloud:latticecontrol"]].concat()).await.done();
        self.run("own", &["start", "actor", &signed]).await.json();
        let urls = format!("nats_urls={}", self.operator.url());
        let put = ["link", "put", name, "lattice-controller", "wasmcloud:latticecontrol"];
        let values = ["--value", "lattices=shop", "--value", &urls];
        let told = self.run("own", &[&put[..], &values].concat()).await.json();
        assert_eq!(told["deliveries"][0]["state"], "confirmed", "{told}");
    }

    async fn call(&self, helm: &str, operation: &str, argument: &Value) -> Result<Value, String> {
        let argument = argument.to_string();
        let call = ["call", helm, operation, &argument, "--cluster-seed", "own/keys/cluster.nk"];
        let outcome = self.run("own", &call).await;
        match outcome.code {
            Some(0) => Ok(outcome.document()),
            _ => Err(code(outcome.document()["error"]["message"].as_str().expect("a message"))),
        }
    }

    async fn set(&self, helm: &str, user: &NatsUser) -> Result<(), String> {
        let argument =
            json!({ "lattice": "shop", "nats_url": self.operator.url(), "jwt": user.jwt, "seed": user.seed });
        self.call(helm, "Helm.SetLatticeCredentials", &argument).await.map(drop)
    }

    /// The hosts that an actor sees in the lattice `shop`.
    async fn seen(&self, helm: &str) -> Result<Vec<String>, String> {
        let hosts = self.call(helm, "Helm.GetHosts", &json!({ "lattice": "shop" })).await?;
        let hosts = hosts["hosts"].as_array().expect("a list").clone();
        Ok(hosts.iter().map(|host| host["id"].as_str().expect("an id").to_owned()).collect())
    }

    /// The host in an account, as a user of that account sees it.
    async fn host(&self, account: &str) -> Vec<String> {
        let hosts = self.run(account, &["get", "hosts", "--lattice", "shop"]).await.json();
        vec![hosts["hosts"][0]["id"].as_str().expect("an id").to_owned()]
    }
}

/// What stands in square brackets.
fn code(error: &str) -> String {
    let code = error.split_once('[').and_then(|(_, rest)| rest.split_once("] ")).map(|(code, _)| code);
    code.unwrap_or_else(|| panic!("no code: {error}")).to_owned()
}

#[tokio::test]
async fn each_actor_sees_the_lattice_of_its_own_account() {
    let mut world = World::start().await;
    let started = world.run("own", &["start", "provider", "builtin://lattice-controller"]).await.json();
    assert_eq!(started["outcome"], "done", "{started}");
    world.helm("helm-one").await;
    world.helm("helm-two").await;
    let (east, west) = (world.host("east").await, world.host("west").await);
    assert_ne!(east, west);

    assert_eq!(world.seen("helm-one").await, Err("no_credentials".to_owned()));
    let (of_east, of_west) = (world.east.user("one"), world.west.user("two"));
    world.set("helm-one", &of_east).await.expect("they are good");
    world.set("helm-two", &of_west).await.expect("they are good");
    assert_eq!(world.seen("helm-one").await, Ok(east.clone()));
    assert_eq!(world.seen("helm-two").await, Ok(west.clone()));

    let late = world.east.user_until("late", SystemTime::now() - Duration::from_secs(60));
    assert_eq!(world.set("helm-one", &late).await, Err("credentials_expired".to_owned()));
    let forged = world.east.forged_user("mallory");
    assert_eq!(world.set("helm-one", &forged).await, Err("credentials_refused".to_owned()));
    assert_eq!(world.seen("helm-one").await, Ok(east.clone()), "what is refused leaves what there was");

    // Rotation takes effect on the next call.
    let rotated = world.west.user("rotated");
    world.set("helm-one", &rotated).await.expect("they are good");
    assert_eq!(world.seen("helm-one").await, Ok(west.clone()));
    world.west.revoke(&of_west).await;
    eventually("they are refused", DEADLINE, async || {
        (world.seen("helm-two").await == Err("credentials_refused".to_owned())).then_some(())
    })
    .await;
    assert_eq!(world.seen("helm-one").await, Ok(west), "another user of the account is not concerned");
}
