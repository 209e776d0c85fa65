//! The example as a process.

use std::process::{ExitStatus, Stdio};

use lattice_protocol::HostData;
use lattice_provider::encode;
use lattice_testkit::eventually;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};

use crate::lattice::{self, LONG, Lattice};

/// The example, which cargo builds for tests.
fn example() -> Command {
    let tests = std::env::current_exe().expect("this program has a path");
    let profile = tests.parent().and_then(|deps| deps.parent()).expect("tests lie two folders deep");
    let path = profile.join("examples/counter");
    assert!(path.exists(), "{}: build it with `cargo build -p lattice-provider --examples`", path.display());
    let mut command = Command::new(path);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .env_remove("RUST_LOG");
    command
}

/// The example, told this line, after which its input is closed as published hosts do it.
async fn told(line: &str) -> Child {
    let mut child = example().spawn().expect("the example starts");
    let mut input = child.stdin.take().expect("its input is a pipe");
    input.write_all(line.as_bytes()).await.expect("it reads");
    child
}

/// How it ended, and what it wrote to standard error.
async fn end(mut child: Child) -> (ExitStatus, String) {
    let mut text = String::new();
    child.stderr.take().expect("its errors are a pipe").read_to_string(&mut text).await.expect("text");
    let status = tokio::time::timeout(LONG, child.wait()).await.expect("it ends").expect("a child can be waited for");
    (status, text)
}

#[tokio::test]
async fn without_a_host_it_says_so() {
    for (line, expect) in [("", "the line is empty"), ("\n", "the line is empty"), ("nonsense!\n", "not base64")] {
        let (status, text) = end(told(line).await).await;
        assert_eq!(status.code(), Some(1));
        assert!(text.starts_with("error: what the host says cannot be used") && text.contains(expect), "{text}");
    }
}

#[tokio::test]
async fn without_nats_it_ends_with_an_error() {
    let lattice = Lattice::start().await;
    let nowhere = HostData { lattice_rpc_url: "127.0.0.1:1".to_owned(), ..lattice.data(Vec::new()) };
    let (status, text) = end(told(&nowhere.to_line()).await).await;
    assert_eq!(status.code(), Some(1));
    assert!(text.contains("error: no connection to NATS at `127.0.0.1:1`"), "{text}");
}

#[tokio::test]
async fn it_serves_with_its_input_closed_until_its_host_ends_it() {
    let lattice = Lattice::start().await;
    let actor = lattice::actor();
    let data = HostData { structured_logging: true, ..lattice.data(vec![lattice.link(&actor, &[("start", "40")])]) };
    let child = told(&data.to_line()).await;
    lattice.ready().await;
    let count = lattice.call(&actor, "Counter.Add", encode(&2)).await.expect("an answer");
    assert_eq!(count, encode(&42));
    let wrong = lattice.put(&lattice.link(&actor, &[("start", "secret")])).await;
    assert_eq!(wrong.as_deref(), Some("the link value `start` is no number"));
    assert_eq!(lattice.shut_down().await, "shutting down");
    let (status, text) = end(child).await;
    assert!(status.success(), "{status}: {text}");
    for line in text.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
    assert!(text.contains("shutting down") && !text.contains("secret"), "{text}");
    assert!(!text.contains(&lattice.cluster.secret_text()));
}

#[tokio::test]
async fn a_signal_ends_it_in_order() {
    let lattice = Lattice::start().await;
    let child = told(&lattice.data(Vec::new()).to_line()).await;
    lattice.ready().await;
    let pid = child.id().expect("it runs").to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill starts");
    assert!(sent.success());
    let (status, text) = end(child).await;
    assert!(status.success() && text.contains("shutting down"), "{status}: {text}");
    eventually("nobody listens", LONG, async || {
        lattice.client.request(lattice.health_subject(), "".into()).await.is_err().then_some(())
    })
    .await;
}
