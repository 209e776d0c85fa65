//! Actors that others wrote, built with the published SDK and signed, behind the providers of this program.

mod support;

use std::time::Duration;

use async_nats::Request;
use lattice_testkit::{NatsServer, eventually};
use serde_json::json;
use support::{
    DEADLINE, Home,
    host::{host, run},
    http,
};

const ECHO: &str = "MDJ5BWS6JXSWOZL2ZENW2D4FBSHQ5ZMFGEGJB33TLKYKMXTLLAXINU36";
const LOGGER: &str = "MAARQX72EAZ4T4ODYOQZED3FJ6P27KWWVVTUNV6TVX2VBRVVSUKLAQHP";

fn fixture(name: &str) -> String {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo tells tests");
    format!("file://{package}/../testkit/fixtures/{name}")
}

#[tokio::test]
async fn the_published_echo_answers_messages() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let _host = host(&home, &nats, "prod", &["--allow-file"]).await;
    let started = run(&home, &nats, &["start", "actor", &fixture("echo_messaging_v0.9.0.wasm")]).await.json();
    assert_eq!(started["actor_id"], ECHO, "{started}");
    run(&home, &nats, &["start", "provider", "builtin://messaging"]).await.json();
    let put = ["link", "put", ECHO, "messaging", "wasmcloud:messaging", "--value", "subscription=echo.in"];
    let told = run(&home, &nats, &put).await.json();
    assert_eq!(told["deliveries"], json!([{"host_id": told["host_id"], "state": "confirmed"}]));

    let client = nats.client().await;
    let request = Request::new().payload("hello".into()).timeout(Some(DEADLINE));
    let answer = client.send_request("echo.in", request).await.expect("an answer");
    assert_eq!(answer.payload, "reply: hello");

    run(&home, &nats, &["link", "del", ECHO, "wasmcloud:messaging"]).await.json();
    eventually("nobody listens", DEADLINE, async || {
        let request = Request::new().payload("lost".into()).timeout(Some(Duration::from_millis(200)));
        let error = client.send_request("echo.in", request).await.err()?;
        (error.kind() == async_nats::RequestErrorKind::NoResponders).then_some(())
    })
    .await;
}

/// It is older than the operations that HTTP servers call, as those of published hosts do, and says so.
#[tokio::test]
async fn the_published_logger_is_too_old_for_http() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let _host = host(&home, &nats, "prod", &["--allow-file"]).await;
    let started = run(&home, &nats, &["start", "actor", &fixture("logger.wasm")]).await.json();
    assert_eq!(started["actor_id"], LOGGER, "{started}");
    run(&home, &nats, &["start", "provider", "builtin://http-server"]).await.json();
    let address = http::free_address();
    let value = format!("address={address}");
    let told =
        run(&home, &nats, &["link", "put", LOGGER, "http-server", "wasmcloud:httpserver", "--value", &value]).await;
    assert_eq!(told.json()["deliveries"][0]["state"], "confirmed");
    let answer = http::get(address, "/").await.expect("it is answered");
    assert!(answer.starts_with("HTTP/1.1 500 ") && !answer.contains("handler"), "{answer}");
    eventually("its log tells why", DEADLINE, async || {
        let logs = run(&home, &nats, &["logs", "provider", "http-server"]).await.json();
        logs["lines"].to_string().contains("No handler registered for function").then_some(())
    })
    .await;
}
