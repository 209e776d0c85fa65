use futures::{channel::mpsc, stream};
use lattice_protocol::Host;

use super::*;

const HOST: &str = "NA53JWFGXTSEK2R4S3N6V634YTD5WC4FXBLQXH7NG2UR7A4KFJP2AVVN";
const LIMITS: Limits = Limits { quiet: Duration::from_millis(50), timeout: Duration::from_secs(2), bytes: 1 << 20 };

fn body(text: &str) -> Answer {
    Answer::Body(Bytes::copy_from_slice(text.as_bytes()))
}

/// Collects answers that come after these pauses, and tells how long it took.
async fn check(answers: Vec<(u64, Answer)>, expect: Collected, after: u64) {
    let start = Instant::now();
    let arriving = stream::iter(answers).then(|(pause, answer)| async move {
        time::sleep(Duration::from_millis(pause)).await;
        answer
    });
    let collected = collect(arriving.chain(stream::pending()), LIMITS).await;
    assert_eq!((collected, start.elapsed()), (expect, Duration::from_millis(after)));
}

fn bodies(texts: &[&str]) -> Collected {
    Collected::Answers(texts.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect())
}

#[tokio::test(start_paused = true)]
async fn ends_when_it_has_been_quiet_after_an_answer() {
    check(vec![(300, body("a")), (49, body("b")), (49, body("c")), (51, body("late"))], bodies(&["a", "b", "c"]), 448)
        .await;
}

#[tokio::test(start_paused = true)]
async fn waits_the_whole_time_for_the_first_answer() {
    check(vec![(1999, body("a"))], bodies(&["a"]), 2000).await;
    check(vec![(2001, body("a"))], bodies(&[]), 2000).await;
}

#[tokio::test(start_paused = true)]
async fn ends_at_the_timeout_however_many_answer() {
    let answers = (0..1000).map(|_| (41, body("a"))).collect();
    check(answers, bodies(&["a"; 48]), 2000).await;
}

#[tokio::test(start_paused = true)]
async fn ends_at_once_when_nobody_listens() {
    check(vec![(1, Answer::Nobody)], Collected::Nobody, 1).await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_ends_nothing() {
    check(vec![(1, body("")), (1, body("a"))], bodies(&["", "a"]), 52).await;
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_ends_it() {
    let (sender, receiver) = mpsc::unbounded();
    drop(sender);
    assert_eq!(collect(receiver, LIMITS).await, Collected::Closed);
}

#[tokio::test(start_paused = true)]
async fn limits_that_no_clock_can_tell_are_long_ones() {
    let limits = Limits { quiet: Duration::MAX, timeout: Duration::MAX, ..LIMITS };
    assert_eq!(collect(stream::iter([body("a")]), limits).await, bodies(&["a"]));
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_cut_off() {
    let limits = Limits { bytes: 2 * (ANSWER_OVERHEAD + 1), ..LIMITS };
    let kept = ["a", "b"].map(|text| Bytes::copy_from_slice(text.as_bytes())).to_vec();
    let flood = stream::iter([body("a"), body("b")]).chain(stream::repeat_with(|| body("")));
    assert_eq!(collect(flood, limits).await, Collected::TooMuch(kept));
}

#[test]
fn a_host_that_answers_twice_is_one_item() {
    let first = format!(r#"{{"id":"{HOST}","friendly_name":"first","uptime_seconds":1}}"#);
    let second = first.replace("first", "second");
    let gathered = read_all("ping", &[first.into(), second.into()], |host: &Host| host.id.clone());
    let names: Vec<_> = gathered.items.iter().map(|host| host.friendly_name.as_str()).collect();
    assert_eq!(names, ["first"]);
    assert!(gathered.errors.is_empty());
}
