//! The supervised local server: started, watched, started again when it dies, stopped.

use std::{net::TcpListener, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{self, Instant},
};

use crate::{
    Binary, PREFERRED_PORT, ServerError, Version,
    defaults::{FIRST_RESTART_PAUSE, HEALTHY_AFTER, LAST_RESTART_PAUSE, MOST_FAILURES},
    server::{Server, Site},
};

/// What a local server is started with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BrokerConfig {
    /// Where the server keeps its store, configuration and log: in the directory `nats` below this one.
    pub data_dir: PathBuf,
    /// The server.
    pub binary: Binary,
    /// The port to listen on if it is free; else, and for 0, the server chooses one.
    pub port: u16,
    /// The binary with [`crate::run_if_guard`] in its `main`; none for this process's own.
    pub guard: Option<PathBuf>,
}

impl BrokerConfig {
    /// A server in this data directory, preferably on [`PREFERRED_PORT`].
    pub fn new(data_dir: impl Into<PathBuf>, binary: Binary) -> Self {
        Self { data_dir: data_dir.into(), binary, port: PREFERRED_PORT, guard: None }
    }
}

/// How the local server is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BrokerState {
    /// It runs and was ready.
    Running {
        /// Its process id.
        pid: u32,
        /// How often it was started again.
        restarts: u32,
    },
    /// It died and is about to be started again.
    Restarting {
        /// Why it died, or why the last try to start it again failed.
        cause: Arc<ServerError>,
        /// The pause before the next try.
        pause: Duration,
    },
    /// It died too often and is not started again. The last state.
    Failed {
        /// The last failure.
        cause: Arc<ServerError>,
    },
    /// It was stopped. The last state.
    Stopped,
}

/// A local nats-server with JetStream, on the loopback interface only.
///
/// It is restarted, on the same port, when it dies. [`Broker::stop`] ends it in order; dropping this value kills it, and so
/// does the death of this process.
#[derive(Debug)]
pub struct Broker {
    port: u16,
    version: Version,
    states: watch::Receiver<BrokerState>,
    stop: Option<oneshot::Sender<()>>,
    supervisor: JoinHandle<()>,
}

impl Broker {
    /// Starts a server and returns when it is ready: it answers and has JetStream.
    ///
    /// # Errors
    /// The data directory cannot be written or is in use, or the server does not start; nothing is left running.
    pub async fn start(config: BrokerConfig) -> Result<Self, ServerError> {
        let version = config.binary.version();
        let preferred = is_free(config.port).then_some(config.port);
        let site = Site::new(config.data_dir, config.binary, config.guard);
        let server = match site.launch(preferred).await {
            // It was free a moment ago.
            Err(ServerError::PortInUse { .. }) => site.launch(None).await?,
            launched => launched?,
        };
        let port = server.port();
        let (published, states) = watch::channel(BrokerState::Running { pid: server.pid(), restarts: 0 });
        let (stop, stopped) = oneshot::channel();
        let supervisor =
            Supervisor { site, port, states: published, stopped, backoff: Backoff::default(), restarts: 0 };
        let supervisor = tokio::spawn(supervisor.run(server));
        Ok(Self { port, version, states, stop: Some(stop), supervisor })
    }

    /// The URL for clients on this machine.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port, which stays the same when the server is started again.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The version of the server.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The process id of the server while it runs.
    pub fn pid(&self) -> Option<u32> {
        match *self.states.borrow() {
            BrokerState::Running { pid, .. } => Some(pid),
            _ => None,
        }
    }

    /// How the server is, now and at every change.
    pub fn states(&self) -> watch::Receiver<BrokerState> {
        self.states.clone()
    }

    /// Until the server has died for good; returns why. It does not return while the server is being started again.
    /// Cancel-safe.
    pub async fn exited(&self) -> Arc<ServerError> {
        let mut states = self.states();
        let failed = states.wait_for(|state| matches!(state, BrokerState::Failed { .. })).await;
        match failed.as_deref() {
            Ok(BrokerState::Failed { cause }) => cause.clone(),
            // The supervisor ends without a failure only when it is told to, and then nobody can wait here.
            _ => std::future::pending().await,
        }
    }

    /// Ends the server in order and returns when it is gone.
    pub async fn stop(mut self) {
        // A supervisor that has given up has nothing left to stop.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Err(error) = (&mut self.supervisor).await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

impl Drop for Broker {
    /// Ends the supervisor, and with it the server's guard, which kills the server.
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

/// The one task that owns the server.
struct Supervisor {
    site: Site,
    port: u16,
    states: watch::Sender<BrokerState>,
    stopped: oneshot::Receiver<()>,
    backoff: Backoff,
    restarts: u32,
}

impl Supervisor {
    async fn run(mut self, mut server: Server) {
        loop {
            let started = Instant::now();
            // Whichever is given up: a wait for the end can be resumed, and the order to stop comes once.
            let cause = tokio::select! {
                cause = server.ended() => cause,
                _ = &mut self.stopped => {
                    server.stop().await;
                    return self.publish(BrokerState::Stopped);
                }
            };
            tracing::warn!(%cause, "nats-server died");
            match self.restart(cause, started.elapsed()).await {
                Some(again) => server = again,
                None => return,
            }
        }
    }

    /// A new server on the same port; none if it was told to stop, or gave up.
    async fn restart(&mut self, mut cause: ServerError, mut uptime: Duration) -> Option<Server> {
        loop {
            let Some(pause) = self.backoff.after(uptime) else {
                self.publish(BrokerState::Failed { cause: Arc::new(cause) });
                return None;
            };
            self.publish(BrokerState::Restarting { cause: Arc::new(cause), pause });
            // Told to stop, a launch under way is given up, which kills what it had started.
            let launched = tokio::select! {
                launched = launch_after(pause, &self.site, self.port) => launched,
                _ = &mut self.stopped => {
                    self.publish(BrokerState::Stopped);
                    return None;
                }
            };
            match launched {
                Ok(server) => return Some(self.restarted(server)),
                Err(error) => cause = error,
            }
            uptime = Duration::ZERO;
        }
    }

    fn restarted(&mut self, server: Server) -> Server {
        self.restarts += 1;
        tracing::info!(restarts = self.restarts, "nats-server runs again");
        self.publish(BrokerState::Running { pid: server.pid(), restarts: self.restarts });
        server
    }

    fn publish(&self, state: BrokerState) {
        self.states.send_replace(state);
    }
}

async fn launch_after(pause: Duration, site: &Site, port: u16) -> Result<Server, ServerError> {
    time::sleep(pause).await;
    site.launch(Some(port)).await
}

fn is_free(port: u16) -> bool {
    port != 0 && TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// How long to wait before the next start, and when to give up.
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after a failure of what had run for `uptime`; none after too many failures in a row.
    fn after(&mut self, uptime: Duration) -> Option<Duration> {
        if uptime >= HEALTHY_AFTER {
            self.failures = 0;
        }
        let pause = FIRST_RESTART_PAUSE * 2_u32.pow(self.failures.min(MOST_FAILURES));
        self.failures += 1;
        (self.failures <= MOST_FAILURES).then(|| pause.min(LAST_RESTART_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_in_giving_up() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = std::iter::from_fn(|| backoff.after(Duration::ZERO)).collect();
        assert_eq!(pauses.len(), MOST_FAILURES as usize);
        assert_eq!(pauses[0], FIRST_RESTART_PAUSE);
        assert!(pauses.is_sorted());
        assert_eq!(pauses[pauses.len() - 1], LAST_RESTART_PAUSE);
    }

    #[test]
    fn a_healthy_time_forgives() {
        let mut backoff = Backoff::default();
        while backoff.after(Duration::ZERO).is_some() {}
        assert_eq!(backoff.after(HEALTHY_AFTER), Some(FIRST_RESTART_PAUSE));
    }
}
