//! Starting a host: first everything that can fail is opened, then everything is put together and runs.

use std::{sync::Arc, time::Instant};

use async_nats::jetstream;
use lattice_artifact::{Objects, Policy, Store};
use lattice_claims::Issuers;
use lattice_protocol::{
    ArtifactSubjects, ClusterKey, ControlSubjects, EventSubjects, Member,
    event::{EventData, HostStarted},
};
use lattice_rpc::DirectDoor;
use lattice_runtime::{ActorSettings, Runtime};
use tokio::sync::watch;

use super::{
    Host, Tasks,
    heartbeat::Heartbeat,
    shared::{Shared, SharedHandles},
    stops::Stops,
    task::Task,
};
use crate::{
    about::{About, Facts, VERSION},
    actors::{
        self, Absent, Actors, Announcer, Board, Capacity, Directory, Images, Keeper, Notes, Preparer, Restorer,
        Serving, Tools,
    },
    artifacts::{Artifacts, Rules},
    auction::Memory,
    bucket::AnyError,
    config::{HostConfig, Mode},
    control::{self, Desk, Intake, Parts, Replier, StopRequest},
    defaults::{IDENTITY_CHECK, LOCK_LOOK, LOCK_PATIENCE, START_TIMEOUT},
    depot::Depot,
    error::StartError,
    events::{self, Events, Publisher},
    labels::{LabelBook, LabelEdits, LiveLabels, Registrar, friendly_name},
    members::{Members, Noter, Watcher},
    operations::{Ledger, Operations, Writer},
    prefetch::{Prefetcher, Prefetches},
    providers::{self, Exits, ProviderBoard, Providers},
    state::{Running, StateDir},
};

/// Everything that can fail to open. Dropping it leaves nothing behind.
struct Opened {
    state: StateDir,
    store: Store,
    objects: Objects,
    runtime: Runtime,
    shared: Shared,
    ledger: Ledger,
    writer: Writer,
    members: Members,
    watcher: Watcher,
    issuers: Issuers,
    intake: Intake,
}

impl Opened {
    async fn open(config: &HostConfig, subjects: &ControlSubjects) -> Result<Self, StartError> {
        if config.heartbeat.is_zero() || config.member_interval.is_zero() {
            return Err(StartError::Heartbeat);
        }
        let state = state_dir(config).await?;
        let issuers = Issuers::new(cluster_issuers(config)).map_err(|source| StartError::ClusterIssuer { source })?;
        let store = Store::open(&config.cache_dir.join("artifacts"), config.artifacts.clone())
            .map_err(|source| StartError::Store { source })?;
        let runtime = engine(config)?;
        let jetstream = jetstream(config.control.clone()).await?;
        let shared = Box::pin(Shared::open(config, &jetstream, issuers)).await?;
        let issuers = shared.issuers();
        let objects = objects(&jetstream, config).await?;
        let store =
            store.with_objects(objects.clone(), format!("{} of {}", config.lattice, config.cluster_seed.public()));
        let (ledger, writer) = Ledger::open(&jetstream, &config.lattice).await?;
        let members = Members::open(&jetstream, &config.lattice, config.host_seed.public()).await?;
        let events = EventSubjects::new(config.lattice.clone());
        let watcher = Watcher::subscribe(members.clone(), config.mode, &config.control, &events).await;
        let watcher = watcher.map_err(|error| connection("subscribe", error))?;
        require_own_identity(config, subjects).await?;
        let intake = Intake::open(&config.control, subjects, &config.host_seed.public()).await?;
        Ok(Self { state, store, objects, runtime, shared, ledger, writer, members, watcher, issuers, intake })
    }
}

/// The host's directory. It may take a moment until the process that had it is gone altogether.
async fn state_dir(config: &HostConfig) -> Result<StateDir, StartError> {
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match StateDir::open(&config.state_dir) {
            Err(StartError::StateLocked { .. }) if Instant::now() < until => tokio::time::sleep(LOCK_LOOK).await,
            opened => return opened,
        }
    }
}

/// The engine that the host is given, or one of its own.
fn engine(config: &HostConfig) -> Result<Runtime, StartError> {
    if let Some(engine) = &config.engine {
        return Ok(engine.clone());
    }
    let runtime = config.runtime.clone().compiled_dir(config.cache_dir.join("compiled"));
    Runtime::new(runtime).map_err(|source| StartError::Engine { source })
}

/// JetStream, if it is there for this account.
async fn jetstream(nats: async_nats::Client) -> Result<jetstream::Context, StartError> {
    let mut jetstream = jetstream::new(nats);
    jetstream.set_timeout(START_TIMEOUT);
    jetstream.query_account().await.map_err(|source| StartError::NoJetStream { source: Box::new(source) })?;
    Ok(jetstream)
}

/// The lattice's own artifacts. Of a lattice that has none nothing is made.
async fn objects(jetstream: &jetstream::Context, config: &HostConfig) -> Result<Objects, StartError> {
    let opened = Objects::open(jetstream.clone(), &config.lattice).await;
    opened.map_err(|source| {
        let bucket = ArtifactSubjects::new(&config.lattice).bucket().to_owned();
        StartError::Bucket { bucket, source: Box::new(source) }
    })
}

fn connection(attempt: &'static str, source: impl Into<AnyError>) -> StartError {
    StartError::Connection { attempt, source: source.into() }
}

/// What the parts of a host have in common.
struct Common<'a> {
    config: &'a HostConfig,
    subjects: ControlSubjects,
    artifacts: Artifacts,
    board: Board,
    capacity: Capacity,
    provider_board: ProviderBoard,
    exits: Exits,
    about: About,
    events: Events,
    label_edits: LabelEdits,
    absent: Absent,
    operations: Operations,
    members: Members,
    depot: Depot,
    stops: Stops,
}

impl Common<'_> {
    fn tools(&self, runtime: Runtime, serving: Serving, notes: Notes) -> Tools {
        Tools {
            preparer: Preparer::new(self.artifacts.clone(), runtime),
            announcer: Announcer::new(self.about.facts().host.clone(), self.events.clone()),
            board: self.board.clone(),
            capacity: self.capacity.clone(),
            absent: self.absent.clone(),
            notes,
            serving,
            settings: actor_settings(self.config),
        }
    }

    /// What providers need.
    fn provider_tools(&self, shared: &SharedHandles, notes: Notes, door: Option<DirectDoor>) -> providers::Tools {
        let (config, facts) = (self.config, self.about.facts());
        providers::Tools {
            images: providers::Images::new(self.artifacts.clone(), &config.providers.builtins),
            announcer: providers::Announcer::new(facts.host.clone(), self.events.clone()),
            board: self.provider_board.clone(),
            links: shared.links.clone(),
            exits: self.exits.clone(),
            lent_keys: (config.mode == Mode::Own).then(|| shared.lent_keys.clone()),
            notes,
            absent: self.absent.clone(),
            door: door.map(Arc::new),
            lattice: providers::Lattice {
                nats: config.rpc.clone(),
                name: facts.lattice.clone(),
                control_prefix: config.prefix.clone(),
                host: facts.host.clone(),
                url: facts.rpc_url.clone(),
                cluster_seed: config.cluster_seed.clone(),
                cluster_issuers: facts.cluster_issuers.clone(),
            },
            settings: config.providers.clone(),
        }
    }

    fn desk(
        &self,
        (actors, providers): (&Actors, &Providers),
        (images, prefetches): (Images, Prefetches),
        shared: SharedHandles,
        stop: watch::Sender<Option<StopRequest>>,
    ) -> Desk {
        Desk::new(Parts {
            subjects: self.subjects.clone(),
            host: self.about.facts().host.clone(),
            artifacts: self.artifacts.clone(),
            about: self.about.clone(),
            actors: actors.clone(),
            providers: providers.clone(),
            images,
            prefetches,
            memory: Memory::of_this_process(),
            depot: self.depot.clone(),
            label_edits: self.label_edits.clone(),
            shared,
            operations: self.operations.clone(),
            members: self.members.clone(),
            stop,
            stops: self.stops.clone(),
        })
    }

    fn replier(&self) -> Replier {
        let config = self.config;
        let inboxes = config.inbox_prefixes.clone();
        Replier::new(config.control.clone(), self.subjects.clone(), config.mode, inboxes)
    }

    /// Notes that the host is a member of the lattice, for whom gathers wait.
    async fn membership(&self) -> Result<Task, StartError> {
        let facts = self.about.facts();
        let note = Member {
            age: None,
            foreign: false,
            friendly_name: facts.friendly_name.clone(),
            host_id: facts.host.clone(),
            incarnation: Some(self.events.epoch().to_owned()),
            interval: u64::try_from(self.config.member_interval.as_millis()).unwrap_or(u64::MAX),
            version: VERSION.to_owned(),
        };
        let HostConfig { control, drain_limit, .. } = self.config;
        let noter = Noter::begin(self.members.clone(), control.clone(), note, *drain_limit).await;
        let noter = noter.map_err(|error| connection("note the host as a member of the lattice", error))?;
        Ok(Task::spawn("membership", |stop| noter.run(stop)))
    }

    /// Says that the host is alive, as long as it is.
    fn heartbeat(&self) -> Task {
        let heartbeat = Heartbeat {
            about: self.about.clone(),
            events: self.events.clone(),
            nats: self.config.control.clone(),
            interval: self.config.heartbeat,
        };
        Task::spawn("heartbeat", |stop| heartbeat.run(stop))
    }

    /// Starts what ran before, and tells when that is over.
    fn restore(&self, before: Running, actors: Actors, providers: Providers) -> (Task, watch::Receiver<bool>) {
        let (sender, receiver) = watch::channel(false);
        let (operations, absent) = (self.operations.clone(), self.absent.clone());
        let restorer = Restorer { absent, actors, providers, operations };
        let task = Task::spawn("restore", |stop| async move {
            stop.run_until_cancelled(restorer.operations.close_earlier()).await;
            if stop.run_until_cancelled(restorer.all(before)).await.is_some() {
                sender.send_replace(true);
            }
            stop.run_until_cancelled(restorer.providers_until_they_serve()).await;
        });
        (task, receiver)
    }
}

/// Starts a host and returns when it serves.
pub(super) async fn start(config: HostConfig) -> Result<Host, StartError> {
    let subjects = ControlSubjects::with_prefix(&config.prefix, config.lattice.clone());
    let Opened { state, store, objects, runtime, shared, ledger, writer, members, watcher, issuers, intake } =
        Box::pin(Opened::open(&config, &subjects)).await?;
    let (state, board, capacity) = (Arc::new(state), Board::default(), Capacity::new(config.max_instances));
    let (events, publisher) = channel(&config);
    let (registrar, labels, label_edits) = labels(&config, &state, &events, &capacity);
    let provider_board = ProviderBoard::default();
    let before = if config.restore { state.load() } else { Running::default() };
    let absent = Absent::new(&before);
    let about = About::new(facts(&config), labels, board.clone(), (provider_board.clone(), absent.clone()));
    let publisher = Task::spawn("events", |stop| publisher.run(stop));

    let operations = Operations::new(about.facts().host.clone(), events.epoch().to_owned(), ledger);
    let common = Common {
        config: &config,
        subjects,
        artifacts: Artifacts::new(store, rules(&config)),
        board,
        capacity,
        provider_board,
        exits: Exits::default(),
        about,
        events,
        label_edits,
        absent,
        operations,
        members,
        depot: Depot::new(objects, rules(&config).policy, config.control.server_info().max_payload),
        stops: Stops::default(),
    };
    // The last that can fail: who has started also says when it stops.
    let membership = common.membership().await?;
    // The first event of all, before anything that runs can cause one.
    common.events.publish(started(&common.about));
    let (shared, shared_tasks) = shared.start(&config, &common.members, &common.events, &common.operations);
    let serving = Serving::new(&config, issuers, directory(&shared, &common.exits));
    let refusals = Arc::clone(serving.refusals());
    let (keeper, notes) =
        Keeper::new(state, common.board.clone(), common.provider_board.clone(), common.absent.clone());
    let provider_tools = common.provider_tools(&shared, notes.clone(), serving.door());
    let (providers, providers_task) = providers::start(provider_tools, common.capacity.clone());
    let tools = common.tools(runtime, serving, notes);
    let images = tools.preparer.images().clone();
    let (prefetches, prefetcher) =
        Prefetcher::new(common.artifacts.clone(), tools.preparer.clone(), providers.images().clone());
    let (actors, actors_task) = actors::start(tools);
    let (stop, stop_requests) = watch::channel(None);
    let (desk, replier) = (common.desk((&actors, &providers), (images, prefetches), shared, stop), common.replier());
    let (restore, restored) = common.restore(before, actors.clone(), providers.clone());
    let tasks = Tasks {
        publisher,
        membership,
        watcher: Task::spawn("watcher", |stop| watcher.run(stop)),
        ledger: Task::spawn("ledger", |stop| writer.run(stop)),
        shared: shared_tasks,
        actors: actors_task,
        providers: providers_task,
        keeper: Task::spawn("keeper", |stop| keeper.run(stop)),
        heartbeat: common.heartbeat(),
        uploads: Task::spawn("uploads", |stop| common.depot.clone().run(stop)),
        labels: Task::spawn("labels", |stop| registrar.run(stop)),
        control: Task::spawn("control", |stop| control::serve(intake, desk, replier, stop)),
        prefetcher: Task::spawn("prefetches", |stop| prefetcher.run(stop)),
        restore,
    };
    let Common { about, events, stops, .. } = common;
    events.handed_over().await;
    let facts = about.facts();
    tracing::info!(host = %facts.host, name = facts.friendly_name, lattice = %facts.lattice, "host started");
    Ok(Host {
        about,
        nats: config.control,
        events,
        drain_limit: config.drain_limit,
        stop_requests,
        stops,
        restored,
        refusals,
        actors: Some(actors),
        providers: Some(providers),
        tasks,
    })
}

fn rules(config: &HostConfig) -> Rules {
    let HostConfig { allow_file, allow_unsigned, .. } = *config;
    let policy = Policy { allow_file, allow_unsigned, trust: config.trust.clone() };
    Rules { policy, pull: config.pull, before_fetch: config.before_fetch.clone() }
}

/// Where actors and their callers are looked up.
fn directory(shared: &SharedHandles, exits: &Exits) -> Directory {
    Directory {
        claims: shared.claims.clone(),
        links: shared.links.clone(),
        lent_keys: shared.lent_keys.clone(),
        exits: exits.clone(),
    }
}

fn channel(config: &HostConfig) -> (Events, Publisher) {
    let subjects = EventSubjects::new(config.lattice.clone());
    events::channel(config.control.clone(), config.host_seed.public(), subjects, config.typed_events)
}

/// The labels that the host is started with, as they were changed since.
fn labels(
    config: &HostConfig,
    state: &Arc<StateDir>,
    events: &Events,
    capacity: &Capacity,
) -> (Registrar, LiveLabels, LabelEdits) {
    let book = LabelBook::new(config.labels.clone(), state.load_labels());
    let host = config.host_seed.public();
    Registrar::new(host, book, Arc::clone(state), events.clone(), capacity.clone())
}

fn started(about: &About) -> EventData {
    let facts = about.facts();
    EventData::HostStarted(HostStarted {
        friendly_name: facts.friendly_name.clone(),
        labels: about.labels(),
        uptime_seconds: 0,
        version: VERSION.to_owned(),
    })
}

/// Fails when somebody answers for this host already.
async fn require_own_identity(config: &HostConfig, subjects: &ControlSubjects) -> Result<(), StartError> {
    let host = config.host_seed.public();
    let asked = config.control.request(subjects.inventory(&host), bytes::Bytes::new());
    match tokio::time::timeout(IDENTITY_CHECK, asked).await {
        Ok(Ok(_)) => Err(StartError::IdentityInUse { host, lattice: config.lattice.clone() }),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

fn facts(config: &HostConfig) -> Facts {
    let host = config.host_seed.public();
    Facts {
        friendly_name: config.friendly_name.clone().unwrap_or_else(|| friendly_name(&host)),
        host,
        lattice: config.lattice.clone(),
        issuer: config.cluster_seed.public(),
        cluster_issuers: cluster_issuers(config),
        control_url: server_url(&config.control),
        rpc_url: server_url(&config.rpc),
        started: Instant::now(),
    }
}

/// Where a connection goes. The server's own words are used: the URL that the user gave may hold a password.
fn server_url(nats: &async_nats::Client) -> String {
    let server = nats.server_info();
    format!("nats://{}:{}", server.host, server.port)
}

fn actor_settings(config: &HostConfig) -> ActorSettings {
    ActorSettings { deadline: config.call_deadline, queue: config.call_queue, ..ActorSettings::default() }
}

/// The keys whose invocations are accepted; the own one is always among them.
fn cluster_issuers(config: &HostConfig) -> Vec<ClusterKey> {
    let own = config.cluster_seed.public();
    let mut issuers = config.cluster_issuers.clone();
    if !issuers.contains(&own) {
        issuers.push(own);
    }
    issuers
}
