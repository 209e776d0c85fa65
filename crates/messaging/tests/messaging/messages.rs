//! What actors send, and what they are handed.

use lattice_protocol::contract::messaging::Message;
use tokio::time::{Duration, Instant};

use crate::lattice::{LONG, Lattice, failed, next};

fn message(subject: &str, reply_to: Option<&str>, body: &str) -> Message {
    Message { subject: subject.to_owned(), reply_to: reply_to.map(str::to_owned), body: body.into() }
}

#[tokio::test]
async fn what_is_published_arrives() {
    let lattice = Lattice::start().await;
    let actor = lattice.linked(&[]).await;
    let mut orders = lattice.listen("orders.*").await;
    actor.publish("orders.new", None, "one").await.expect("sent");
    actor.publish("orders.new", Some("answers.1"), "two").await.expect("sent");
    let (one, two) = (next(&mut orders).await, next(&mut orders).await);
    assert_eq!((one.payload.as_ref(), one.reply), (b"one".as_slice(), None));
    assert_eq!((two.payload.as_ref(), two.reply.as_deref()), (b"two".as_slice(), Some("answers.1")));
}

#[tokio::test]
async fn an_actor_does_not_command_its_lattice() {
    let lattice = Lattice::start().await;
    let actor = lattice.linked(&[]).await;
    let mut commands = lattice.listen("wasmbus.ctl.>").await;
    let mut elsewhere = lattice.listen("elsewhere").await;
    for subject in ["wasmbus.ctl.default.ping.hosts", "$JS.API.INFO", "$KV.LATTICEDATA_default.LINKDEF_x", "$SYS.x"] {
        for error in [
            actor.publish(subject, None, "").await.expect_err("refused"),
            actor.publish("elsewhere", Some(subject), "").await.expect_err("refused"),
            actor.request(subject, 100).await.expect_err("refused"),
        ] {
            let expect = format!("the message is not sent: `{subject}` is for the lattice and its server");
            assert!(error.starts_with(&expect), "{error}");
        }
    }
    for subject in ["", "a b", "a\r\nPUB wasmbus.ctl.x 0", "a.*", ">"] {
        actor.publish(subject, None, "").await.expect_err("no subject");
    }
    actor.publish("elsewhere", None, "last").await.expect("sent");
    assert_eq!(next(&mut elsewhere).await.payload.as_ref(), b"last");
    lattice.publish("wasmbus.ctl.last", "").await;
    assert_eq!(next(&mut commands).await.subject.as_str(), "wasmbus.ctl.last");
    let trusted = lattice.linked(&[("allow_lattice_subjects", "true")]).await;
    trusted.publish("wasmbus.ctl.trusted", None, "").await.expect("allowed");
    assert_eq!(next(&mut commands).await.subject.as_str(), "wasmbus.ctl.trusted");
}

#[tokio::test]
async fn a_request_has_its_answer_or_the_reason() {
    let lattice = Lattice::start().await;
    let actor = lattice.linked(&[]).await;
    let mut service = lattice.listen("service").await;
    let client = lattice.client.clone();
    let serving = tokio::spawn(async move {
        let question = next(&mut service).await;
        assert_eq!(question.payload.as_ref(), b"question");
        let reply = question.reply.expect("an answer is waited for");
        client.publish_with_reply(reply, "more", "answer".into()).await.expect("sent");
        service
    });
    let answer = actor.request("service", 20_000).await.expect("an answer");
    assert_eq!((answer.body.as_slice(), answer.reply_to.as_deref()), (b"answer".as_slice(), Some("more")));
    let _silent = serving.await.expect("it serves");
    assert_eq!(actor.request("nobody", 20_000).await, Err("nobody listens on `nobody`".to_owned()));
    assert_eq!(actor.request("service", 40).await, Err("no answer on `service` within 40 ms".to_owned()));
    for timeout_ms in [0, 60_000] {
        let call = actor.asking("service", timeout_ms).with_deadline(Instant::now() + Duration::from_secs(2));
        let error = failed(actor.send(call).await.expect_err("the caller hears of it before it stops waiting"));
        assert!(error.starts_with("no answer on `service` within 1"), "{error}");
    }
}

#[tokio::test]
async fn what_others_publish_is_handed_over_and_can_be_answered() {
    let lattice = Lattice::start().await;
    let actor = lattice.linked(&[("subscription", "a.>,b")]).await;
    lattice.publish("a.1.2", "one").await;
    lattice.until("it is handed over", async || actor.bodies() == ["one"]).await;
    lattice.publish("b", "fail").await;
    lattice.until("it is handed over", async || actor.bodies() == ["one", "fail"]).await;
    let client = lattice.client.clone();
    let asked = tokio::spawn(async move { client.request("b", "question".into()).await });
    lattice.until("it is handed over", async || actor.messages().len() == 3).await;
    let messages = actor.messages();
    assert_eq!(messages[..2], [message("a.1.2", None, "one"), message("b", None, "fail")]);
    let reply = messages[2].reply_to.as_deref().expect("an answer is waited for");
    actor.publish(reply, None, "answer").await.expect("sent");
    let answer = tokio::time::timeout(LONG, asked).await.expect("an answer").expect("no panic").expect("an answer");
    assert_eq!(answer.payload.as_ref(), b"answer");
}

#[tokio::test]
async fn a_queue_shares_its_messages() {
    let lattice = Lattice::start().await;
    let workers =
        [lattice.linked(&[("subscription", "jobs|w")]).await, lattice.linked(&[("subscription", "jobs|w")]).await];
    let watcher = lattice.linked(&[("subscription", "jobs")]).await;
    for job in 0..40 {
        lattice.publish("jobs", &job.to_string()).await;
    }
    let done = || -> Vec<String> { workers.iter().flat_map(|worker| worker.bodies()).collect() };
    lattice.until("all jobs are handed over", async || done().len() >= 40 && watcher.messages().len() >= 40).await;
    let mut jobs: Vec<usize> = done().iter().map(|job| job.parse().expect("a number")).collect();
    jobs.sort_unstable();
    assert_eq!(jobs, (0..40).collect::<Vec<_>>());
    assert!(workers.iter().all(|worker| !worker.messages().is_empty()), "the server chooses at random");
    assert_eq!(watcher.messages().len(), 40);
}

#[tokio::test]
async fn a_slow_actor_has_75_messages_and_others_do_not_wait() {
    let lattice = Lattice::start().await;
    let slow = lattice.linked(&[("subscriptions", "slow,slow.too")]).await;
    let quick = lattice.linked(&[("subscription", "quick")]).await;
    slow.hold();
    for number in 0..100 {
        lattice.publish(if number % 2 == 0 { "slow" } else { "slow.too" }, &number.to_string()).await;
    }
    lattice.until("it has as many as it gets", async || slow.messages().len() == 75).await;
    lattice.publish("quick", "passes").await;
    lattice.until("the other is handed its message", async || quick.bodies() == ["passes"]).await;
    quick.publish("anything", None, "").await.expect("calls are served too");
    assert_eq!(slow.messages().len(), 75);
    slow.release();
    lattice.until("the rest is handed over", async || slow.messages().len() == 100).await;
}
