//! What is found at the other end of a URL.

use std::{error::Error, time::Duration};

use lattice_client::{ConnectError, ConnectSettings, connect};
use lattice_testkit::{NatsOptions, NatsServer};
use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::fake::{DEADLINE, SHORT};

async fn failure(settings: ConnectSettings) -> ConnectError {
    connect(settings).await.map(drop).expect_err("no connection")
}

/// Connects to something that accepts one connection and says this; nothing at all, and stays, if it is `None`.
async fn failure_at(says: Option<&'static str>, timeout: Duration) -> ConnectError {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client comes");
        match says {
            Some(text) => stream.write_all(text.as_bytes()).await.expect("the client listens"),
            None => std::future::pending().await,
        }
    });
    let error = failure(ConnectSettings::new(address.to_string()).timeout(timeout)).await;
    server.abort();
    error
}

#[tokio::test]
async fn nothing_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let error = failure(ConnectSettings::new(format!("nats://me:secret@127.0.0.1:{port}"))).await;
    assert!(matches!(error, ConnectError::NothingListens { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("nothing listens at `nats://127.0.0.1:{port}`"));
    assert!(error.source().is_some());
}

#[tokio::test]
async fn something_else_listens() {
    for says in ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", ""] {
        let error = failure_at(Some(says), DEADLINE).await;
        assert!(matches!(error, ConnectError::Handshake { .. }), "{says}: {error:?}");
    }
}

#[tokio::test]
async fn what_listens_says_nothing() {
    let error = failure_at(None, SHORT).await;
    assert!(matches!(error, ConnectError::TimedOut { timeout: SHORT, .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_leaves_time_for_the_others() {
    let nats = NatsServer::start().await;
    let mut mute = Vec::new();
    for _ in 0..2 {
        mute.push(TcpListener::bind("127.0.0.1:0").await.expect("a port is free"));
    }
    let addresses = mute.iter().map(|listener| listener.local_addr().expect("it is bound").to_string());
    let urls: Vec<String> = addresses.chain([nats.url()]).collect();
    let settings = ConnectSettings::new(urls.join(",")).timeout(Duration::from_secs(3));
    connect(settings).await.expect("one of them is a server");
}

#[tokio::test]
async fn malformed_urls() {
    for url in ["", "http://127.0.0.1", "nats://"] {
        let error = failure(ConnectSettings::new(url)).await;
        assert!(matches!(error, ConnectError::Url { .. }), "{url}: {error:?}");
    }
}

async fn server(config: &str) -> (NatsServer, String) {
    let nats = NatsServer::start_with(NatsOptions { config: config.to_owned(), ..NatsOptions::default() }).await;
    let address = nats.url().trim_start_matches("nats://").to_owned();
    (nats, address)
}

#[tokio::test]
async fn a_server_may_refuse_who_connects() {
    let (_nats, address) = server(r#"authorization { user: "me", password: "secret/%" }"#).await;
    for user in ["", "me:wrong@", "you:secret%2F%25@", "me@"] {
        let error = failure(ConnectSettings::new(format!("nats://{user}{address}"))).await;
        assert!(matches!(error, ConnectError::Refused { .. }), "{user}: {error:?}");
        assert_eq!(error.to_string(), format!("the NATS server at `nats://{address}` refuses the connection"));
        assert!(!format!("{error:?}").contains("wrong"));
    }
    let url = format!("nats://me:secret%2F%25@{address}");
    connect(ConnectSettings::new(url)).await.expect("the right password");
}

#[tokio::test]
async fn a_user_name_alone_is_a_token() {
    let (_nats, address) = server(r#"authorization { token: "secret" }"#).await;
    connect(ConnectSettings::new(format!("nats://secret@{address}"))).await.expect("the right token");
}

#[tokio::test]
async fn credentials_files() {
    const CREDENTIALS: &str = "-----BEGIN NATS USER JWT-----\neyJ0eXAiOiJKV1QifQ.e30.c2ln\n------END NATS USER JWT------\n\n\
        -----BEGIN USER NKEY SEED-----\nSEED\n------END USER NKEY SEED------\n";
    let (_nats, address) = server("").await;
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("user.creds");
    let settings = ConnectSettings::new(address).credentials(&file);

    let error = failure(settings.clone()).await;
    assert!(matches!(error, ConnectError::Credentials { .. }), "{error:?}");
    std::fs::write(&file, CREDENTIALS.replace("SEED", "secret")).expect("the directory can be written");
    let error = failure(settings.clone()).await;
    assert!(matches!(error, ConnectError::Credentials { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("secret"));

    std::fs::write(&file, CREDENTIALS.replace("\nSEED\n", &format!("\n{USER_SEED}\n"))).expect("as before");
    connect(settings).await.expect("a server that asks for nothing takes any credentials");
}

/// A seed made for this test alone.
const USER_SEED: &str = "SUABFWI7HYHVMDMYU5KKCUEZWJO3ZZ65Q4ILY3VCS4ZHVNUHKSYF5IHMTI";
