//! The process of a provider, from its host's point of view.

use lattice_interop::eventually;
use lattice_interop_providers::LAST_WORDS;
use rustix::process::{Pid, Signal, kill_process};

use crate::stage::Stage;

/// It is asked over NATS, says that it does so, and ends by itself.
pub(crate) async fn ends_when_it_is_asked_to(stage: &Stage) {
    stage.start(None).await;
    let mut events = stage.events(&["provider_stopped"]).await;
    stage.stop().await;
    let stopped = events.data("provider_stopped", stage.lattice.host()).await;
    assert_eq!(stopped["public_key"], stage.provider, "{stopped}");
    stage.until_gone().await;
    let printed = stage.printed().await;
    assert!(printed.contains(&format!("stderr: {LAST_WORDS}")), "{printed:#?}");
    assert_eq!(printed.last().expect("it printed"), "host: stopped: process exited with code 0");
    // It can be started again.
    stage.start(None).await;
}

/// A host that stops asks it just so.
pub(crate) async fn ends_with_its_host(stage: &Stage) {
    stage.start(None).await;
    stage.link("seven").await;
    let process = process(stage).await;
    let mut events = stage.events(&["provider_stopped", "host_stopped"]).await;
    let ack = stage.client.stop_host(stage.lattice.host(), Some(5_000)).await.expect("the host answers");
    assert!(ack.accepted, "{ack:?}");
    events.data("provider_stopped", stage.lattice.host()).await;
    events.data("host_stopped", stage.lattice.host()).await;
    assert!(stage.lattice.ended().await.success());
    rustix::process::test_kill_process(process).expect_err("it has ended");
}

/// One that ends by itself, here as if the machine had no memory left for it, is there again with its links.
pub(crate) async fn serves_again_when_it_is_killed(stage: &Stage) {
    stage.start(None).await;
    stage.link("seven").await;
    let before = process(stage).await;
    kill_process(before, Signal::KILL).expect("it can be killed");
    eventually("another process serves", async || (asked(stage).await? != before).then_some(())).await;
    stage.until_linked("seven").await;
    let listed = stage.until_process("it is well", |process| process["state"] == "running").await;
    assert_eq!((&listed["restarts"], &listed["last_exit"]), (&1.into(), &"killed by signal 9".into()), "{listed}");
}

async fn process(stage: &Stage) -> Pid {
    eventually("it says which process it is", async || asked(stage).await).await
}

async fn asked(stage: &Stage) -> Option<Pid> {
    let number = stage.ask("Echo.Process").await.ok()?.as_i64()?;
    Pid::from_raw(i32::try_from(number).ok()?)
}
