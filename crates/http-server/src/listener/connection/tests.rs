use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::JoinHandle,
    time::Instant,
};

use super::*;
use crate::{
    defaults::{BODY_LIMIT, BODY_PAUSE},
    request,
    routes::{Route, tests::route},
};

/// Longer than any limit, on a clock that the tests have to themselves.
const LONG: Duration = Duration::from_secs(3600);

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n";

/// A connection whose requests are answered with how many bytes they have, or the status that their body brings about.
fn open(stop: &CancellationToken) -> (DuplexStream, JoinHandle<()>) {
    let (ours, theirs) = duplex(1 << 16);
    let route: Arc<Route> = route("MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR", "/");
    let answer = move |request: Request<Incoming>| {
        let route = Arc::clone(&route);
        async move {
            let read = request::body(request.into_body(), &route).await;
            let mut response = Response::new(Full::default());
            match read {
                Ok(body) => *response.body_mut() = Full::from(format!("{} bytes", body.bytes.len())),
                Err(rejection) => *response.status_mut() = rejection.status,
            }
            response
        }
    };
    (ours, tokio::spawn(speak(theirs, answer, stop.clone())))
}

/// What comes until the server closes.
async fn rest(stream: &mut DuplexStream) -> String {
    let mut text = String::new();
    timeout(LONG, stream.read_to_string(&mut text)).await.expect("it closes in time").expect("it closes");
    text
}

/// Sends this and nothing more; returns what comes and when it was over.
async fn silent_after(bytes: &[u8]) -> (String, Duration) {
    let begun = Instant::now();
    let (mut stream, task) = open(&CancellationToken::new());
    stream.write_all(bytes).await.expect("there is room");
    let answer = rest(&mut stream).await;
    task.await.expect("it does not panic");
    (answer, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn who_does_not_say_what_they_want_is_cut() {
    for bytes in [b"".as_slice(), b"P", b"PRI * HTTP/2.0\r\n\r\nSM", b"GET / HTTP/1.1\r\nHost: te"] {
        let (answer, after) = silent_after(bytes).await;
        assert!(!answer.contains(" 200 "), "{answer}");
        assert!((HEAD_LIMIT..HEAD_LIMIT * 2).contains(&after), "{bytes:?}: {after:?}");
    }
}

/// Sends `before` at once and then `drop` again and again, before anybody could say that nothing comes.
async fn trickled(before: &[u8], drop: &[u8], pause: Duration) -> (String, Duration) {
    let begun = Instant::now();
    let (stream, task) = open(&CancellationToken::new());
    let (mut reading, mut writing) = tokio::io::split(stream);
    writing.write_all(before).await.expect("there is room");
    let trickling = async {
        while writing.write_all(drop).await.is_ok() {
            sleep(pause).await;
        }
    };
    let mut answer = String::new();
    let both = async { tokio::join!(reading.read_to_string(&mut answer), trickling) };
    let (read, ()) = timeout(LONG, both).await.expect("it closes in time");
    read.expect("it closes");
    task.await.expect("it does not panic");
    (answer, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_is_cut() {
    let whole = [REQUEST, b"abcd"].concat();
    for (before, answered) in [(b"".as_slice(), 0), (&whole, 1)] {
        let head = [before, b"GET / HTTP/1.1\r\nHost: test\r\nX: "].concat();
        let (answer, after) = trickled(&head, b"x", Duration::from_secs(1)).await;
        assert_eq!(answer.matches("HTTP/1.1 200 ").count(), answered, "{answer}");
        assert!((HEAD_LIMIT..HEAD_LIMIT * 2).contains(&after), "{after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_in_for_ever_is_told() {
    let head = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n";
    let chunked = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (head, drop) in [(&head[..], &b"x"[..]), (&chunked[..], b"1\r\nx\r\n")] {
        let (answer, after) = trickled(head, drop, BODY_PAUSE * 9 / 10).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!((BODY_LIMIT..BODY_LIMIT + HEAD_LIMIT * 2).contains(&after), "{after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_stops_within_a_body_is_told() {
    let (answer, after) = silent_after(&[REQUEST, b"ab"].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(after < BODY_PAUSE + HEAD_LIMIT * 2, "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn who_idles_is_cut() {
    let (answer, after) = silent_after(&[REQUEST, b"abcd"].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("4 bytes"), "{answer}");
    assert!((HEAD_LIMIT..HEAD_LIMIT * 2).contains(&after), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn who_sends_slowly_and_sends_is_waited_for() {
    let (mut stream, _task) = open(&CancellationToken::new());
    stream.write_all(REQUEST).await.expect("there is room");
    for _ in 0..4 {
        sleep(BODY_PAUSE * 9 / 10).await;
        stream.write_all(b"a").await.expect("there is room");
    }
    assert!(rest(&mut stream).await.ends_with("4 bytes"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_what_is_idle_and_answers_what_was_begun() {
    let stop = CancellationToken::new();
    let (mut idle, idle_task) = open(&stop);
    let (mut busy, busy_task) = open(&stop);
    let (mut used, used_task) = open(&stop);
    busy.write_all(&[REQUEST, b"ab"].concat()).await.expect("there is room");
    used.write_all(&[REQUEST, b"abcd"].concat()).await.expect("there is room");
    sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert!(rest(&mut used).await.ends_with("4 bytes"));
    idle_task.await.expect("it does not panic");
    used_task.await.expect("it does not panic");
    assert!(begun.elapsed() < Duration::from_secs(1));
    busy.write_all(b"cd").await.expect("there is room");
    assert!(rest(&mut busy).await.ends_with("4 bytes"));
    busy_task.await.expect("it does not panic");
}
