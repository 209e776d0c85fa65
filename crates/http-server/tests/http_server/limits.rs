//! How much one client, and all of them, may ask for.

use futures::future::join_all;

use crate::stage::{Stage, assert_status, body, exchange, get};

#[tokio::test]
async fn bodies_are_bounded() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[("max_content_len", "1k")]).await;
    let post = async |length: usize, sent: usize| {
        let head = format!("POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        exchange(address, head + &"x".repeat(sent)).await
    };
    assert!(body(&post(1024, 1024).await).contains("1024 bytes"));
    // Refused by what is announced, before any of it comes.
    assert_status(&post(1025, 0).await, 413);
    assert_status(&post(usize::MAX >> 1, 0).await, 413);
    let chunks = "400\r\n".to_owned() + &"x".repeat(1024) + "\r\n1\r\nx\r\n0\r\n\r\n";
    let head = "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_status(&exchange(address, head.to_owned() + &chunks).await, 413);
    let expects =
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2000\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
    assert_status(&exchange(address, expects).await, 413);
    assert_eq!(actor.guest.count(), 1);
}

/// More than one message of NATS carries goes in parts, and more than that is told as what it is, too.
#[tokio::test]
async fn a_body_that_no_call_carries_is_too_large() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[("max_content_len", "40m")]).await;
    for (length, expect) in [(9 << 20, 200), (33 << 20, 413)] {
        let head = format!("POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        let answer = exchange(address, head + &"x".repeat(length)).await;
        assert_status(&answer, expect);
    }
}

#[tokio::test]
async fn heads_are_bounded() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[]).await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", "x".repeat(30_000));
    assert_status(&exchange(address, long).await, 200);
    let longer = format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    assert_status(&exchange(address, longer).await, 431);
    let many: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    assert_status(&exchange(address, format!("GET / HTTP/1.1\r\n{many}\r\n")).await, 431);
    let long = format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "x".repeat(70_000));
    let answer = exchange(address, long).await;
    assert!(answer.starts_with("HTTP/1.1 414") || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(actor.guest.count(), 1);
}

#[tokio::test]
async fn requests_at_once_are_bounded_for_each_link() {
    let stage = Stage::start().await;
    let (actor, other) = (stage.actor("one").await, stage.actor("other").await);
    let address = stage.put(&actor, &[("max_requests", "3")]).await;
    let elsewhere = stage.put(&other, &[]).await;
    let waiting = join_all((0..3).map(|_| get(address, "/wait")));
    let (answers, ()) = tokio::join!(waiting, async {
        actor.guest.begun(3).await;
        assert_status(&get(address, "/").await, 503);
        assert_status(&get(elsewhere, "/").await, 200);
        actor.guest.gate.add_permits(3);
    });
    assert!(answers.iter().all(|answer| body(answer) == "waited"), "{answers:?}");
    assert_status(&get(address, "/").await, 200);
}
