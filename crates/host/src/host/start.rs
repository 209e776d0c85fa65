//! Starting a host: first everything that can fail is opened, then everything is put together and runs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lattice_artifact::{Policy, Store, StoreSettings};
use lattice_claims::Issuers;
use lattice_protocol::{
    ClusterKey, ControlSubjects, EventSubjects,
    event::{EventData, HostStarted},
};
use lattice_runtime::{ActorSettings, Runtime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Host, Tasks, task::Task};
use crate::{
    about::{About, Facts, VERSION},
    actors::{self, Absent, Actors, Announcer, Board, Keeper, Preparer, Serving, Tools},
    claims::ClaimsStore,
    config::HostConfig,
    control::{self, Desk, Intake, Parts, Replier},
    defaults::IDENTITY_CHECK,
    error::StartError,
    events::{self, Events},
    labels,
    operations::Operations,
    state::{Running, StateDir},
};

/// Everything that can fail to open. Dropping it leaves nothing behind.
struct Opened {
    state: StateDir,
    store: Store,
    runtime: Runtime,
    claims: ClaimsStore,
    issuers: Issuers,
    intake: Intake,
}

impl Opened {
    async fn open(config: &HostConfig, subjects: &ControlSubjects) -> Result<Self, StartError> {
        let state = StateDir::open(&config.state_dir)?;
        let issuers = Issuers::new(cluster_issuers(config)).map_err(|source| StartError::ClusterIssuer { source })?;
        let store = Store::open(&config.cache_dir.join("artifacts"), StoreSettings::default())
            .map_err(|source| StartError::Store { source })?;
        let runtime = config.runtime.clone().compiled_dir(config.cache_dir.join("compiled"));
        let runtime = Runtime::new(runtime).map_err(|source| StartError::Engine { source })?;
        let claims = ClaimsStore::open(config.control.clone(), &config.lattice).await?;
        require_own_identity(config, subjects).await?;
        let intake = Intake::open(&config.control, subjects, &config.host_seed.public()).await?;
        Ok(Self { state, store, runtime, claims, issuers, intake })
    }
}

/// Starts a host and returns when it serves.
pub(super) async fn start(config: HostConfig) -> Result<Host, StartError> {
    let subjects = ControlSubjects::with_prefix(&config.prefix, config.lattice.clone());
    let opened = Opened::open(&config, &subjects).await?;
    let board = Board::default();
    let about = About::new(facts(&config), board.clone());
    let (events, publisher) = events::channel(
        config.control.clone(),
        about.facts().host.clone(),
        EventSubjects::new(config.lattice.clone()),
        config.typed_events,
    );
    let publisher = Task::spawn(|stop| publisher.run(stop));
    // The first event of all, before anything that runs can cause one.
    events.publish(started(&about));

    let before = if config.restore { opened.state.load() } else { Running::default() };
    let absent = Absent::new(&before);
    let announcer = Announcer::new(about.facts().host.clone(), events.clone());
    let serving = Serving::new(&config, opened.issuers, opened.claims.clone());
    let policy = Policy { allow_file: config.allow_file, allow_unsigned: config.allow_unsigned };
    let (actors, actors_task) = actors::start(Tools {
        preparer: Preparer::new(opened.store, policy, opened.runtime),
        announcer: announcer.clone(),
        board: board.clone(),
        absent: absent.clone(),
        serving: serving.clone(),
        settings: actor_settings(&config),
    });
    let operations = Operations::new(about.facts().host.clone());
    let (stop, stop_requests) = watch::channel(None);
    let desk = Desk::new(Parts {
        subjects: subjects.clone(),
        host: about.facts().host.clone(),
        policy,
        about: about.clone(),
        actors: actors.clone(),
        claims: opened.claims.clone(),
        operations: operations.clone(),
        stop,
    });
    let replier = Replier::new(config.control.clone(), subjects, config.mode, config.inbox_prefixes.clone());

    let keeper = Keeper::new(opened.state, board.clone(), absent.clone());
    let (restore, restored) = restore(before, absent, actors.clone(), operations);
    let claims = opened.claims;
    let intake = opened.intake;
    let tasks = Tasks {
        publisher,
        claims: Task::spawn(|stop| claims.follow(stop)),
        actors: actors_task,
        announcer,
        board,
        keeper: Task::spawn(|stop| keeper.run(stop)),
        heartbeat: Task::spawn(|stop| beat(about.clone(), events.clone(), config.heartbeat, stop)),
        control: Task::spawn(|stop| control::serve(intake, desk, replier, stop)),
        restore,
    };
    events.handed_over().await;
    let facts = about.facts();
    tracing::info!(host = %facts.host, name = facts.friendly_name, lattice = %facts.lattice, "host started");
    Ok(Host {
        about,
        nats: config.control,
        events,
        drain_limit: config.drain_limit,
        stop_requests,
        restored,
        refusals: Arc::clone(serving.refusals()),
        actors: Some(actors),
        tasks,
    })
}

/// Starts what ran before, and tells when that is over.
fn restore(before: Running, absent: Absent, actors: Actors, operations: Operations) -> (Task, watch::Receiver<bool>) {
    let (sender, receiver) = watch::channel(false);
    let task = Task::spawn(|stop| async move {
        let all = actors::restore(before, actors, operations, absent);
        if stop.run_until_cancelled(all).await.is_some() {
            sender.send_replace(true);
        }
    });
    (task, receiver)
}

/// Says that the host is alive, at once and then at every interval, until told to stop.
async fn beat(about: About, events: Events, interval: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(interval);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        events.publish(EventData::HostHeartbeat(about.inventory()));
    }
}

fn started(about: &About) -> EventData {
    let facts = about.facts();
    EventData::HostStarted(HostStarted {
        friendly_name: facts.friendly_name.clone(),
        labels: facts.labels.clone(),
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
        friendly_name: config.friendly_name.clone().unwrap_or_else(|| labels::friendly_name(&host)),
        host,
        lattice: config.lattice.clone(),
        labels: labels::of_host(config.labels.clone()),
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
