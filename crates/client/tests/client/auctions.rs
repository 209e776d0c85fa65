//! Auctions, and starts on whoever bids best.

use std::sync::{Arc, Mutex};

use async_nats::Message;
use lattice_client::{Attempt, Auction, Client, PlaceError, Rule};
use lattice_protocol::{
    Ack, ActorAuction, ActorBid, BID_HEADER, Bid, Constraints, Declined, Format, OPERATION_HEADER, ProviderAuction,
    ProviderBid, RefusalCode, StartActor, StartProvider, decode, encode,
};
use lattice_testkit::NatsServer;

use crate::fake::*;

const IMAGE: &str = "file:///echo.wasm";

fn start() -> StartActor {
    StartActor {
        actor_ref: IMAGE.to_owned(),
        annotations: Default::default(),
        count: 1.into(),
        host_id: None,
        lattice_id: None,
    }
}

fn auction() -> ActorAuction {
    ActorAuction {
        actor_ref: IMAGE.to_owned(),
        annotations: Default::default(),
        constraints: east(),
        count: 1.into(),
        explain: false,
        lattice_id: None,
    }
}

fn east() -> Constraints {
    [("zone", "east")].into_iter().collect()
}

/// A bid of a host of this project that runs so many instances of the actor, or of one of another project.
fn bid(index: usize, instances: Option<u64>) -> Vec<u8> {
    let bid = instances.map(|actor_instances| Bid {
        actor_instances,
        cached: true,
        free_memory: Some(1 << 30),
        friendly_name: format!("host-{index}"),
        instances: 9,
        token: format!("token-{index}"),
    });
    let bid = ActorBid { actor_ref: IMAGE.to_owned(), bid, constraints: east(), host_id: host(index) };
    encode(&bid, Format::MESSAGE_PACK)
}

fn declined(index: usize) -> Vec<u8> {
    let reasons = vec!["no label `zone`".to_owned(), "full".to_owned()];
    encode(&Declined::new(host(index), format!("host-{index}"), reasons), Format::MESSAGE_PACK)
}

/// A lattice of three members that answer an auction with this.
async fn bidding(nats: &NatsServer, answers: Vec<Vec<u8>>) -> [Responder; 2] {
    let bids = Responder::start(nats, &control("auction.actor"), move |request| {
        let auction: ActorAuction = decode(&request.payload).expect("an auction");
        assert!(auction.explain, "every host of ours is to answer");
        answers.clone()
    })
    .await;
    [bids, Responder::fixed(nats, &control("lattice.members"), members([0, 1, 2])).await]
}

/// A host whose inventory has this label.
async fn labelled(nats: &NatsServer, index: usize, zone: &str) -> Responder {
    let inventory =
        format!(r#"{{"host_id":"{}","friendly_name":"host-{index}","labels":{{"zone":"{zone}"}}}}"#, HOSTS[index]);
    Responder::fixed(nats, &control(&format!("get.{}.inv", HOSTS[index])), inventory).await
}

fn ranks(auction: &Auction) -> Vec<&str> {
    auction.ranked.iter().map(|bid| bid.host_id.as_str()).collect()
}

#[tokio::test]
async fn bids_are_ranked_and_the_others_say_why_not() {
    let (nats, client) = lattice().await;
    let _hosts = bidding(&nats, vec![bid(0, Some(2)), bid(1, Some(1)), declined(2)]).await;
    let spread = client.auction_actor(auction(), Rule::Spread).await.expect("hosts answer");
    assert_eq!(ranks(&spread), [HOSTS[1], HOSTS[0]]);
    assert_eq!(spread.ranked[1].reason(), "after host-1: runs 2 instances of it, not 1");
    assert_eq!(
        (spread.ranked[1].rank, spread.ranked[1].token(), spread.ranked[1].friendly_name()),
        (2, "token-0", "host-0")
    );
    let reasons: Vec<_> = spread.declined.iter().map(|host| (host.host_id.as_str(), host.reasons.len())).collect();
    assert_eq!((reasons, spread.errors.len(), spread.missing.len()), (vec![(HOSTS[2], 2)], 0, 0));
    assert!(spread.complete);
    let pack = client.auction_actor(auction(), Rule::Pack).await.expect("hosts answer");
    assert_eq!(ranks(&pack), [HOSTS[0], HOSTS[1]]);
}

#[tokio::test]
async fn bidders_that_do_not_look_at_constraints_are_looked_at() {
    let (nats, client) = lattice_with(|settings| settings.gather_quiet = QUIET).await;
    let answers = vec![bid(3, None), bid(0, Some(5)), bid(4, None), bid(5, None), declined(1), declined(2)];
    let _hosts = bidding(&nats, answers).await;
    let _fits = labelled(&nats, 3, "east").await;
    let _unfit = labelled(&nats, 4, "west").await;
    let told = client.auction_actor(auction(), Rule::Spread).await.expect("hosts answer");
    assert_eq!(ranks(&told), [HOSTS[0], HOSTS[3]]);
    assert!(told.ranked[1].token().is_empty());
    let reason = |index: usize| {
        let declined = told.declined.iter().find(|of| of.host_id == host(index)).expect("it declined");
        declined.error.clone()
    };
    assert_eq!(reason(4), "its label `zone` is `west`, not `east`, which it does not look at itself");
    assert!(reason(5).starts_with("its labels could not be asked for: no responders"), "{}", reason(5));
    // Without constraints nobody is asked.
    let any = ActorAuction { constraints: Constraints::new(), ..auction() };
    let told = client.auction_actor(any, Rule::Spread).await.expect("hosts answer");
    assert_eq!((told.ranked.len(), told.declined.len()), (4, 2));
}

#[tokio::test]
async fn a_silent_member_is_missing_and_garbage_is_an_error() {
    let (nats, client) = lattice_with(|settings| settings.timeout = PATIENT).await;
    let _hosts = bidding(&nats, vec![bid(0, Some(2)), b"\x07garbage".to_vec()]).await;
    let _mute = [
        Responder::mute(&nats, &control(&format!("lattice.{}.ping", HOSTS[1]))).await,
        Responder::mute(&nats, &control(&format!("lattice.{}.ping", HOSTS[2]))).await,
    ];
    let told = client.auction_actor(auction(), Rule::Spread).await.expect("a host answers");
    assert_eq!((told.ranked.len(), told.errors.len(), told.missing.len(), told.complete), (1, 1, 2, false));
}

#[tokio::test]
async fn providers_are_auctioned_too() {
    let (nats, client) = lattice().await;
    let _hosts = bidding_for_provider(&nats, vec![provider_bid(0), declined(1), declined(2)]).await;
    let auction = ProviderAuction {
        constraints: Constraints::new(),
        explain: false,
        lattice_id: None,
        link_name: Default::default(),
        provider_ref: IMAGE.to_owned(),
    };
    let told = client.auction_provider(auction, Rule::Spread).await.expect("hosts answer");
    assert_eq!((ranks(&told), told.declined.len(), told.complete), (vec![HOSTS[0]], 2, true));
}

fn provider_bid(index: usize) -> Vec<u8> {
    let bid = ProviderBid {
        bid: Some(Bid { friendly_name: format!("host-{index}"), instances: index as u64, ..Bid::default() }),
        constraints: Constraints::new(),
        host_id: host(index),
        link_name: Default::default(),
        provider_ref: IMAGE.to_owned(),
    };
    encode(&bid, Format::JSON)
}

/// A lattice of three members that answer an auction of a provider with this.
async fn bidding_for_provider(nats: &NatsServer, answers: Vec<Vec<u8>>) -> [Responder; 2] {
    let bids = Responder::start(nats, &control("auction.provider"), move |request| {
        let auction: ProviderAuction = decode(&request.payload).expect("an auction");
        assert!(auction.explain && auction.provider_ref == IMAGE, "{auction:?}");
        answers.clone()
    })
    .await;
    [bids, Responder::fixed(nats, &control("lattice.members"), members([0, 1, 2])).await]
}

async fn place_provider(client: &Client) -> Result<lattice_client::Operation, PlaceError> {
    let start = StartProvider {
        annotations: Default::default(),
        configuration: None,
        host_id: None,
        lattice_id: None,
        link_name: Default::default(),
        provider_ref: IMAGE.to_owned(),
    };
    client.place_provider(start, Constraints::new(), Rule::Spread, DEADLINE).await
}

/// Of two who start the same provider one is first, and the other finds the place taken.
#[tokio::test]
async fn a_provider_goes_to_the_next_rank_where_it_runs_already() {
    let (nats, client) = lattice().await;
    let _hosts = bidding_for_provider(&nats, vec![provider_bid(1), provider_bid(0), declined(2)]).await;
    let says = [Some(RefusalCode::Conflict), None, None];
    let (_starts, asked) = commanded(&nats, "lp", says).await;
    let operation = place_provider(&client).await.expect("the second takes it");
    assert_eq!(operation.host(), Some(&host(1)));
    assert_eq!(*asked.lock().expect("no panic"), [(0, None), (1, None)]);
}

#[tokio::test]
async fn a_provider_that_no_host_takes_is_told_as_one() {
    let (nats, client) = lattice().await;
    let _hosts = bidding_for_provider(&nats, vec![declined(0), declined(1), declined(2)]).await;
    let error = place_provider(&client).await.expect_err("nobody bids").to_string();
    assert!(error.starts_with("no host would run the provider: host-0: no label `zone`; full; host-"), "{error}");
}

/// What a host says to a start.
type Says = Option<RefusalCode>;

/// Hosts that say this to a start, and notes which of them were asked, with which token.
async fn starting(nats: &NatsServer, says: [Says; 3]) -> (Vec<Responder>, Asked) {
    commanded(nats, "la", says).await
}

/// Which hosts were asked, with which token.
type Asked = Arc<Mutex<Vec<(usize, Option<String>)>>>;

/// The same of whichever command.
async fn commanded(nats: &NatsServer, verb: &str, says: [Says; 3]) -> (Vec<Responder>, Asked) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut hosts = Vec::new();
    for (index, says) in says.into_iter().enumerate() {
        let noted = asked.clone();
        let answer = move |request: &Message| {
            let header =
                |name: &str| request.headers.as_ref().and_then(|headers| headers.get(name)).map(ToString::to_string);
            noted.lock().expect("no panic").push((index, header(BID_HEADER)));
            let ack = match says {
                Some(code) => Ack::refused(format!("{code:?}")).with_code(code),
                None => Ack::operation(header(OPERATION_HEADER).expect("an id").parse().expect("an id")),
            };
            vec![encode(&ack, Format::MESSAGE_PACK)]
        };
        hosts.push(Responder::start(nats, &control(&format!("cmd.{}.{verb}", HOSTS[index])), answer).await);
    }
    (hosts, asked)
}

async fn place(client: &Client) -> Result<lattice_client::Operation, PlaceError> {
    client.place_actor(start(), east(), Rule::Spread, DEADLINE).await
}

#[tokio::test]
async fn a_start_goes_to_the_next_rank_when_a_bid_no_longer_counts() {
    let (nats, client) = lattice().await;
    let _hosts = bidding(&nats, vec![bid(0, Some(0)), bid(1, Some(1)), bid(2, Some(2))]).await;
    let (_starts, asked) = starting(&nats, [Some(RefusalCode::BidStale), Some(RefusalCode::Full), None]).await;
    let operation = place(&client).await.expect("the third takes it");
    assert_eq!(operation.host(), Some(&host(2)));
    let token = |index: usize| (index, Some(format!("token-{index}")));
    assert_eq!(*asked.lock().expect("no panic"), [token(0), token(1), token(2)]);
}

#[tokio::test]
async fn when_all_bids_are_stale_new_auctions_are_held_and_then_it_is_told_what_happened() {
    let (nats, client) = lattice().await;
    let _hosts = bidding(&nats, vec![bid(0, Some(0)), bid(1, Some(1)), declined(2)]).await;
    let (mut starts, asked) = starting(&nats, [Some(RefusalCode::BidStale), Some(RefusalCode::Stopping), None]).await;
    let error = place(&client).await.expect_err("nobody takes it");
    let PlaceError::Exhausted { rounds: 5, ref tried, .. } = error else { panic!("{error:?}") };
    let rounds: Vec<(u32, &str)> = tried.iter().map(|tried| (tried.round, tried.host_id.as_str())).collect();
    assert_eq!((rounds.len(), rounds[0], rounds[9]), (10, (1, HOSTS[0]), (5, HOSTS[1])));
    assert_eq!(asked.lock().expect("no panic").len(), 10);
    let expect = "no host that bid took the actor, in 5 auctions: host-0: its bid no longer counted (5 times); host-1: Stopping (5 times)";
    assert_eq!(error.to_string(), expect);

    // One that has gone meanwhile is no better.
    starts.remove(0).leave().await;
    let error = place(&client).await.expect_err("nobody takes it");
    assert!(
        matches!(&error, PlaceError::Exhausted { tried, .. } if tried[0].to_string() == "host-0: it was gone"),
        "{error}"
    );
}

#[tokio::test]
async fn a_refusal_that_would_count_everywhere_ends_it() {
    let (nats, client) = lattice().await;
    let _hosts = bidding(&nats, vec![bid(0, Some(0)), bid(1, Some(1)), declined(2)]).await;
    let (_starts, asked) = starting(&nats, [Some(RefusalCode::Invalid), None, None]).await;
    let error = place(&client).await.expect_err("it is refused");
    assert!(
        matches!(&error, PlaceError::Start { host: at, source, .. }
        if *at == host(0) && source.refusal_code() == Some(RefusalCode::Invalid)),
        "{error:?}"
    );
    assert_eq!(asked.lock().expect("no panic").len(), 1);
}

#[tokio::test]
async fn a_host_that_may_have_started_it_is_the_last_to_be_asked() {
    let (nats, client) = lattice_with(|settings| settings.timeout = PATIENT).await;
    let _hosts = bidding(&nats, vec![bid(0, Some(0)), bid(1, Some(1)), declined(2)]).await;
    let (mut starts, asked) = starting(&nats, [None, None, None]).await;
    starts.remove(0).leave().await;
    let _mute = Responder::mute(&nats, &control(&format!("cmd.{}.la", HOSTS[0]))).await;
    let error = place(&client).await.expect_err("no answer");
    assert!(matches!(error, PlaceError::Start { .. }), "{error:?}");
    assert!(asked.lock().expect("no panic").is_empty());
    let error =
        client.place_actor(start(), east(), Rule::Spread, std::time::Duration::ZERO).await.expect_err("no time");
    assert!(matches!(error, PlaceError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn where_nobody_bids_every_reason_is_told() {
    let (nats, client) = lattice().await;
    let _hosts = bidding(&nats, vec![declined(0), declined(1), declined(2)]).await;
    let error = place(&client).await.expect_err("nobody bids");
    let PlaceError::NobodyBids { ref declined, ref missing, ref errors, ref tried, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((declined.len(), missing.len(), errors.len()), (3, 0, 0));
    assert_eq!(tried.iter().map(Attempt::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    let told = error.to_string();
    for index in 0..3 {
        assert!(told.contains(&format!("host-{index}: no label `zone`; full")), "{told}");
    }
}
