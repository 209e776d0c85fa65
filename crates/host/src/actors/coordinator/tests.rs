//! Bids that are kept: what a host bids for it takes on, and what it does not bid for would come to nothing.

use std::{cell::Cell, collections::BTreeMap, sync::Arc};

use async_nats::jetstream;
use lattice_artifact::{Digest, Store, StoreSettings};
use lattice_claims::{ClusterSeed, HostSeed, Issuers};
use lattice_protocol::{EventSubjects, LatticeName};
use lattice_runtime::{ActorSettings, Runtime};
use lattice_testkit::NatsServer;
use proptest::{
    collection::{btree_map, btree_set, vec},
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tempfile::TempDir;

use super::*;
use crate::{
    actors::{Absent, Announcer, Board, Capacity, Directory, Keeper, KnownImage, Preparer, Serving},
    artifacts::{Artifacts, Rules},
    auction::{Objection, Offer},
    claims::ClaimsStore,
    config::{HostConfig, HostDirs, HostIdentity},
    events,
    lattice_data::LatticeData,
    lent_keys,
    links::Links,
    providers::ProviderBoard,
    state::{Running, StateDir},
};

/// Auctions of one made-up host, and how many hosts are made up.
const AUCTIONS: usize = 9;
const HOSTS: u32 = 1000;

/// Images, of which each actor has two.
const IMAGES: usize = 6;
const ANNOTATIONS: [&[(&str, &str)]; 3] = [&[], &[("color", "blue")], &[("color", "blue"), ("size", "s")]];
const ACTORS: [&str; 3] = [
    "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR",
    "MB2KWBUBDYUFPKDWP6YXZ5DIVQFVN6NRT4V4BU72GIKN4NOP3Y7FJXL2",
    "MAARQX72EAZ4T4ODYOQZED3FJ6P27KWWVVTUNV6TVX2VBRVVSUKLAQHP",
];

/// What runs under one actor and annotation set: which of the actor's images, and how often.
type Groups = BTreeMap<(usize, usize), (usize, u16)>;

/// A host that is made up.
#[derive(Clone, Debug)]
struct Made {
    groups: Groups,
    /// Images that it has met.
    known: Vec<usize>,
    /// How many more instances it may run; without it as many as come.
    room: Option<u32>,
    steps: Vec<Step>,
}

/// What happens to it: somebody wants to start something, after an auction or without one.
#[derive(Clone, Copy, Debug)]
struct Step {
    image: usize,
    annotations: usize,
    count: u16,
    /// Whether what was started before is stopped first.
    clear: bool,
    /// Whether something is started without an auction.
    without: bool,
}

fn count() -> impl Strategy<Value = u16> {
    prop_oneof![8 => 1..9_u16, 1 => 1..=u16::MAX, 1 => Just(u16::MAX)]
}

fn step() -> impl Strategy<Value = Step> {
    let parts = (0..IMAGES, 0..ANNOTATIONS.len(), count(), prop::bool::weighted(0.3), prop::bool::weighted(0.2));
    parts.prop_map(|(image, annotations, count, clear, without)| Step { image, annotations, count, clear, without })
}

fn made() -> impl Strategy<Value = Made> {
    let groups = btree_map((0..ACTORS.len(), 0..ANNOTATIONS.len()), (0..2_usize, count()), 0..6);
    let known = btree_set(0..IMAGES, 0..IMAGES).prop_map(|known| known.into_iter().collect());
    let room = prop_oneof![Just(None), (0..40_u32).prop_map(Some), (0..200_000_u32).prop_map(Some)];
    (groups, known, room, vec(step(), AUCTIONS)).prop_map(|(groups, known, room, steps)| Made {
        groups,
        known,
        room,
        steps,
    })
}

/// What hosts have in common, so that making one up is cheap.
struct Ground {
    tools: Tools,
    store: Store,
    runtime: Runtime,
    _nats: NatsServer,
    _dir: TempDir,
}

impl Ground {
    async fn new() -> Self {
        let (nats, dir) = (NatsServer::start().await, tempfile::tempdir().expect("a temporary directory"));
        let client = nats.client().await;
        let identity = HostIdentity {
            lattice: LatticeName::default(),
            host_seed: HostSeed::generate(),
            cluster_seed: ClusterSeed::generate(),
        };
        let dirs = HostDirs { state: dir.path().join("state"), cache: dir.path().join("cache") };
        let config = HostConfig::new(identity, client.clone(), dirs);
        let state = StateDir::open(&config.state_dir).expect("the directory is free");
        let store = Store::open(&config.cache_dir, StoreSettings::default()).expect("the directory can be written");
        let runtime = Runtime::new(config.runtime.clone().memory(64 << 20)).expect("an engine");
        let jetstream = jetstream::new(client.clone());
        let opened = LatticeData::open(&jetstream, &config.lattice, config.host_seed.public()).await;
        let (data, bucket, _) = opened.expect("there is JetStream");
        let (links, claims) = (Links::new(data.clone()), ClaimsStore::new(bucket, data));
        let issuers = Issuers::new([config.cluster_seed.public()]).expect("a key");
        let host = config.host_seed.public();
        let lent_keys = lent_keys::Opened::open(&jetstream, &config.lattice, host.clone(), issuers.clone()).await;
        let lent_keys = lent_keys.expect("there is JetStream");
        let (lent_keys, _) = lent_keys.start(config.cluster_seed.clone(), host.clone(), "e1".to_owned());
        let (events, _) = events::channel(client, host.clone(), EventSubjects::new(config.lattice.clone()), false);
        let (board, absent) = (Board::default(), Absent::new(&Running::default()));
        let (_, notes) = Keeper::new(Arc::new(state), board.clone(), ProviderBoard::default(), absent.clone());
        let tools = Tools {
            preparer: Preparer::new(Artifacts::new(store.clone(), Rules::default()), runtime.clone()),
            announcer: Announcer::new(host, events),
            board,
            capacity: Capacity::new(None),
            absent,
            notes,
            serving: Serving::new(&config, issuers, Directory { claims, links, lent_keys, exits: Default::default() }),
            settings: ActorSettings::default(),
        };
        Self { tools, store, runtime, _nats: nats, _dir: dir }
    }

    fn host(&self, made: &Made) -> MadeUp {
        let running: u32 = made.groups.values().map(|(_, count)| u32::from(*count)).sum();
        let capacity = Capacity::new(made.room.map(|room| room + running));
        let preparer = Preparer::new(Artifacts::new(self.store.clone(), Rules::default()), self.runtime.clone());
        let board = Board::default();
        let tools = Tools { preparer, board, capacity, ..self.tools.clone() };
        let room = tools.capacity.reserve_as_of(tools.capacity.version(), running).expect("there is room");
        made.known.iter().for_each(|image| tools.preparer.images().note_image(&reference(*image), known(*image)));
        for (index, actor) in ACTORS.iter().enumerate() {
            tools.board.post(&actor.parse().expect("a published key"), views(&made.groups, index));
        }
        let (submissions, questions) = (mpsc::channel(1).1, mpsc::channel(1).1);
        let coordinator = Coordinator::new(tools, submissions, questions, CancellationToken::new());
        MadeUp { coordinator, groups: made.groups.clone(), known: made.known.clone(), held: Vec::new(), _running: room }
    }
}

/// A made-up host at work.
struct MadeUp {
    coordinator: Coordinator,
    groups: Groups,
    known: Vec<usize>,
    held: Vec<Reservation>,
    _running: (crate::actors::Place, Room),
}

impl MadeUp {
    fn consider(&mut self, start: &Start) -> Result<Offer, Vec<Objection>> {
        let version = self.coordinator.tools.capacity.version();
        let (answer, mut answered) = oneshot::channel();
        self.coordinator.consider(Question { start: start.clone(), version, objections: Vec::new(), answer });
        answered.try_recv().expect("an answer at once")
    }

    fn admit(&mut self, start: Start) -> Result<(), Refusal> {
        self.coordinator.admit(&ActorCommand::Start(start)).map(|reservation| self.held.push(reservation))
    }

    /// Whether a start would fail although it was taken on, and the host can know that.
    fn will_fail(&self, step: Step) -> bool {
        let (actor, which) = (step.image / 2, step.image % 2);
        let runs = self.groups.iter().any(|((of, _), (running, _))| *of == actor && *running == which);
        let is_known = runs || self.known.contains(&step.image);
        let same = self.groups.get(&(actor, step.annotations));
        is_known && same.is_some_and(|(running, count)| *running != which || count.checked_add(step.count).is_none())
    }

    /// Holds an auction and follows the bid, if there is one.
    fn live(&mut self, step: Step) -> Result<bool, TestCaseError> {
        if step.clear {
            self.held.clear();
        }
        let start = start(step);
        let offered = self.consider(&start);
        let bids = offered.is_ok();
        match offered {
            Ok(offer) => self.follow(step, start, offer)?,
            Err(objections) => {
                let refused = self.admit(start).is_err();
                prop_assert!(refused || self.will_fail(step), "nothing speaks against it, and yet: {objections:?}");
            }
        }
        if step.without {
            // Whether it is taken on does not matter here: it changes the host.
            let _ = self.admit(self::start(step));
        }
        Ok(bids)
    }

    fn follow(&mut self, step: Step, mut start: Start, offer: Offer) -> Result<(), TestCaseError> {
        prop_assert!(!self.will_fail(step), "it bids for what cannot be");
        start.bid = Some(offer.token);
        let taken_on = self.admit(start.clone());
        prop_assert_eq!(taken_on, Ok(()), "it refuses what it bade for");
        let again = self.admit(start);
        prop_assert_eq!(again.expect_err("followed already").code(), lattice_protocol::RefusalCode::BidStale);
        Ok(())
    }
}

fn start(step: Step) -> Start {
    Start {
        reference: reference(step.image),
        digest: None,
        annotations: annotations(step.annotations),
        count: step.count,
        bid: None,
    }
}

fn annotations(index: usize) -> Annotations {
    ANNOTATIONS[index].iter().copied().collect()
}

fn reference(image: usize) -> Reference {
    format!("ghcr.io/acme/a:{image}").parse().expect("a reference")
}

fn known(image: usize) -> KnownImage {
    KnownImage { actor: ACTORS[image / 2].parse().expect("a published key"), digest: digest(image) }
}

fn digest(image: usize) -> Digest {
    Digest::of(&[u8::try_from(image).expect("there are few")])
}

fn views(groups: &Groups, actor: usize) -> Vec<GroupView> {
    let of_actor = groups.iter().filter(|((of, _), _)| *of == actor);
    let view = |((_, set), (which, count)): (&(usize, usize), &(usize, u16))| GroupView {
        annotations: annotations(*set),
        reference: reference(actor * 2 + which),
        digest: digest(actor * 2 + which),
        claims: None,
        count: *count,
        instances: Vec::new(),
    };
    of_actor.map(view).collect()
}

#[tokio::test]
async fn nine_thousand_auctions_of_made_up_hosts() {
    let ground = Ground::new().await;
    let config = Config { cases: HOSTS, failure_persistence: None, ..Config::default() };
    let bids = Cell::new(0);
    let all = TestRunner::new(config).run(&made(), |made| {
        let mut host = ground.host(&made);
        for step in &made.steps {
            bids.set(bids.get() + u32::from(host.live(*step)?));
        }
        Ok(())
    });
    all.expect("no host that bids refuses");
    assert!(bids.get() > 6 * HOSTS, "three quarters of the auctions have bids, and these only {}", bids.get());
}
