//! Providers that end by themselves.

use futures::StreamExt;
use lattice_protocol::{
    LatticeName, LinkName, OperationPhase, ProviderState, RpcSubjects,
    event::{EventData, ProviderExited},
};
use lattice_testkit::eventually;

use crate::{
    programs::{key, script},
    stage::Stage,
    support::{DEADLINE, Events},
};

crate::tests! {
    one_that_is_killed_serves_again_with_its_links,
    a_call_under_way_goes_on_where_another_process_may_answer_it,
    one_that_leaves_in_order_is_started_again_too,
    one_that_leaks_up_to_its_limit_serves_again_with_its_links,
    one_that_ends_at_once_fails_its_start,
    a_failure_repeats_no_words_of_an_earlier_process,
    one_that_ends_again_and_again_is_in_a_crash_loop_and_can_be_stopped,
    nobody_of_the_last_process_is_left_when_the_next_begins,
    a_leak_ends_the_provider_and_not_its_host,
}

async fn one_that_is_killed_serves_again_with_its_links() {
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[("value", "kept")]).await;
    let before = stage.until("obedient", ProviderState::Running).await;
    let mut events = stage.lattice.events().await;
    let exited = end_by(&stage, &mut events, "Abort").await;
    assert_eq!((exited.signal, exited.restarts, exited.crash_loop), (Some(6), 0, false), "{exited:?}");
    eventually("it serves again", DEADLINE, async || stage.call("Echo", "again").await.ok()).await;
    assert_eq!(stage.text("Value").await, "kept");
    let after = stage.until("obedient", ProviderState::Running).await;
    assert_eq!((after.restarts, after.last_exit.as_deref()), (1, Some("killed by signal 6")));
    assert_ne!(after.instance_id, before.instance_id);
}

async fn a_call_under_way_goes_on_where_another_process_may_answer_it() {
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[]).await;
    let mut events = stage.lattice.events().await;
    let other = tokio::spawn(healthy_elsewhere(stage.lattice.client.clone()).await);
    let mut call = Box::pin(stage.call("Abort", ""));
    loop {
        let event = tokio::select! {
            event = events.next_change() => event.known_data(),
            answer = &mut call => panic!("nobody can know that it will not be answered: {answer:?}"),
        };
        // Who waits is told before that, if ever.
        if matches!(event, Some(EventData::ProviderStarted(_))) {
            break;
        }
    }
    assert!(futures::poll!(&mut call).is_pending());
    other.abort();
}

/// Another process of the provider, as far as questions about its health tell.
async fn healthy_elsewhere(nats: async_nats::Client) -> impl Future<Output = ()> + Send + 'static {
    let subject = RpcSubjects::new(LatticeName::default()).health(&key("obedient"), &LinkName::default());
    let mut questions = nats.subscribe(subject).await.expect("subscribed");
    nats.flush().await.expect("connected");
    async move {
        while let Some(question) = questions.next().await {
            let reply = question.reply.expect("it is a question");
            nats.publish(reply, "".into()).await.expect("connected");
        }
    }
}

async fn one_that_leaves_in_order_is_started_again_too() {
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[("value", "kept")]).await;
    let mut events = stage.lattice.events().await;
    let exited = end_by(&stage, &mut events, "Leave").await;
    assert_eq!((exited.code, exited.signal, exited.crash_loop), (Some(0), None, false), "{exited:?}");
    eventually("it serves again", DEADLINE, async || stage.call("Echo", "again").await.ok()).await;
    assert_eq!(stage.text("Value").await, "kept");
    let after = stage.until("obedient", ProviderState::Running).await;
    assert_eq!((after.restarts, after.last_exit.as_deref()), (1, Some("exited with code 0")));
}

async fn one_that_leaks_up_to_its_limit_serves_again_with_its_links() {
    let lattice = crate::support::Lattice::start_with(|config| {
        config.providers.builtins = vec![crate::programs::obedient()];
        config.providers.memory = Some(256 << 20);
    })
    .await;
    let stage = Stage::of(lattice).await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[("value", "kept")]).await;
    let mut events = stage.lattice.events().await;
    let exited = end_by(&stage, &mut events, "Leak").await;
    assert_eq!((exited.signal, exited.crash_loop), (Some(6), false), "{exited:?}");
    assert!(exited.restart_after > 0, "{exited:?}");
    eventually("it serves again", DEADLINE, async || stage.call("Echo", "again").await.ok()).await;
    assert_eq!(stage.text("Value").await, "kept");
    let after = stage.until("obedient", ProviderState::Running).await;
    assert_eq!((after.restarts, after.last_exit.as_deref()), (1, Some("killed by signal 6")));
    let lines = stage.lines("obedient").await;
    assert!(lines.iter().any(|line| line.text.contains("memory allocation")), "{lines:?}");
}

async fn one_that_ends_at_once_fails_its_start() {
    let scripts = [("leaver", "exit 0", "exited with code 0"), ("faller", "kill -9 $$", "killed by signal 9")];
    let stage = Stage::with(scripts.iter().map(|(name, text, _)| script(name, text)).collect()).await;
    let mut events = stage.lattice.events().await;
    for (name, _, expect) in scripts {
        let record = stage.start(name).await;
        let causes = record.causes.join(": ");
        assert_eq!(record.phase, OperationPhase::Failed);
        assert!(causes.contains(&format!("the provider {expect} before it served")), "{causes}");
        assert_eq!(events.names(1).await, ["provider_start_failed"]);
        assert!(stage.provider(name).await.is_none());
    }
}

async fn a_failure_repeats_no_words_of_an_earlier_process() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let note = dir.path().join("note");
    let text = format!("[ -e '{0}' ] && exit 7; touch '{0}'; echo said before; exit 6", note.display());
    let stage = Stage::with(vec![script("curt", &text)]).await;
    let first = stage.start("curt").await.causes.join(": ");
    assert!(first.contains("code 6") && first.contains("said before"), "{first}");
    let second = stage.start("curt").await.causes.join(": ");
    assert!(second.contains("code 7") && !second.contains("last words"), "{second}");
}

async fn one_that_ends_again_and_again_is_in_a_crash_loop_and_can_be_stopped() {
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[]).await;
    let mut events = stage.lattice.events().await;
    let mut ends = 0;
    loop {
        eventually("it serves again", DEADLINE, async || stage.call("Echo", "").await.ok()).await;
        ends += 1;
        if end_by(&stage, &mut events, "Abort").await.crash_loop {
            break;
        }
    }
    assert_eq!(ends, 5);
    let process = stage.until("obedient", ProviderState::CrashLoop).await;
    assert_eq!((process.restarts, process.last_exit.as_deref()), (4, Some("killed by signal 6")));
    assert_eq!(stage.stop("obedient").await.phase, OperationPhase::Stopped);
    assert!(stage.provider("obedient").await.is_none());
}

/// Or a daemon of the last one would still hold its port.
async fn nobody_of_the_last_process_is_left_when_the_next_begins() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let haunted = format!(
        r#"cd '{}'
        if [ -f daemon ]; then kill -0 "$(cat daemon)" && echo haunted || echo alone; exec sleep 600; fi
        setsid sh -c 'trap "" TERM HUP; echo $$ > pid; mv pid daemon; for turn in 1 2 3; do sleep 200; done' &
        until [ -f leave ]; do sleep 0.02; done"#,
        directory.path().display()
    );
    let stage = Stage::with(vec![script("haunted", &haunted)]).await;
    stage.start_well("haunted").await;
    let daemon = directory.path().join("daemon");
    eventually("the daemon is there", DEADLINE, async || daemon.exists().then_some(())).await;
    let mut events = stage.lattice.events().await;
    std::fs::write(directory.path().join("leave"), "").expect("the directory can be written");
    assert_eq!(exited(&mut events).await.code, Some(0));
    let said = eventually("the next one says who is there", DEADLINE, async || {
        let lines = stage.lines("haunted").await;
        lines.into_iter().map(|line| line.text).find(|text| text == "haunted" || text == "alone")
    })
    .await;
    assert_eq!(said, "alone");
}

async fn a_leak_ends_the_provider_and_not_its_host() {
    let leak = "x=$(head -c 4000000000 /dev/zero | tr '\\0' x); exit 0";
    let lattice = crate::support::Lattice::start_with(|config| {
        config.providers.builtins = vec![script("leaky", leak)];
        config.providers.memory = Some(64 << 20);
    })
    .await;
    let stage = Stage::of(lattice).await;
    let record = stage.start("leaky").await;
    let causes = record.causes.join(": ");
    assert!(record.phase == OperationPhase::Failed && !causes.contains("code 0"), "{causes}");
}

/// Has the provider end itself in the middle of a call, whose caller hears that at once.
async fn end_by(stage: &Stage, events: &mut Events, operation: &str) -> ProviderExited {
    let (exited, answer) = futures::join!(exited(events), stage.call(operation, ""));
    let error = answer.expect_err("nobody is left who could answer").to_string();
    assert!(error.contains("before it answered"), "{error}");
    exited
}

/// The next event of a provider whose process ended by itself.
async fn exited(events: &mut Events) -> ProviderExited {
    loop {
        if let Some(EventData::ProviderExited(exited)) = events.next_change().await.known_data() {
            return exited;
        }
    }
}
