//! The program.

use std::process::Stdio;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};

use crate::stage::{LONG, Stage, free_address, get};

#[tokio::test]
async fn it_answers_until_a_signal_ends_it() {
    let mut stage = Stage::start().await;
    drop(stage.serving.take());
    let actor = stage.actor("one").await;
    let address = free_address();
    let link = stage.link_of(&actor.key, &[("address", &address.to_string())]);
    let mut program = Command::new(env!("CARGO_BIN_EXE_lattice-http-server"));
    let program = program.stdin(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).env_remove("RUST_LOG");
    let mut program = program.spawn().expect("it starts");
    let mut input = program.stdin.take().expect("its input is a pipe");
    input.write_all(stage.data(vec![link]).to_line().as_bytes()).await.expect("it reads");
    drop(input);
    lattice_testkit::eventually("it listens", LONG, async || {
        tokio::net::TcpStream::connect(address).await.is_ok().then_some(())
    })
    .await;
    assert!(get(address, "/").await.contains("x-actor: one"));
    let pid = program.id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill starts").success());
    let status = tokio::time::timeout(LONG, program.wait()).await.expect("it ends").expect("it can be waited for");
    let mut log = String::new();
    program.stderr.take().expect("a pipe").read_to_string(&mut log).await.expect("text");
    assert!(status.success() && log.contains("taking requests"), "{status}: {log}");
}
