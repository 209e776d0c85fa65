//! One id, one command; records that end; what is forgotten.

use super::{records::mark_lost, *};

fn operations() -> Operations {
    let host = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA".parse().expect("a published key");
    Operations::new(host, "first".to_owned(), Ledger::nowhere())
}

/// A command from somewhere.
fn named(text: &str, body: &[u8]) -> NewOperation {
    NewOperation {
        id: Some(id(text)),
        command: "la".to_owned(),
        fingerprint: fingerprint("cmd", body),
        reference: None,
        requester: None,
        pull: None,
    }
}

fn own(operations: &Operations) -> Operation {
    operations.begin_own(RESTORE, None)
}

fn is_accepted(begun: &Begun) -> bool {
    matches!(begun, Begun::Answered(ack) if ack.accepted)
}

fn id(text: &str) -> OperationId {
    text.parse().expect("a plain word")
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_operation() {
    let operations = operations();
    let operation = own(&operations);
    let (id, waiter) = (operation.id(), operations.clone());
    let waiting = tokio::spawn(async move { waiter.wait(&id, None, Duration::from_secs(60)).await });
    tokio::task::yield_now().await;
    operation.running();
    let record = waiting.await.expect("no panic").expect("known");
    assert_eq!(record.phase, OperationPhase::Running);
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_time() {
    let operations = operations();
    let operation = own(&operations);
    operation.reach(OperationPhase::Fetching);
    let record = operations.wait(&operation.id(), None, Duration::from_secs(1)).await.expect("known");
    assert_eq!(record.phase, OperationPhase::Fetching);
}

#[tokio::test]
async fn dropped_means_failed() {
    let operations = operations();
    let operation = own(&operations);
    let id = operation.id();
    drop(operation);
    let record = operations.wait(&id, None, Duration::ZERO).await.expect("known");
    assert_eq!((record.phase, record.causes.len()), (OperationPhase::Failed, 1));
}

#[tokio::test]
async fn an_id_stands_for_one_command() {
    let operations = operations();
    let first = operations.begin(named("a", b"x")).await;
    assert!(matches!(first, Begun::New(_)));
    assert!(is_accepted(&operations.begin(named("a", b"x")).await));
    let other = operations.begin(named("a", b"y")).await;
    assert!(matches!(other, Begun::Answered(Ack { code: Some(RefusalCode::OperationConflict), .. })), "{other:?}");
    assert!(matches!(operations.begin(named("b", b"y")).await, Begun::New(_)));
}

/// The look whether an id is known and the note that it is now were two steps, between which another could come.
#[test]
fn regression_of_many_with_one_id_at_the_same_time_one_is_new() {
    for _ in 0..200 {
        let operations = operations();
        let new = std::thread::scope(|scope| {
            let begin = || operations.begin_named(id("a"), named("a", b"x"));
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(begin)).collect();
            threads.into_iter().filter_map(|thread| thread.join().expect("no panic").ok()).collect::<Vec<_>>()
        });
        assert_eq!(new.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_news_ends_with_another_phase() {
    let operations = operations();
    let operation = own(&operations);
    operation.reach(OperationPhase::Fetching);
    let past = |phase| operations.wait_past(&operation, phase);
    assert_eq!(past(OperationPhase::Accepted).await, OperationPhase::Fetching);
    let before = tokio::time::Instant::now();
    assert_eq!(past(OperationPhase::Fetching).await, OperationPhase::Fetching);
    assert_eq!(before.elapsed(), Duration::from_secs(60), "nothing is new");
}

#[test]
fn phases_are_kept() {
    let operations = operations();
    let operation = own(&operations);
    operation.reach(OperationPhase::Compiling);
    let record = operation.watch();
    operation.running();
    let phases: Vec<_> = record.borrow().phases.iter().map(|reached| reached.phase).collect();
    assert_eq!(phases, [OperationPhase::Accepted, OperationPhase::Compiling, OperationPhase::Running]);
}

#[test]
fn what_a_start_that_is_gone_left_is_lost() {
    let operations = operations();
    let record = own(&operations).watch().borrow().clone();
    let unfinished = OperationRecord { phase: OperationPhase::Fetching, causes: Vec::new(), ..record };
    let member = |incarnation: &str| lattice_protocol::Member {
        age: Some(0),
        foreign: false,
        friendly_name: String::new(),
        host_id: unfinished.host_id.clone(),
        incarnation: Some(incarnation.to_owned()),
        interval: 5000,
        version: String::new(),
    };
    for (members, phase) in [
        (vec![member("first")], OperationPhase::Fetching),
        (vec![member("second")], OperationPhase::Lost),
        (vec![], OperationPhase::Lost),
    ] {
        let mut record = unfinished.clone();
        mark_lost(&mut record, &members.into());
        assert_eq!(record.phase, phase);
    }
}

#[tokio::test]
async fn the_oldest_finished_are_forgotten() {
    let operations = operations();
    let first = own(&operations);
    let first_id = first.id();
    first.running();
    for _ in 0..REMEMBERED_OPERATIONS {
        own(&operations).stopped();
    }
    assert!(operations.wait(&first_id, None, Duration::ZERO).await.is_none());
    assert_eq!(operations.lock().entries.len(), REMEMBERED_OPERATIONS);
}

#[tokio::test]
async fn a_refused_command_leaves_no_operation() {
    let operations = operations();
    let Begun::New(operation) = operations.begin(named("a", b"x")).await else { panic!("not new") };
    operation.refused(RefusalCode::NotRunning, "no".to_owned());
    assert!(matches!(operations.begin(named("a", b"y")).await, Begun::New(_)));
}

#[tokio::test]
async fn refused_commands_push_no_other_out_of_memory() {
    let operations = operations();
    let done = own(&operations);
    let done_id = done.id();
    done.running();
    for _ in 0..=REMEMBERED_OPERATIONS {
        own(&operations).refused(RefusalCode::NotRunning, "no".to_owned());
    }
    assert!(operations.wait(&done_id, None, Duration::ZERO).await.is_some());
}

impl Operations {
    async fn wait_past(&self, operation: &Operation, phase: OperationPhase) -> OperationPhase {
        let record = self.wait(&operation.id(), Some(phase), Duration::from_secs(60)).await;
        record.expect("known").phase
    }
}
