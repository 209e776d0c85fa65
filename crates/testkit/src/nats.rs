//! A private nats-server: on a port of its own, with a store of its own, gone with the test.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use lattice_broker::{Search, find_or_provision, read_info};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{eventually, process::Process};

/// How long a server may take to answer. It takes milliseconds; the rest is for a machine full of tests.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// What a private server is to be like. The default: JetStream on, messages up to 8 MiB.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// Whether JetStream is on.
    pub jetstream: bool,
    /// The largest message in bytes.
    pub max_payload: usize,
    /// Further lines of configuration, in the server's own language.
    pub config: String,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self { jetstream: true, max_payload: lattice_broker::MAX_PAYLOAD, config: String::new() }
    }
}

/// A nats-server that only this test uses. It ends when this value is dropped, and when the test process dies.
///
/// ```no_run
/// # async fn example() {
/// let nats = lattice_testkit::NatsServer::start().await;
/// let client = nats.client().await;
/// client.publish("greeting", "hello".into()).await.expect("the server runs");
/// # }
/// ```
#[derive(Debug)]
pub struct NatsServer {
    process: Option<Process>,
    port: u16,
    options: NatsOptions,
    directory: TempDir,
}

impl NatsServer {
    /// Starts a server with JetStream and waits until it answers.
    ///
    /// # Panics
    /// If there is no usable nats-server and none can be provisioned, or it does not start.
    pub async fn start() -> Self {
        Self::start_with(NatsOptions::default()).await
    }

    /// Starts a server with these options and waits until it answers.
    ///
    /// # Panics
    /// As [`NatsServer::start`]; also if the server refuses the configuration.
    pub async fn start_with(options: NatsOptions) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let mut server = Self { process: None, port: 0, options, directory };
        server.launch().await;
        server
    }

    /// The URL for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port, which stays the same over a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the server, for instance to send it a signal; none while it is killed.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.server.id())
    }

    /// What the server has logged since it was started last.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A connected client.
    ///
    /// # Panics
    /// If the server does not accept one, for instance because its options ask for credentials.
    pub async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.url()).await.expect("the private nats-server accepts a client")
    }

    /// Ends the server as a power cut would. What its store has written stays for [`NatsServer::restart`].
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Ends the server as its operator would, and waits until it has: what it has acknowledged is in its store then.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let told = Command::new("kill").args(["-TERM", &process.server.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()), "the private nats-server cannot be told to end");
        eventually("the private nats-server ends", START_DEADLINE, async || {
            process.server.try_wait().expect("a child can be waited for")
        })
        .await;
    }

    /// Starts the server again, on the same port and store, killing it first if it runs.
    ///
    /// # Panics
    /// If it does not start, for instance because another program took the port meanwhile.
    pub async fn restart(&mut self) {
        self.kill();
        self.launch().await;
    }

    async fn launch(&mut self) {
        let binary = nats_binary().await;
        let ports = self.path("ports");
        let _ = fs::remove_dir_all(&ports);
        fs::create_dir(&ports).expect("the test's directory can be written");
        fs::write(self.path("nats.conf"), self.config()).expect("the test's directory can be written");
        let mut command = Command::new(binary);
        command.args(["--config", "nats.conf", "--ports_file_dir", "ports"]).current_dir(self.directory.path());
        let mut process = Process::start(command, &self.path("log")).expect("nats-server can be started");
        let ports = ports.join(format!("nats-server_{}.ports", process.server.id()));
        self.port = eventually("the private nats-server answers", START_DEADLINE, async || {
            self.expect_alive(&mut process);
            let port = read_port(&ports)?;
            let url = format!("127.0.0.1:{port}");
            read_info(&url, START_DEADLINE).await.ok().map(|_| port)
        })
        .await;
        self.process = Some(process);
    }

    fn expect_alive(&self, process: &mut Process) {
        let ended = process.server.try_wait().expect("a child can be waited for");
        if let Some(status) = ended {
            panic!("the private nats-server ended ({status}):\n{}", self.log());
        }
    }

    fn config(&self) -> String {
        let port = if self.port == 0 { -1 } else { i32::from(self.port) };
        let mut text = format!("listen: \"127.0.0.1:{port}\"\nmax_payload: {}\n", self.options.max_payload);
        if self.options.jetstream {
            let store = self.path("store");
            writeln!(text, "jetstream {{ store_dir: {:?} }}", store.display().to_string()).expect("a string grows");
        }
        text + &self.options.config + "\n"
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// A usable nats-server: found as the broker finds one, or provisioned, once for all tests of this user.
///
/// Tests of whole programs hand it on in the environment variable [`lattice_broker::NATS_SERVER_VARIABLE`].
///
/// # Panics
/// If there is none.
pub async fn nats_binary() -> &'static Path {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    let found = BINARY.get_or_init(|| async {
        let binary = find_or_provision(&Search::from_env(cache_dir()), &|_| {}).await;
        binary.unwrap_or_else(|error| panic!("no nats-server: {}", chain(&error))).path().to_owned()
    });
    found.await
}

fn read_port(ports: &Path) -> Option<u16> {
    let listed: Value = serde_json::from_str(&fs::read_to_string(ports).ok()?).ok()?;
    let url = listed["nats"][0].as_str()?;
    url.rsplit_once(':')?.1.parse().ok()
}

/// Where tests keep what they provision: `LATTICE_TEST_CACHE`, or `lattice-test` in the user's cache directory.
pub fn cache_dir() -> PathBuf {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user_cache = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    variable("LATTICE_TEST_CACHE").unwrap_or_else(|| user_cache().unwrap_or_else(env::temp_dir).join("lattice-test"))
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use lattice_broker::ProbeError;

    use super::*;

    #[tokio::test]
    async fn a_restarted_server_keeps_its_port_and_its_store() {
        let mut nats = NatsServer::start().await;
        let port = nats.port();
        let jetstream = async_nats::jetstream::new(nats.client().await);
        let bucket = jetstream
            .create_key_value(async_nats::jetstream::kv::Config { bucket: "kept".to_owned(), ..Default::default() });
        let bucket = bucket.await.expect("JetStream is on");
        bucket.put("key", "value".into()).await.expect("the bucket takes a value");

        nats.kill();
        assert_eq!(nats.pid(), None);
        nats.restart().await;
        assert_eq!(nats.port(), port);
        let jetstream = async_nats::jetstream::new(nats.client().await);
        let bucket = jetstream.get_key_value("kept").await.expect("the bucket is still there");
        let value = bucket.get("key").await.expect("the bucket answers");
        assert_eq!(value.as_deref(), Some(b"value".as_slice()));
    }

    #[tokio::test]
    async fn options_reach_the_server() {
        let nats = NatsServer::start_with(NatsOptions {
            jetstream: false,
            max_payload: 4096,
            config: "server_name: \"chosen\"".to_owned(),
        });
        let nats = nats.await;
        let info = read_info(&nats.url(), START_DEADLINE).await.expect("the server answers");
        assert_eq!((info.jetstream, info.max_payload, info.name.as_str()), (false, 4096, "chosen"));

        let url = nats.url();
        drop(nats);
        let gone = read_info(&url, START_DEADLINE).await;
        assert!(matches!(gone, Err(ProbeError::NothingListens { .. })), "{gone:?}");
    }

    #[tokio::test]
    #[should_panic(expected = "nonsense")]
    async fn a_refused_configuration_shows_the_servers_log() {
        let options = NatsOptions { config: "nonsense: 1".to_owned(), ..NatsOptions::default() };
        NatsServer::start_with(options).await;
    }
}
