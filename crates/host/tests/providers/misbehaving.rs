//! Providers that do not do what providers do, and whose host is none the worse for it.

use bytes::Bytes;
use futures::StreamExt as _;
use lattice_protocol::{DeliveryState, LatticeName, LinkName, OperationPhase, ProviderState, RpcSubjects};
use lattice_testkit::eventually;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::{
    programs::{key, script},
    stage::{Stage, start},
    support::DEADLINE,
};

crate::tests! {
    one_that_never_reads_what_it_is_told_holds_nobody_up,
    output_without_end_is_bounded_and_holds_nobody_up,
    one_that_promises_to_end_and_does_not_is_ended,
    nonsense_as_health_is_no_health,
}

const IDLE: &str = "exec sleep 600";

/// More than a pipe holds is written to it, and nobody takes it.
async fn one_that_never_reads_what_it_is_told_holds_nobody_up() {
    let stage = Stage::with(vec![script("blind", IDLE)]).await;
    let mut command = start("blind", "default");
    command["configuration"] = json!("x".repeat(400_000));
    assert_eq!(stage.lattice.carry_out("cmd.{host}.lp", command).await.causes, [""; 0]);
    stage.until("blind", ProviderState::Running).await;
    let link = stage.link_to("blind", &[]);
    assert!(stage.lattice.put_link(&link).await.accepted);
    stage.delivered(&link, DeliveryState::Delivered).await;
    assert_eq!(stage.stop("blind").await.phase, OperationPhase::Stopped);
    assert!(stage.provider("blind").await.is_none());
}

async fn output_without_end_is_bounded_and_holds_nobody_up() {
    let noise = "tr '\\0' x < /dev/zero & tr -d '\\n' < /dev/urandom >&2 & exec cat /dev/urandom";
    let stage = Stage::with(vec![script("noisy", noise)]).await;
    stage.start_well("noisy").await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[("value", "heard")]).await;
    assert_eq!(stage.text("Value").await, "heard");
    let lines = eventually("more was printed than is kept", DEADLINE, async || {
        let lines = stage.lines("noisy").await;
        lines.first().is_some_and(|line| line.number > 1000).then_some(lines)
    })
    .await;
    let longest = lines.iter().map(|line| line.text.chars().count()).max();
    assert!(longest.is_some_and(|longest| longest <= 8 << 10), "{longest:?}");
    let kept: usize = lines.iter().map(|line| line.text.len()).sum();
    assert!(kept <= 256 << 10, "{kept} bytes");
    assert_eq!(stage.stop("noisy").await.phase, OperationPhase::Stopped);
    assert_eq!(stage.text("Value").await, "heard");
}

/// Answers in a provider's stead whatever it is asked under a subject.
async fn answer(stage: &Stage, subject: String, answer: &'static [u8]) -> JoinHandle<()> {
    let client = stage.lattice.client.clone();
    let mut questions = client.subscribe(subject).await.expect("subscribed");
    client.flush().await.expect("the server has it");
    tokio::spawn(async move {
        while let Some(question) = questions.next().await {
            let reply = question.reply.expect("an answer is waited for");
            client.publish(reply, Bytes::from_static(answer)).await.expect("sent");
        }
    })
}

fn subjects() -> RpcSubjects {
    RpcSubjects::new(LatticeName::default())
}

async fn one_that_promises_to_end_and_does_not_is_ended() {
    let deaf = "trap '' TERM; echo $$; while :; do sleep 1; done";
    let stage = Stage::with(vec![script("liar", deaf)]).await;
    stage.start_well("liar").await;
    let shutdown = subjects().shutdown(&key("liar"), &LinkName::default());
    let promising = answer(&stage, shutdown, b"shutting down").await;
    assert_eq!(stage.stop("liar").await.phase, OperationPhase::Stopped);
    let lines = stage.lines("liar").await;
    let lines: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    let [pid, end] = lines[..] else { panic!("{lines:?}") };
    assert_eq!(end, "stopped: process killed by signal 9");
    assert!(!std::path::Path::new("/proc").join(pid).exists(), "{pid} is gone when the stop is told");
    promising.abort();
}

async fn nonsense_as_health_is_no_health() {
    let stage = Stage::with(vec![script("mad", IDLE)]).await;
    let health = subjects().health(&key("mad"), &LinkName::default());
    let raving = answer(&stage, health, b"\xc1 I am a teapot").await;
    // It runs, and that is all that can be said.
    let mut events = stage.lattice.events().await;
    stage.start_well("mad").await;
    assert_eq!(stage.until("mad", ProviderState::Running).await.healthy, Some(false));
    assert_eq!(events.names(2).await, ["provider_started", "health_check_status"]);
    let link = stage.link_to("mad", &[]);
    assert!(stage.lattice.put_link(&link).await.accepted);
    stage.delivered(&link, DeliveryState::Delivered).await;
    assert_eq!(stage.stop("mad").await.phase, OperationPhase::Stopped);
    raving.abort();
}
