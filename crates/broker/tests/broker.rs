//! The supervised server, for real: this binary is the guard, an owner to be killed, and the tests.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use lattice_broker::{
    Binary, Broker, BrokerConfig, BrokerState, MAX_PAYLOAD, ProbeError, ServerError, probe, run_if_guard,
};
use lattice_testkit::{eventually, nats_binary};
use libtest_mimic::{Arguments, Failed, Trial};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(30);

/// First argument that makes this binary an owner: it runs a broker in the directory that follows, on the port after it.
const OWNER: &str = "__owner";

fn main() -> ExitCode {
    if let Some(code) = run_if_guard() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, data_dir, port] = &arguments[..]
        && role == OWNER
    {
        return run(own_a_broker(data_dir, port.parse().expect("a port")));
    }
    libtest_mimic::run(&Arguments::from_args(), tests()).exit_code()
}

fn tests() -> Vec<Trial> {
    fn test(name: &str, body: fn()) -> Trial {
        Trial::test(name, move || {
            body();
            Ok::<(), Failed>(())
        })
    }
    vec![
        test("runs_on_the_preferred_port_until_stopped", || run(runs_on_the_preferred_port_until_stopped())),
        test("takes_another_port_when_the_preferred_is_taken", || run(takes_another_port())),
        test("a_dead_server_is_started_again", || run(a_dead_server_is_started_again())),
        test("a_store_has_one_server", || run(a_store_has_one_server())),
        test("a_dropped_broker_leaves_no_server", || run(a_dropped_broker_leaves_no_server())),
        test("a_killed_owner_leaves_no_server", || run(a_killed_owner_leaves_no_server())),
        test("a_server_that_ends_at_once_says_why", || run(a_server_that_ends_at_once_says_why())),
        test("a_data_directory_that_cannot_be_written_is_named", || run(an_unwritable_data_directory_is_named())),
    ]
}

async fn own_a_broker(data_dir: &str, port: u16) -> ExitCode {
    let _broker = Broker::start(config(Path::new(data_dir), port).await).await.expect("the broker starts");
    writeln_stdout("ready");
    std::future::pending().await
}

async fn runs_on_the_preferred_port_until_stopped() {
    let data = directory();
    let port = free_port();
    let broker = Broker::start(config(data.path(), port).await).await.expect("the broker starts");
    assert_eq!((broker.port(), broker.url()), (port, format!("nats://127.0.0.1:{port}")));
    let info = probe(&broker.url(), DEADLINE).await.expect("it is a usable server");
    assert_eq!((info.max_payload, info.version), (MAX_PAYLOAD, broker.version()));
    assert!(broker.pid().is_some());
    assert!(data.path().join("nats/jetstream").is_dir());

    let states = broker.states();
    broker.stop().await;
    assert!(matches!(*states.borrow(), BrokerState::Stopped));
    expect_nothing_listens(port).await;
}

async fn takes_another_port() {
    let data = directory();
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = other.local_addr().expect("it is bound").port();
    let broker = Broker::start(config(data.path(), taken).await).await.expect("the broker starts");
    assert_ne!(broker.port(), taken);
    probe(&broker.url(), DEADLINE).await.expect("it is a usable server");
    broker.stop().await;
}

async fn a_dead_server_is_started_again() {
    let data = directory();
    let broker = Broker::start(config(data.path(), free_port()).await).await.expect("the broker starts");
    let mut states = broker.states();
    let first = broker.pid().expect("it runs");
    kill(first);
    let again = states.wait_for(|state| matches!(state, BrokerState::Running { restarts: 1, .. }));
    tokio::time::timeout(DEADLINE, again).await.expect("it is started again in time").expect("it is supervised");
    assert_ne!(broker.pid().expect("it runs"), first);
    probe(&broker.url(), DEADLINE).await.expect("it listens on the same port");
    broker.stop().await;
}

async fn a_store_has_one_server() {
    let data = directory();
    let broker = Broker::start(config(data.path(), free_port()).await).await.expect("the broker starts");
    let error = Broker::start(config(data.path(), 0).await).await.expect_err("the store is in use");
    assert!(matches!(error, ServerError::InUse { ref data_dir } if data_dir == data.path()), "{error:?}");
    probe(&broker.url(), DEADLINE).await.expect("the first one is unharmed");
    broker.stop().await;
    let next = Broker::start(config(data.path(), 0).await).await.expect("the store is free");
    next.stop().await;
}

async fn a_dropped_broker_leaves_no_server() {
    let data = directory();
    let broker = Broker::start(config(data.path(), 0).await).await.expect("the broker starts");
    let port = broker.port();
    drop(broker);
    expect_nothing_listens(port).await;
}

/// The next start must neither meet the old server nor lose its port.
async fn a_killed_owner_leaves_no_server() {
    let data = directory();
    let port = free_port();
    let this = std::env::current_exe().expect("this binary has a path");
    let mut owner = Command::new(this)
        .args([OWNER, data.path().to_str().expect("the path is text"), &port.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the owner starts");
    let mut ready = String::new();
    let output = owner.stdout.take().expect("the output is a pipe");
    BufReader::new(output).read_line(&mut ready).expect("the owner says when it is ready");
    assert_eq!(ready, "ready\n");
    owner.kill().expect("the owner can be killed");
    owner.wait().expect("a child can be waited for");
    expect_nothing_listens(port).await;
    let next = Broker::start(config(data.path(), port).await).await.expect("the store is free");
    assert_eq!(next.port(), port);
    next.stop().await;
}

async fn a_server_that_ends_at_once_says_why() {
    let data = directory();
    let error = start_script(data.path(), "echo '[1] 2026/01/31 10:00:00 [FTL] no more memory' >&2; exit 4").await;
    let shown = error.to_string();
    assert_eq!(shown, "nats-server ended (exit status: 4): [FTL] no more memory");
    let error = start_script(data.path(), "echo 'listen tcp: bind: address already in use' >&2; exit 1").await;
    assert!(matches!(error, ServerError::PortInUse { .. }), "{error:?}");
    let binary = script(data.path(), "exit 0").await;
    fs::remove_file(binary.path()).expect("it was written");
    let error = Broker::start(BrokerConfig::new(data.path(), binary)).await.expect_err("there is no server");
    assert!(matches!(error, ServerError::Spawn(_)), "{error:?}");
}

async fn an_unwritable_data_directory_is_named() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let error = Broker::start(config(file.path(), 0).await).await.expect_err("it is no directory");
    assert!(matches!(error, ServerError::DataDir { .. }), "{error:?}");
    assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
}

async fn start_script(directory: &Path, body: &str) -> ServerError {
    let config = BrokerConfig::new(directory, script(directory, body).await);
    Broker::start(config).await.expect_err("the script is no server")
}

/// A server that passes for usable and then does what `body` says.
async fn script(directory: &Path, body: &str) -> Binary {
    let path: PathBuf = directory.join("fake-server");
    let text = format!("#!/bin/sh\n[ \"$1\" = --version ] && echo 'nats-server: v2.10.0' && exit\n{body}\n");
    fs::write(&path, text).expect("the directory can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    Binary::check(path).await.expect("it tells a good version")
}

async fn config(data_dir: &Path, port: u16) -> BrokerConfig {
    let binary = Binary::check(nats_binary().await).await.expect("it was checked before");
    let mut config = BrokerConfig::new(data_dir, binary);
    config.port = port;
    config
}

async fn expect_nothing_listens(port: u16) {
    let address = format!("127.0.0.1:{port}");
    eventually("the server is gone", DEADLINE, async || {
        let gone = matches!(probe(&address, DEADLINE).await, Err(ProbeError::NothingListens { .. }));
        gone.then_some(())
    })
    .await;
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    socket.local_addr().expect("it is bound").port()
}

fn kill(pid: u32) {
    let status = Command::new("kill").args(["-KILL", &pid.to_string()]).status().expect("kill starts");
    assert!(status.success());
}

fn writeln_stdout(line: &str) {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{line}").expect("the output is open");
}

fn run<T>(body: impl Future<Output = T>) -> T {
    Runtime::new().expect("a runtime can be made").block_on(body)
}
