//! Links: who answers where, and who may not.

use std::net::TcpListener;

use crate::stage::{Stage, assert_status, body, free_address, get};

#[tokio::test]
async fn links_share_an_address_by_path_and_the_longest_wins() {
    let stage = Stage::start().await;
    let [all, api, v2, rival] =
        [stage.actor("all").await, stage.actor("api").await, stage.actor("v2").await, stage.actor("rival").await];
    let address = free_address();
    let put = async |key, path| stage.try_put(key, &[("address", &address.to_string()), ("path", path)]).await;
    assert_eq!(put(&api.key, "/api").await, None);
    let check = async |path: &str, expect: &str| {
        let answer = get(address, path).await;
        assert!(answer.contains(&format!("\r\nx-actor: {expect}\r\n")), "{path}: {answer}");
    };
    assert_status(&get(address, "/").await, 404);
    assert_eq!(put(&all.key, "/").await, None);
    assert_eq!(put(&v2.key, "/api/v2/").await, None);
    check("/x", "all").await;
    check("/api?x=/api/v2", "api").await;
    check("/apix", "all").await;
    check("/api/v2/x", "v2").await;
    let error = put(&rival.key, "/api/").await.expect("refused");
    assert_eq!(error, format!("{address} with the path `/api` belongs to the actor `{}` already", api.key));
    check("/api", "api").await;

    // The one that is gone leaves its path to who is next, and to whoever wants it.
    assert_eq!(stage.delete(&api).await, None);
    check("/api", "all").await;
    assert_eq!(put(&rival.key, "/api").await, None);
    check("/api", "rival").await;
    // One that moves leaves its old path.
    assert_eq!(put(&v2.key, "/moved").await, None);
    check("/api/v2/x", "rival").await;
    check("/moved", "v2").await;
}

#[tokio::test]
async fn a_link_that_moves_leaves_its_address() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let (first, second) = (free_address(), free_address());
    assert_eq!(stage.try_put(&actor.key, &[("address", &first.to_string())]).await, None);
    assert_status(&get(first, "/").await, 200);
    assert_eq!(stage.try_put(&actor.key, &[("address", &second.to_string())]).await, None);
    assert_status(&get(second, "/").await, 200);
    lattice_testkit::eventually("nobody listens", crate::stage::LONG, async || {
        tokio::net::TcpStream::connect(first).await.is_err().then_some(())
    })
    .await;
    // Where requests were answered a moment ago can be listened again at once.
    assert_eq!(stage.try_put(&actor.key, &[("address", &first.to_string())]).await, None);
    assert_status(&get(first, "/").await, 200);
}

#[tokio::test]
async fn new_values_count_for_the_next_request() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[("request_header.greeting", "Hello")]).await;
    assert!(body(&get(address, "/").await).contains("greeting=Hello\n"));
    assert_eq!(stage.put(&actor, &[("request_header.greeting", "Hi")]).await, address);
    assert!(body(&get(address, "/").await).contains("greeting=Hi\n"));
}

#[tokio::test]
async fn what_cannot_be_done_is_told_to_who_puts_the_link() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    let refused = async |values: &[(&str, &str)], expect: &str| {
        let error = stage.try_put(&actor.key, values).await.expect("refused");
        assert!(error.contains(expect), "{error}");
        assert_eq!(stage.server.address(&actor.key), None);
    };
    refused(&[("address", &address)], &format!("cannot listen on {address}: ")).await;
    refused(&[("address", "203.0.113.1:80")], "cannot listen on 203.0.113.1:80: ").await;
    refused(&[("port", "http")], "the link's values cannot be used: `port` must be a port").await;
    let missing = r#"{"port":0,"tls":{"cert_file":"/nowhere/c.pem","priv_key_file":"/nowhere/k.pem"}}"#;
    refused(&[("config_json", missing)], "the file `/nowhere/c.pem` cannot be used for TLS: ").await;

    // A change that is refused ends the link as it was: the old values are not what was wanted.
    let bound = stage.put(&actor, &[]).await;
    refused(&[("port", "http")], "`port` must be a port").await;
    assert!(tokio::net::TcpStream::connect(bound).await.is_err());
    assert!(stage.health().await.healthy);
}

/// Links of different actors change side by side, so that the new one may come first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_passes_from_one_actor_to_the_next() {
    let stage = Stage::start().await;
    let actors = [stage.actor("even").await, stage.actor("odd").await];
    let address = free_address();
    let text = address.to_string();
    assert_eq!(stage.try_put(&actors[1].key, &[("address", &text)]).await, None);
    for turn in 0..10 {
        let (next, last) = (&actors[turn % 2], &actors[(turn + 1) % 2]);
        let values = [("address", text.as_str())];
        let (taken, left) = tokio::join!(stage.try_put(&next.key, &values), stage.delete(last));
        assert_eq!((taken, left), (None, None), "{turn}");
        let expect = if turn % 2 == 0 { "x-actor: even" } else { "x-actor: odd" };
        assert!(get(address, "/").await.contains(expect));
    }
}
