//! The `up` process itself: start, follow, stop in order.

use std::{
    io,
    pin::pin,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use lattice_host::{Host, HostConfig, HostDirs, HostIdentity, Mode};
use lattice_protocol::Labels;
use tokio::{
    task,
    time::{self, Instant},
};

use super::{
    RunningUp, attach,
    broker::{self, UpBroker},
    demo,
    ready::Ready,
    state::UpLock,
};
use crate::{
    builtins,
    cli::{Compat, Up},
    connect::Lattice,
    fault::{Code, Fault},
    follow::{Filter, Follower},
    keys::Keys,
    printer::Printer,
    settings::{Credentials, DataDir, ImageSettings, Settings, Target},
    signals::Signals,
};

/// How long the lock is tried for: whoever only looks whether an `up` runs holds it for an instant.
const LOCK_DEADLINE: Duration = Duration::from_millis(300);
/// The pause between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// How long the host's last event may be on its way through the broker after the host has ended.
const LAST_EVENT: Duration = Duration::from_secs(1);
/// How long what ran before may take to come up again before the rest is shown.
const RESTORE_PATIENCE: Duration = Duration::from_secs(60);

/// What was asked for.
pub(super) struct Request<'a> {
    pub(super) flags: &'a Up,
    pub(super) settings: &'a Settings,
    pub(super) data_dir: DataDir,
    pub(super) printer: Printer,
}

/// Everything that runs.
struct Running {
    broker: UpBroker,
    host: Host,
    lattice: Lattice,
    follower: Follower,
    up: RunningUp,
}

/// Runs a lattice in the foreground until it is told to stop, or follows the one that runs in the data directory.
pub(crate) async fn run(flags: &Up, settings: &Settings) -> anyhow::Result<()> {
    if flags.background {
        // The terminal that it was started from may close.
        rustix::process::setsid().map_err(io::Error::from).context("the process cannot leave its terminal")?;
    }
    let mut signals = Signals::new()?;
    let data_dir = settings.data_dir()?;
    data_dir.create()?;
    let request = Request { flags, settings, data_dir, printer: settings.printer() };
    loop {
        if let Some(lock) = take_lock(&request.data_dir).await? {
            return own(&request, lock, &mut signals).await;
        }
        // Somebody else was quicker, and whoever started this one in the background waits for that one.
        if flags.background {
            return Ok(());
        }
        // The one that held the lock may have ended while it was starting: then it is our turn.
        if attach::follow(&request, &mut signals).await? {
            return Ok(());
        }
    }
}

async fn take_lock(data_dir: &DataDir) -> anyhow::Result<Option<UpLock>> {
    let deadline = Instant::now() + LOCK_DEADLINE;
    loop {
        let unusable = || format!("the lock {} cannot be used", data_dir.up_lock().display());
        let lock = UpLock::take(data_dir).with_context(unusable)?;
        if lock.is_some() || Instant::now() > deadline {
            return Ok(lock);
        }
        time::sleep(LOCK_PAUSE).await;
    }
}

/// Runs everything as the holder of the lock, which is let go of last.
async fn own(request: &Request<'_>, lock: UpLock, signals: &mut Signals) -> anyhow::Result<()> {
    // A signal while it starts drops what is there: the guard ends the broker as soon as its owner lets go.
    let mut running = tokio::select! {
        running = start(request) => running?,
        () = signals.stop() => return Ok(()),
    };
    let ended = running.follow(request, signals).await;
    tell(request, "stopping ...").await;
    running.tell_stopping(&request.data_dir);
    let deadline = ended.as_ref().ok().copied().flatten();
    // Dropping what is being stopped ends it at once.
    tokio::select! {
        () = running.stop(deadline) => {}
        () = signals.again() => return Err(Signals::cut_short().into()),
    }
    tell(request, "stopped").await;
    drop(lock);
    ended.map(drop)
}

/// Tells people something, unless nobody reads it: a stalled terminal must not keep a lattice from stopping.
async fn tell(request: &Request<'_>, text: &'static str) {
    let printer = request.printer;
    let _ = time::timeout(LAST_EVENT, task::spawn_blocking(move || printer.note(text))).await;
}

/// Starts broker, host and demo, and tells that all is ready. If one fails, what was started is stopped in order.
async fn start(request: &Request<'_>) -> anyhow::Result<Running> {
    let target = request.settings.target()?;
    let images = request.settings.images(&request.flags.images)?;
    let broker = UpBroker::start(&request.data_dir, &target, request.flags.port, request.printer).await?;
    request.printer.progress("starting the host ...");
    let host = match start_host(request, images, &target, &broker).await {
        Ok(host) => host,
        Err(error) => {
            broker.stop().await;
            return Err(error);
        }
    };
    match finish(request, &target, &broker, &host).await {
        Ok((lattice, follower, up)) => Ok(Running { broker, host, lattice, follower, up }),
        Err(error) => {
            host.stop(None).await;
            broker.stop().await;
            Err(error)
        }
    }
}

async fn start_host(
    request: &Request<'_>,
    images: ImageSettings,
    target: &Target,
    broker: &UpBroker,
) -> anyhow::Result<Host> {
    let keys = Keys::of(&request.data_dir);
    let (host_seed, cluster_seed) = (keys.host()?, keys.cluster()?);
    let dirs = HostDirs { state: request.data_dir.host(&host_seed.public()), cache: request.data_dir.cache() };
    let identity = HostIdentity { lattice: target.lattice.clone(), host_seed, cluster_seed };
    let mut config = HostConfig::new(identity, broker.nats.clone(), dirs);
    config.prefix = target.prefix.clone();
    config.mode = match request.flags.compat {
        Some(Compat::Wasmcloud) => Mode::Mixed,
        None => Mode::Own,
    };
    config.friendly_name = request.flags.friendly_name.clone();
    config.labels = Labels::from_iter(request.flags.labels.clone());
    config.max_instances = request.flags.max_instances;
    config.allow_file = true;
    config.allow_unsigned = true;
    config.pull = images.pull;
    // What `start` signs for people, it signs with this account.
    config.trust = images.trust.with_own(keys.account()?.public());
    config.artifacts = images.store;
    config.providers = builtins::provider_settings();
    Host::start(config).await.context("the host cannot start")
}

/// What comes after the host: what ran before, the demo, and telling everybody.
async fn finish(
    request: &Request<'_>,
    target: &Target,
    broker: &UpBroker,
    host: &Host,
) -> anyhow::Result<(Lattice, Follower, RunningUp)> {
    let up = describe(target, broker, host);
    let lattice = Lattice::reach(Target::of_up(&up, Some(target.timeout))).await?;
    let filter = Filter { types: Vec::new(), no_heartbeats: request.settings.verbosity() == 0 };
    let follower = Follower::new(&lattice, filter, request.printer).await?;
    request.printer.progress("starting what ran before ...");
    if time::timeout(RESTORE_PATIENCE, host.restored()).await.is_err() {
        request.printer.warn("what ran before is still starting");
    }
    if request.flags.demo {
        request.printer.progress("starting the demo ...");
        demo::ensure(&lattice, host.key(), &request.data_dir).await?;
    }
    request.printer.end_progress();
    Ok((lattice, follower, up))
}

fn describe(target: &Target, broker: &UpBroker, host: &Host) -> RunningUp {
    let creds = match &broker.place.credentials {
        Credentials::File(path) => Some(path.clone()),
        _ => None,
    };
    RunningUp {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        lattice: target.lattice.clone(),
        control_prefix: target.prefix.clone(),
        nats_url: broker.place.url.clone(),
        creds,
        nats_version: broker.nats.server_info().version,
        store: broker.store.clone(),
        host_id: host.key().clone(),
        host_name: host.friendly_name().to_owned(),
        started: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        stopping: false,
    }
}

impl Running {
    /// Tells that all is ready and shows events until something ends it: how long running calls may take then.
    async fn follow(&mut self, request: &Request<'_>, signals: &mut Signals) -> anyhow::Result<Option<Duration>> {
        let ready = Ready::ask(&self.lattice, self.up.clone(), &request.data_dir, false).await?;
        let unwritten = || format!("{} cannot be written", request.data_dir.up_state().display());
        self.up.write(&request.data_dir).with_context(unwritten)?;
        request.printer.stream(&ready)?;
        let broker = broker::watch(self.broker.states(), request.printer);
        // Cancel-safe: nothing that is lost here is wanted once it ends.
        tokio::select! {
            () = signals.stop() => Ok(None),
            deadline = self.host.stop_requested() => Ok(deadline),
            error = broker => Err(error),
            ended = self.follower.run() => match ended {
                Ok(()) => Err(Fault::new(Code::Failed, "the connection to the broker was closed").into()),
                Err(error) => Err(error),
            },
        }
    }

    /// Tells those who look into the data directory. Best effort: a full disk is no reason not to stop.
    fn tell_stopping(&mut self, data_dir: &DataDir) {
        self.up.stopping = true;
        if let Err(error) = self.up.write(data_dir) {
            tracing::debug!(%error, "that it is stopping could not be noted");
        }
    }

    /// Host first, so that its last events are still carried; then the broker.
    async fn stop(self, deadline: Option<Duration>) {
        let Self { broker, host, lattice, mut follower, up } = self;
        let mut stopped = pin!(host.stop(deadline));
        {
            // The last events are shown too, as long as somebody reads them.
            let mut shown = pin!(follower.until_stopped(&up.host_id));
            // Cancel-safe: what has not ended goes on below.
            tokio::select! {
                _ = &mut stopped => {
                    let _ = time::timeout(LAST_EVENT, shown).await;
                }
                _ = &mut shown => {
                    stopped.await;
                }
            }
        }
        drop((follower, lattice));
        broker.stop().await;
    }
}
