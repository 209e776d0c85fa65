//! One run of the local server, from its configuration to its end.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::{fs::DirBuilderExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{self, ExitStatus},
    sync::atomic::{AtomicU32, Ordering},
};

use lattice_guard::{GuardLost, Guarded, GuardedCommand, Output, SpawnError};
use serde_json::{Value, json};
use tokio::time;

use crate::{
    Binary, MAX_PAYLOAD,
    defaults::{INTRODUCTION_DEADLINE, READY_DEADLINE, READY_PAUSE, STOP_GRACE},
    log::{Log, reason},
    read_info,
};

/// What the server calls itself to its clients.
const SERVER_NAME: &str = "lattice-local";

/// Why the local server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The data directory cannot be written: it is read-only, full, or somebody else's.
    #[error("the data directory {} cannot be written", path.display())]
    DataDir {
        /// The file or directory that could not be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another server runs on the same store.
    #[error("another nats-server is running on the data directory {}", data_dir.display())]
    InUse {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// The server could not be started at all.
    #[error("nats-server could not be started")]
    Spawn(#[source] SpawnError),
    /// Another program took the port.
    #[error("port {port} on 127.0.0.1 is in use by another program")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The server ended by itself.
    #[error("nats-server ended ({status}): {}", reason(log))]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// The process that guards the server was killed, and the server with it.
    #[error("nats-server ended")]
    Guard(#[source] GuardLost),
    /// The server runs but did not become ready.
    #[error("nats-server did not answer with JetStream within {READY_DEADLINE:?}: {}", reason(log))]
    NotReady {
        /// The last lines of its log.
        log: Vec<String>,
    },
}

/// Where a server runs and what is needed to start it, again and again.
#[derive(Debug)]
pub(crate) struct Site {
    data_dir: PathBuf,
    binary: Binary,
    guard: Option<PathBuf>,
}

/// A server that was ready.
#[derive(Debug)]
pub(crate) struct Server {
    guarded: Guarded,
    log: Log,
    port: u16,
}

impl Site {
    pub(crate) fn new(data_dir: PathBuf, binary: Binary, guard: Option<PathBuf>) -> Self {
        Self { data_dir, binary, guard }
    }

    /// Starts a server on `port`, or on a free one, and returns it when it answers and has JetStream.
    pub(crate) async fn launch(&self, port: Option<u16>) -> Result<Server, ServerError> {
        let ports = Ports::new(&self.path("ports"))?;
        let config = self.write_config(port, &ports)?;
        let path = self.path("nats.log");
        let (log, file) = Log::open(&path).map_err(unwritable(&path))?;
        let errors = file.try_clone().map_err(unwritable(&path))?;
        let command = self.command(&config).stdout(Output::File(file)).stderr(Output::File(errors));
        let guarded = Guarded::spawn(command).await.map_err(|error| self.not_spawned(error))?;
        let mut server = Server { guarded, log, port: port.unwrap_or_default() };
        server.port = server.ready(&ports).await?;
        Ok(server)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data_dir.join("nats").join(name)
    }

    /// JSON is a form of the server's configuration language, and one without surprises in quoting.
    fn write_config(&self, port: Option<u16>, ports: &Ports) -> Result<PathBuf, ServerError> {
        let config = json!({
            "server_name": SERVER_NAME,
            "listen": format!("127.0.0.1:{}", port.map_or(-1, i32::from)),
            "max_payload": MAX_PAYLOAD,
            "ports_file_dir": text(&ports.directory)?,
            "jetstream": { "store_dir": text(&self.data_dir.join("nats"))? },
        });
        let path = self.path("nats.conf");
        fs::write(&path, format!("{config:#}\n")).map_err(unwritable(&path))?;
        Ok(path)
    }

    fn command(&self, config: &Path) -> GuardedCommand {
        let command = GuardedCommand::new(self.binary.path()).arg("--config").arg(config).lock(self.path("lock"));
        match &self.guard {
            Some(exe) => command.exe(exe),
            None => command,
        }
    }

    fn not_spawned(&self, error: SpawnError) -> ServerError {
        match error {
            SpawnError::Locked { .. } => ServerError::InUse { data_dir: self.data_dir.clone() },
            SpawnError::Lock { path, source } => ServerError::DataDir { path, source },
            error => ServerError::Spawn(error),
        }
    }
}

impl Server {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pid(&self) -> u32 {
        self.guarded.pid()
    }

    /// Why the server ended, once it has. Cancel-safe.
    pub(crate) async fn ended(&mut self) -> ServerError {
        match self.guarded.wait().await {
            Ok(status) => self.exited(status),
            Err(lost) => ServerError::Guard(lost),
        }
    }

    /// Ends the server in order: it closes its clients and writes out its store first.
    pub(crate) async fn stop(mut self) {
        let status = self.guarded.stop(STOP_GRACE).await;
        if status.is_ok_and(|status| status.signal().is_some()) {
            tracing::warn!("nats-server did not stop within {STOP_GRACE:?} and was killed");
        }
    }

    async fn ready(&mut self, ports: &Ports) -> Result<u16, ServerError> {
        let pid = self.pid();
        // Giving up the wait loses nothing, and giving up the look is harmless.
        tokio::select! {
            port = time::timeout(READY_DEADLINE, ports.answering(pid)) => {
                port.map_err(|_| ServerError::NotReady { log: self.log.tail() })
            }
            error = self.ended() => Err(error),
        }
    }

    fn exited(&self, status: ExitStatus) -> ServerError {
        let log = self.log.tail();
        if log.iter().any(|line| line.contains("address already in use")) {
            return ServerError::PortInUse { port: self.port };
        }
        ServerError::Exited { status, log }
    }
}

/// The directory into which one run of the server writes the port that it listens on. Removed on drop.
#[derive(Debug)]
struct Ports {
    directory: PathBuf,
}

impl Ports {
    /// A directory that no other run uses, so that what is found in it is never of an earlier one.
    fn new(parent: &Path) -> Result<Self, ServerError> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let directory = parent.join(format!("{}-{run}", process::id()));
        let _ = fs::remove_dir_all(&directory);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(unwritable(&directory))?;
        Ok(Self { directory })
    }

    /// The port on which the server with this process id answers, having JetStream, once it does. Cancel-safe.
    async fn answering(&self, pid: u32) -> u16 {
        let file = self.directory.join(format!("nats-server_{pid}.ports"));
        loop {
            if let Some(port) = read_port(&file)
                && answers(port).await
            {
                return port;
            }
            time::sleep(READY_PAUSE).await;
        }
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The port in the file, unless the file is not there or not whole yet.
fn read_port(file: &Path) -> Option<u16> {
    let ports: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let url = ports["nats"][0].as_str()?;
    url.rsplit_once(':')?.1.parse().ok()
}

async fn answers(port: u16) -> bool {
    let info = read_info(&format!("127.0.0.1:{port}"), INTRODUCTION_DEADLINE).await;
    info.is_ok_and(|info| info.name == SERVER_NAME && info.jetstream)
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> ServerError {
    let path = path.to_owned();
    |source| ServerError::DataDir { path, source }
}

/// The path as the configuration holds it.
fn text(path: &Path) -> Result<&str, ServerError> {
    let not_text = || io::Error::new(io::ErrorKind::InvalidFilename, "the path is not valid UTF-8");
    path.to_str().ok_or_else(|| unwritable(path)(not_text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_port_only_from_a_whole_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ports");
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            read_port(&file)
        };
        assert_eq!(read(r#"{"nats":["nats://127.0.0.1:4333"]}"#), Some(4333));
        assert_eq!(read(r#"{"nats":["nats://127.0.0.1:43"#), None);
        assert_eq!(read(r#"{"nats":[]}"#), None);
        assert_eq!(read_port(Path::new("/nowhere")), None);
    }
}
