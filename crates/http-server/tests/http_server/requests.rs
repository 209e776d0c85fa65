//! What an actor gets and what its client gets.

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::stage::{LONG, Stage, assert_status, body, exchange, get, to_end};

#[tokio::test]
async fn an_actor_gets_the_request_as_it_came() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let values = [("request_header.X-Greeting", "Good day"), ("request_header.x-set", "by the link")];
    let address = stage.put(&actor, &values).await;
    let request =
        b"pOsT /a%20b/../c?q=1&q=%32? HTTP/1.1\r\nHost: test\r\nConnection: close\r\nX-Many: 1\r\nX-SET: forged\r\n\
        x-many: 2\r\nX-Set: again\r\nX-Odd: \xff\r\nContent-Length: 5\r\n\r\nhello";
    let answer = exchange(address, request).await;
    assert_status(&answer, 200);
    assert!(answer.contains("\r\nx-actor: one\r\n"), "{answer}");
    let expect = "pOsT /a%20b/../c [q=1&q=%32?]\nconnection=close\ncontent-length=5\nhost=test\nx-greeting=Good day\n\
        x-many=1|2\nx-set=by the link\n5 bytes: hello";
    assert_eq!(body(&answer), expect);
}

#[tokio::test]
async fn bodies_in_chunks_and_in_parts_are_whole() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[]).await;
    let chunked = "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    let answer = exchange(address, chunked).await;
    assert!(body(&answer).ends_with("\n7 bytes: abcdefg"), "{answer}");
    let large = format!(
        "PUT / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
        3 << 20,
        "x".repeat(3 << 20)
    );
    let answer = exchange(address, large).await;
    assert!(body(&answer).contains("\n3145728 bytes: xxx"), "{answer}");
}

#[tokio::test]
async fn a_client_gets_the_response_as_it_was_given() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[]).await;
    let answer = get(address, "/cookies").await;
    assert_status(&answer, 404);
    assert!(answer.contains("set-cookie: a=1\r\nset-cookie: b=2\r\n"), "{answer}");
    assert!(answer.contains("content-length: 4\r\n") && !answer.contains("content-length: 9"), "{answer}");
    assert_eq!(body(&answer), "none");
    let head = exchange(address, "HEAD /cookies HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").await;
    assert_status(&head, 404);
    assert!(head.contains("content-length: 4\r\n"), "{head}");
    assert_eq!(body(&head), "");
    assert_status(&get(address, "/status?204").await, 204);
    let big = get(address, "/big").await;
    assert_eq!(body(&big).len(), 4 << 20);
    let traced = "GET /trace HTTP/1.1\r\nHost: test\r\nConnection: close\r\ntraceparent: 00-1\r\n\r\n";
    assert_eq!(body(&exchange(address, traced).await), r#"{"traceparent": "00-1"}"#);
}

#[tokio::test]
async fn the_health_path_is_answered_by_the_server_also_while_the_actor_has_too_much_to_do() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[("path", "/api"), ("health_path", "/api/up"), ("max_requests", "1")]).await;
    let mut waiting = TcpStream::connect(address).await.expect("it listens");
    let unfinished = "POST /api HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\n";
    waiting.write_all(unfinished.as_bytes()).await.expect("it is taken");
    lattice_testkit::eventually("the only place is taken", LONG, async || {
        get(address, "/api").await.starts_with("HTTP/1.1 503").then_some(())
    })
    .await;
    let answer = get(address, "/api/up").await;
    assert_status(&answer, 200);
    assert_eq!(body(&answer), "alive");
    let head = exchange(address, "HEAD /api/up HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").await;
    assert!(head.contains("content-length: 5\r\n") && body(&head).is_empty(), "{head}");
    assert_status(&get(address, "/api/up/x").await, 503);
    assert_status(&get(address, "/up").await, 404);
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[]).await;
    let one = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
    let last = "GET /last HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    let answer = exchange(address, one.repeat(9) + last).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 10);
    let answer = exchange(address, "GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200") && answer.contains("0 bytes"), "{answer}");
}

#[tokio::test]
async fn what_goes_wrong_has_a_status_and_tells_clients_nothing_inside() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[("timeout_ms", "15000")]).await;
    let check = async |path: &str, status: u16| {
        let answer = get(address, path).await;
        assert_status(&answer, status);
        assert!(!answer.contains("secret") && !answer.contains(actor.key.as_str()), "{answer}");
    };
    check("/fail", 500).await;
    check("/full", 503).await;
    check("/nonsense", 500).await;
    check("/split", 500).await;
    for status in ["0", "99", "101", "1000"] {
        check(&format!("/status?{status}"), 500).await;
    }
    let key = lattice_claims::ModuleSeed::generate().public();
    assert_eq!(stage.try_put(&key, &[("port", "0")]).await, None);
    let nobody = stage.server.address(&key).expect("it is linked");
    let answer = get(nobody, "/").await;
    assert_status(&answer, 503);
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
}

#[tokio::test]
async fn an_actor_that_takes_too_long_is_not_waited_for() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[("timeout_ms", "100")]).await;
    for _ in 0..5 {
        assert_status(&get(address, "/never").await, 503);
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[]).await;
    for bad in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost test\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        "GET / HTTP/9.9\r\n\r\n",
    ] {
        let answer = exchange(address, bad).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{bad}: {answer}");
    }
    let answer = exchange(address, "GET / HTTP/1.1\r\nHost test\r\n\r\n").await;
    assert_status(&answer, 400);
    let answer = exchange(address, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_status(&answer, 501);
    assert_eq!(actor.guest.count(), 0);
    assert_status(&get(address, "/").await, 200);
}

/// The actor cannot be told, but the place that the request had is free again.
#[tokio::test]
async fn a_client_that_leaves_takes_its_call_with_it() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[("max_requests", "1")]).await;
    let mut leaving = TcpStream::connect(address).await.expect("it listens");
    leaving.write_all(b"GET /never HTTP/1.1\r\nHost: test\r\n\r\n").await.expect("it reads");
    actor.guest.begun(1).await;
    assert_status(&get(address, "/").await, 503);
    drop(leaving);
    lattice_testkit::eventually("the place is free", LONG, async || {
        get(address, "/").await.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
    let mut half = TcpStream::connect(address).await.expect("it listens");
    half.write_all(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nhalf").await.expect("it reads");
    half.shutdown().await.expect("it was open");
    let answer = to_end(&mut half).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_status(&get(address, "/").await, 200);
}

/// If what was begun were kept, it would be more than the bodies of one link may take together.
#[tokio::test]
async fn bodies_that_are_left_halfway_leave_no_room_taken() {
    const LENGTH: usize = 30 << 20;
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[("max_content_len", "30m"), ("max_requests", "1")]).await;
    let body = vec![b'x'; LENGTH];
    let head = "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n";
    let counted = format!("{head}Content-Length: {LENGTH}\r\n\r\n");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{LENGTH:x}\r\n");
    for head in [&counted, &chunked].repeat(4) {
        let mut leaving = TcpStream::connect(address).await.expect("it listens");
        leaving.write_all(&[head.as_bytes(), &body[..LENGTH - 1]].concat()).await.expect("it reads");
        drop(leaving);
        lattice_testkit::eventually("the place is free", LONG, async || {
            get(address, "/").await.starts_with("HTTP/1.1 200").then_some(())
        })
        .await;
    }
    let answer = exchange(address, [counted.as_bytes(), &body[..]].concat()).await;
    assert!(answer.contains(&format!("\n{LENGTH} bytes: xxx")), "{answer}");
}
