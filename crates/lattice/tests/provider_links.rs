//! Links on their way to the program's own providers, as the binary tells of them.

mod support;

use std::{net::TcpListener, time::SystemTime};

use lattice_claims::{AccountSeed, ModuleSeed, NewModuleClaims, sign_module};
use lattice_testkit::{NatsServer, eventually, guests::built::VISITS};
use serde_json::{Value, json};
use support::{
    DEADLINE, Daemon, Home,
    host::{host, run},
    http,
};

const CONTRACT: &str = "wasmcloud:httpserver";

/// A host with an HTTP server's actors, and who looks at it.
struct Stage {
    home: Home,
    nats: NatsServer,
    daemon: Daemon,
}

impl Stage {
    async fn start() -> Self {
        let (home, nats) = (Home::new().await, NatsServer::start().await);
        let daemon = host(&home, &nats, "prod", &["--allow-file"]).await;
        Self { home, nats, daemon }
    }

    async fn run(&self, arguments: &[&str]) -> support::Outcome {
        run(&self.home, &self.nats, arguments).await
    }

    /// Starts an actor that answers with a page; returns its key.
    async fn actor(&self, name: &str) -> String {
        let key = ModuleSeed::generate().public();
        let mut claims = NewModuleClaims::new(key.clone(), SystemTime::now());
        claims.caps = vec![CONTRACT.to_owned()];
        let module = sign_module(VISITS, &claims, &AccountSeed::generate()).expect("the module can be signed");
        let path = self.home.file(&format!("{name}.wasm"), &module);
        self.run(&["start", "actor", &path]).await.json();
        key.to_string()
    }

    async fn start_server(&self) {
        self.run(&["start", "provider", "builtin://http-server"]).await.json();
    }

    async fn put(&self, actor: &str, value: &str) -> support::Outcome {
        self.put_with(actor, value, &[]).await
    }

    /// Puts a link and leaves it at that; returns its operation.
    async fn put_without_waiting(&self, actor: &str, value: &str) -> String {
        let told = self.put_with(actor, value, &["--no-wait"]).await.json();
        assert_eq!(told.get("deliveries"), None, "{told}");
        told["operation_id"].as_str().expect("it has an id").to_owned()
    }

    async fn watch(&self, operation: &str, format: &[&str]) -> support::Outcome {
        let arguments = [&["operation", "watch", operation], format].concat();
        self.home.run_with(("LATTICE_NATS_URL", &self.nats.url()), &arguments).await
    }

    async fn put_with(&self, actor: &str, value: &str, more: &[&str]) -> support::Outcome {
        let arguments = [
            "link",
            "put",
            actor,
            "VBGM3HSU6KRTZWUSJJFDVS6OUAWVJOPTTIFG3WA5OMNJZAJR23A5GQDF",
            CONTRACT,
            "--value",
            value,
        ];
        self.run(&[&arguments, more].concat()).await
    }

    /// How far the link of an actor got, and why not further.
    async fn stands(&self, actor: &str) -> Value {
        let links = self.run(&["get", "links"]).await.json();
        let all = links["links"].as_array().expect("a list");
        all.iter().find(|link| link["actor_id"] == actor).expect("it is listed")["deliveries"].clone()
    }

    /// Waits until the link of an actor has got so far; returns what is told of it.
    async fn until(&self, actor: &str, state: &str) -> Value {
        eventually("the link gets so far", DEADLINE, async || {
            let deliveries = self.stands(actor).await;
            (deliveries[0]["state"] == state).then(|| deliveries[0].clone())
        })
        .await
    }

    /// Ends the server's process, which its host starts again.
    fn kill_server(&self) {
        self.daemon.kill_provider("http-server");
    }
}

#[tokio::test]
async fn a_link_comes_before_its_provider_and_twice_and_leaves_its_address() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = http::free_address();
    let value = format!("address={address}");
    let told = stage.put(&actor, &value).await;
    assert_eq!((&told.json()["outcome"], &told.json()["deliveries"]), (&json!("done"), &json!([])), "{told:?}");
    assert_eq!(stage.stands(&actor).await, json!([]));
    stage.start_server().await;
    stage.until(&actor, "confirmed").await;
    for _ in 0..2 {
        assert_eq!(stage.put(&actor, &value).await.json()["deliveries"][0]["state"], "confirmed");
        let page = http::get(address, "/").await.expect("it is served");
        assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    }
    let told = stage.run(&["link", "del", &actor, CONTRACT]).await.json();
    assert_eq!(told["deliveries"][0]["state"], "removed");
    TcpListener::bind(address).expect("nobody listens there any more");
}

#[tokio::test]
async fn of_two_links_that_want_one_address_the_second_is_told_whose_it_is() {
    let stage = Stage::start().await;
    let (first, second) = (stage.actor("one").await, stage.actor("two").await);
    stage.start_server().await;
    let address = http::free_address();
    let value = format!("address={address}");
    assert_eq!(stage.put(&first, &value).await.json()["deliveries"][0]["state"], "confirmed");
    let refused = stage.put(&second, &value).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let reason = format!("the provider refused it: {address} with the path `/` belongs to the actor `{first}` already");
    assert_eq!(refused.document()["deliveries"][0]["error"], reason);
    let failed = stage.until(&second, "failed").await;
    assert_eq!(failed["error"], reason);
    let table = stage.home.run_with(("LATTICE_NATS_URL", &stage.nats.url()), &["get", "links"]).await;
    assert!(table.done().contains("belongs to the actor"), "{table:?}");
    assert!(http::get(address, "/").await.expect("the first goes on").starts_with("HTTP/1.1 200 "));

    // Values that cannot be used are told as such, and others mend it.
    let refused = stage.put(&second, "port=http").await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let reason = stage.until(&second, "failed").await["error"].to_string();
    assert!(reason.contains("`port` must be a port"), "{reason}");
    let elsewhere = http::free_address();
    stage.put(&second, &format!("address={elsewhere}")).await.json();
    assert!(http::get(elsewhere, "/").await.expect("it is served").starts_with("HTTP/1.1 200 "));
}

/// As when somebody took the port while the provider was away.
#[tokio::test]
async fn a_port_that_somebody_holds_is_told_and_taken_by_the_next_process() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    stage.start_server().await;
    let address = http::free_address();
    stage.put(&actor, &format!("address={address}")).await.json();
    stage.run(&["stop", "provider", "http-server"]).await.json();
    let holder = TcpListener::bind(address).expect("the server has left it");
    stage.start_server().await;
    let failed = stage.until(&actor, "failed").await;
    let reason = failed["error"].as_str().expect("a reason");
    assert!(reason.starts_with(&format!("the provider refused it: cannot listen on {address}: ")), "{reason}");
    drop(holder);
    stage.kill_server();
    stage.until(&actor, "confirmed").await;
    assert!(http::get(address, "/").await.expect("it is served").starts_with("HTTP/1.1 200 "));
}

/// History: a refused link was never tried again, and putting it again told the old reason.
#[tokio::test]
async fn regression_a_refused_link_is_taken_once_its_reason_is_gone() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    stage.start_server().await;
    let address = http::free_address();
    let holder = TcpListener::bind(address).expect("it is free");
    let value = format!("address={address}");
    assert_eq!(stage.put(&actor, &value).await.document()["deliveries"][0]["state"], "failed");
    drop(holder);
    assert_eq!(stage.put(&actor, &value).await.document()["deliveries"][0]["state"], "confirmed");
    stage.until(&actor, "confirmed").await;
    assert!(http::get(address, "/").await.expect("it is served").starts_with("HTTP/1.1 200 "));

    // Whoever does not put it again gets it by itself.
    let (other, address) = (stage.actor("two").await, http::free_address());
    let holder = TcpListener::bind(address).expect("it is free");
    assert_eq!(stage.put(&other, &format!("address={address}")).await.document()["deliveries"][0]["state"], "failed");
    drop(holder);
    stage.until(&other, "confirmed").await;
}

#[tokio::test]
async fn whoever_asks_for_an_operation_sees_what_became_of_its_link() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    stage.start_server().await;
    let address = format!("address={}", http::free_address());
    let taken = stage.put_without_waiting(&actor, &address).await;
    let record = stage.watch(&taken, &["-o", "json"]).await.json();
    assert_eq!((&record["phase"], &record["command"]), (&json!("done"), &json!("linkdefs.put")), "{record}");
    let [delivery] = &record["deliveries"].as_array().expect("it put a link")[..] else { panic!("{record}") };
    assert_eq!((&delivery["state"], &delivery["host_id"]), (&json!("confirmed"), &record["host_id"]), "{record}");
    let sheet = stage.watch(&taken, &[]).await;
    assert!(sheet.done().contains("the provider on host prod (") && sheet.stdout.contains("): confirmed"), "{sheet:?}");

    let refused = stage.put_without_waiting(&actor, "port=http").await;
    let told = stage.watch(&refused, &["-o", "json"]).await;
    let delivery = &told.document()["deliveries"][0];
    assert_eq!((told.code, &delivery["state"]), (Some(1), &json!("failed")), "{told:?}");
    assert!(delivery["error"].to_string().contains("`port` must be a port"), "{told:?}");
    let told = stage.watch(&refused, &[]).await;
    assert!(told.stdout.contains("): failed: the provider refused it: "), "{told:?}");
    assert!(told.stderr.contains("error: the link is set, but not every provider took that"), "{told:?}");

    // The earlier one is over by now.
    let record = stage.watch(&taken, &["-o", "json"]).await.json();
    assert_eq!(record["deliveries"][0]["state"], "superseded", "{record}");
    let gone = stage.run(&["link", "del", &actor, CONTRACT]).await.json();
    let id = gone["operation_id"].as_str().expect("it has an id");
    assert_eq!(stage.watch(id, &["-o", "json"]).await.json().get("deliveries"), None);
    assert_eq!(stage.watch(&refused, &["-o", "json"]).await.json()["deliveries"], json!([]));
}
