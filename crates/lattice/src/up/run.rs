//! The `up` process itself: one per data directory, which follows what it has started, and stops it in order.

use std::{convert::Infallible, io, pin::pin, time::Duration};

use anyhow::Context;
use lattice_host::Host;
use tokio::{
    task,
    time::{self, Instant},
};

use super::{
    RunningUp, attach,
    broker::{self, UpBroker},
    hosts::Hosts,
    ready::Ready,
    start::start,
    state::{UpHost, UpLock},
};
use crate::{
    cli::Up,
    connect::Lattice,
    fault::{Code, Fault},
    follow::Follower,
    printer::Printer,
    settings::{DataDir, Settings},
    signals::Signals,
};

/// How long the lock is tried for: whoever only looks whether an `up` runs holds it for an instant.
const LOCK_DEADLINE: Duration = Duration::from_millis(300);
/// The pause between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// How long the host's last event may be on its way through the broker after the host has ended.
const LAST_EVENT: Duration = Duration::from_secs(1);

/// What was asked for.
pub(super) struct Request<'a> {
    pub(super) flags: &'a Up,
    pub(super) settings: &'a Settings,
    pub(super) data_dir: DataDir,
    pub(super) printer: Printer,
}

/// Everything that runs.
pub(super) struct Running {
    pub(super) broker: UpBroker,
    pub(super) host: Host,
    pub(super) hosts: Hosts,
    pub(super) lattice: Lattice,
    pub(super) follower: Follower,
    pub(super) up: RunningUp,
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

/// Tells of hosts that end. They are not started again: what becomes of the lattice without them is what people want to see.
async fn watch(hosts: &mut Hosts, up: &mut RunningUp, request: &Request<'_>) -> Infallible {
    loop {
        let gone = hosts.next_gone().await;
        up.hosts.retain(|host| *host != gone.host);
        up.rewrite(&request.data_dir);
        let UpHost { name, pid, .. } = gone.host;
        request
            .printer
            .warn(&format!("host {name}, process {pid}, is gone ({}): only a new `up` starts it again", gone.how));
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
        let hosts = watch(&mut self.hosts, &mut self.up, request);
        // Cancel-safe: nothing that is lost here is wanted once it ends.
        tokio::select! {
            () = signals.stop() => Ok(None),
            deadline = self.host.stop_requested() => Ok(deadline),
            error = broker => Err(error),
            never = hosts => match never {},
            ended = self.follower.run() => match ended {
                Ok(()) => Err(Fault::new(Code::Failed, "the connection to the broker was closed").into()),
                Err(error) => Err(error),
            },
        }
    }

    /// Tells those who look into the data directory.
    fn tell_stopping(&mut self, data_dir: &DataDir) {
        self.up.stopping = true;
        self.up.rewrite(data_dir);
    }

    /// The own host first, for the demo's keeper runs there: it would put on the last host what those had that went before.
    /// Then the others, and the broker last, so that it still carries all their events.
    async fn stop(self, deadline: Option<Duration>) {
        let Self { broker, host, hosts, lattice, mut follower, up } = self;
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
        let mut stopped = pin!(hosts.stop());
        // Cancel-safe: what has not stopped goes on below.
        tokio::select! {
            () = &mut stopped => {}
            _ = follower.run() => stopped.await,
        }
        drop((follower, lattice));
        broker.stop().await;
    }
}
