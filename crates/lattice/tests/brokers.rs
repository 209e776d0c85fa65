//! What listens where the broker should be: each thing that cannot carry a lattice is told by name.

mod support;

use lattice_testkit::{NatsOptions, NatsServer};
use support::Home;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Serves each connection in its own way, until it is dropped.
struct Impostor {
    url: String,
    _task: JoinSet<()>,
}

impl Impostor {
    async fn start<F: Future<Output = ()> + Send + 'static>(serve: fn(TcpStream) -> F) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("nats://{}", listener.local_addr().expect("it is bound"));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection));
            }
        });
        Self { url, _task: task }
    }
}

async fn http(mut connection: TcpStream) {
    let mut request = [0; 256];
    let _ = connection.read(&mut request).await;
    let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
}

async fn mute(mut connection: TcpStream) {
    let mut ignored = Vec::new();
    let _ = connection.read_to_end(&mut ignored).await;
}

async fn old(mut connection: TcpStream) {
    let info = r#"INFO {"server_id":"X","version":"2.9.25","proto":1,"max_payload":1048576,"jetstream":true}"#;
    let _ = connection.write_all(format!("{info}\r\n").as_bytes()).await;
    mute(connection).await;
}

/// The same for whoever asks and for a host that wants to join.
async fn check(home: &Home, url: &str, code: &str, said: &str) {
    for command in [&["get", "hosts", "--timeout", "1s"][..], &["host"], &["up"]] {
        let mut arguments = command.to_vec();
        arguments.extend(["--nats-url", url]);
        home.run(&arguments).await.failed(3, said);
        arguments.extend(["-o", "json"]);
        home.run(&arguments).await.failed_json(3, code);
    }
}

#[tokio::test]
async fn nothing_listens() {
    let home = Home::new().await;
    let nats = NatsServer::start().await;
    let url = nats.url();
    drop(nats);
    check(&home, &url, "unreachable", "nothing listens at").await;
    let outcome = home.run_with(("LATTICE_NATS_URL", &url), &["get", "hosts"]).await;
    outcome.failed(3, &format!("no --nats-url, LATTICE_NATS_URL={url}"));
}

#[tokio::test]
async fn something_else_listens() {
    let home = Home::new().await;
    let server = Impostor::start(http).await;
    check(&home, &server.url, "not_nats", "is not a NATS server: it said `HTTP/1.1 400").await;
}

#[tokio::test]
async fn what_listens_is_mute() {
    let home = Home::new().await;
    let server = Impostor::start(mute).await;
    let arguments = ["get", "hosts", "--timeout", "500ms", "--nats-url", &server.url];
    home.run(&arguments).await.failed(3, "said nothing");
}

#[tokio::test]
async fn an_old_server() {
    let home = Home::new().await;
    let server = Impostor::start(old).await;
    check(&home, &server.url, "nats_too_old", "version 2.9.25, which is too old").await;
}

#[tokio::test]
async fn a_server_without_jetstream() {
    let home = Home::new().await;
    let nats = NatsServer::start_with(NatsOptions { jetstream: false, ..NatsOptions::default() }).await;
    check(&home, &nats.url(), "no_jet_stream", "without JetStream").await;
}

#[tokio::test]
async fn a_server_that_asks_for_credentials() {
    let home = Home::new().await;
    let config = "authorization { user: ada, password: secret }".to_owned();
    let nats = NatsServer::start_with(NatsOptions { config, ..NatsOptions::default() }).await;
    let outcome = home.run(&["get", "hosts", "-o", "json", "--nats-url", &nats.url()]).await;
    outcome.failed_json(4, "unauthorized");
    let url = nats.url().replace("//", "//ada:secret@");
    let outcome = home.run(&["get", "hosts", "-o", "json", "--nats-url", &url]).await;
    let document = outcome.failed_json(3, "no_hosts");
    assert!(!document.to_string().contains("secret"), "{document}");
}

#[tokio::test]
async fn a_lattice_without_hosts() {
    let home = Home::new().await;
    let nats = NatsServer::start().await;
    let seed = home.path("cluster.nk");
    home.run(&["keys", "gen", "cluster", "--out", &support::shown(&seed)]).await.done();
    let commands: [&[&str]; 5] = [
        &["get", "hosts"],
        &["get", "inventory"],
        &["get", "claims"],
        &["get", "inventory", "calm-otter"],
        &["call", "hello", "Greeter.Greet", "--cluster-seed", "cluster.nk"],
    ];
    for command in commands {
        let mut arguments = command.to_vec();
        arguments.extend(["--nats-url", "URL", "-o", "json"]);
        let url = nats.url();
        let arguments: Vec<&str> =
            arguments.iter().map(|argument| if *argument == "URL" { &url } else { *argument }).collect();
        home.run(&arguments).await.failed_json(3, "no_hosts");
    }
}
