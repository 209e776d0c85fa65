//! Ends: requests that were begun are answered, and nobody else gets in.

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::stage::{LONG, Stage, assert_status, body, free_address, get, to_end};

#[tokio::test]
async fn a_link_that_is_deleted_answers_what_was_begun() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[]).await;
    let mut idle = TcpStream::connect(address).await.expect("it listens");
    idle.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").await.expect("it reads");
    actor.guest.begun(1).await;
    let (answer, deleted, idle) = tokio::join!(get(address, "/wait"), stage.delete(&actor), async {
        actor.guest.begun(2).await;
        lattice_testkit::eventually("nobody listens", LONG, async || {
            TcpStream::connect(address).await.is_err().then_some(())
        })
        .await;
        let idle = to_end(&mut idle).await;
        actor.guest.gate.add_permits(1);
        idle
    });
    assert_eq!((body(&answer), deleted), ("waited", None));
    assert_status(&idle, 200);
    assert!(stage.server.address(&actor.key).is_none());
}

#[tokio::test]
async fn who_shares_the_address_goes_on() {
    let stage = Stage::start().await;
    let (actor, other) = (stage.actor("one").await, stage.actor("other").await);
    let shared = free_address();
    for (key, path) in [(&actor.key, "/one"), (&other.key, "/")] {
        assert_eq!(stage.try_put(key, &[("address", &shared.to_string()), ("path", path)]).await, None);
    }
    let (answer, deleted, ()) = tokio::join!(get(shared, "/one/wait"), stage.delete(&actor), async {
        actor.guest.begun(1).await;
        lattice_testkit::eventually("the path is the other's", LONG, async || {
            get(shared, "/one").await.contains("x-actor: other").then_some(())
        })
        .await;
        actor.guest.gate.add_permits(1);
    });
    assert_eq!((body(&answer), deleted), ("waited", None));
}

#[tokio::test]
async fn a_shutdown_answers_what_was_begun() {
    let mut stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[]).await;
    let (answer, told, ()) = tokio::join!(get(address, "/wait"), stage.shut_down(), async {
        actor.guest.begun(1).await;
        lattice_testkit::eventually("nobody listens", LONG, async || {
            TcpStream::connect(address).await.is_err().then_some(())
        })
        .await;
        actor.guest.gate.add_permits(1);
    });
    assert_eq!((body(&answer), &told[..]), ("waited", b"shutting down".as_slice()));
    let mut serving = stage.serving.take().expect("it was started");
    assert_eq!(serving.ended().await, lattice_provider::Ended::Shutdown);
    // The next process listens there at once.
    tokio::net::TcpSocket::new_v4()
        .and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(address)
        })
        .expect("the address is free");
}

#[tokio::test]
async fn what_is_dropped_ends() {
    let mut stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[]).await;
    let mut open = TcpStream::connect(address).await.expect("it listens");
    open.write_all(b"GET /never HTTP/1.1\r\nHost: test\r\n\r\n").await.expect("it reads");
    actor.guest.begun(1).await;
    drop((stage.serving.take(), stage));
    assert_eq!(to_end(&mut open).await, "");
    lattice_testkit::eventually("nobody listens", LONG, async || {
        TcpStream::connect(address).await.is_err().then_some(())
    })
    .await;
}
