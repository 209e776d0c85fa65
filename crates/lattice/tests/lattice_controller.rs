//! An actor steers lattices: a compiled module in a real host, the provider a process of its own, effects seen from outside.

mod support;

use lattice_testkit::{NatsServer, eventually, guests::built};
use serde_json::{Value, json};
use support::{
    DEADLINE, Daemon, Home,
    host::{host, run},
};

const GRANTS: [&str; 4] =
    ["operations=read,schedule,manage", "lattices=default,shop", "nats_urls=*", "registries=registry.example"];

/// A lattice with two hosts and the actor at the helm on the first.
struct Fleet {
    home: Home,
    nats: NatsServer,
    hosts: Vec<Daemon>,
}

impl Fleet {
    async fn start() -> Self {
        let (home, nats) = (Home::new().await, NatsServer::start().await);
        let flags = ["--allow-file", "--allow-unsigned"];
        let first = host(&home, &nats, "prod", &flags).await;
        let fleet = Self { home, nats, hosts: vec![first] };
        fleet.sign("helm", built::HELM, &["wasmcloud:latticecontrol"]).await;
        fleet.run(&["start", "actor", "helm-signed.wasm"]).await;
        fleet
    }

    async fn add_host(&mut self, name: &str, lattice: &str) -> String {
        let mut command = self.home.command(&["host", "--friendly-name", name, "--data-dir", name, "--allow-file"]);
        command.args(["--lattice", lattice]).env("LATTICE_NATS_URL", self.nats.url());
        self.hosts.push(Daemon::start(command));
        eventually("the host answers", DEADLINE, async || {
            let hosts = run(&self.home, &self.nats, &["get", "hosts", "--lattice", lattice]).await;
            let hosts = hosts.code.filter(|code| *code == 0).map(|_| hosts.document())?;
            let hosts = hosts["hosts"].as_array()?;
            let host = hosts.iter().find(|host| host["friendly_name"] == name)?;
            Some(host["id"].as_str()?.to_owned())
        })
        .await
    }

    async fn sign(&self, name: &str, module: &[u8], contracts: &[&str]) {
        let (plain, signed) = (self.home.file(&format!("{name}.wasm"), module), format!("{name}-signed.wasm"));
        let contracts = contracts.iter().flat_map(|contract| ["--cap", contract]);
        let sign = ["claims", "sign", &plain, "--out", &signed, "--name", name, "--call-alias", name];
        run(&self.home, &self.nats, &sign.into_iter().chain(contracts).collect::<Vec<_>>()).await.done();
    }

    /// What a command of the program, which is a client of its own, says.
    async fn run(&self, arguments: &[&str]) -> Value {
        run(&self.home, &self.nats, arguments).await.json()
    }

    /// Starts the provider from that reference and grants the helm all that it may ask for.
    async fn link(&self, reference: &str, name: &str) {
        let started = self.run(&["start", "provider", reference, "--host", "prod"]).await;
        assert_eq!(started["outcome"], "done", "{started}");
        let values = GRANTS.iter().flat_map(|value| ["--value", value]);
        let put = ["link", "put", "helm", name, "wasmcloud:latticecontrol"];
        let told = self.run(&put.into_iter().chain(values).collect::<Vec<_>>()).await;
        assert_eq!(told["deliveries"][0]["state"], "confirmed", "{told}");
    }

    /// Has the actor carry out an operation.
    async fn helm(&self, operation: &str, argument: Value) -> Result<Value, String> {
        let (operation, argument) = (format!("Helm.{operation}"), argument.to_string());
        let call = ["call", "helm", &operation, &argument, "--cluster-seed", "prod/keys/cluster.nk"];
        let outcome = run(&self.home, &self.nats, &call).await;
        match outcome.code {
            Some(0) => Ok(outcome.document()),
            _ => Err(outcome.document()["error"].to_string()),
        }
    }

    async fn done(&self, operation: &str, argument: Value) {
        assert_eq!(self.helm(operation, argument).await, Ok(json!({ "accepted": true })), "{operation}");
    }

    /// That the actor hears this code.
    async fn refused(&self, operation: &str, argument: Value, code: &str) {
        let error = self.helm(operation, argument).await.expect_err(operation);
        assert!(error.contains(&format!("[{code}] ")), "{operation}: {error}");
    }

    /// What runs on a host, as the separate client sees it.
    async fn inventory(&self, host: &str) -> Value {
        let all = self.run(&["get", "inventory", host]).await;
        all["inventories"][0].clone()
    }

    /// Waits until that many instances of an actor run on a host.
    async fn until_instances(&self, host: &str, actor: &str, count: usize) -> Value {
        eventually("so many instances run", DEADLINE, async || {
            let inventory = self.inventory(host).await;
            let found = inventory["actors"].as_array()?.iter().find(|one| one["id"] == actor).cloned();
            let instances = found.as_ref().map_or(0, |one| one["instances"].as_array().map_or(0, Vec::len));
            (instances == count).then_some(found.unwrap_or_default())
        })
        .await
    }
}

fn ids(list: &Value, key: &str) -> Vec<String> {
    let items = list.as_array().expect("a list").iter();
    let mut ids: Vec<String> = items.map(|item| item[key].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(mut texts: [&str; N]) -> [&str; N] {
    texts.sort_unstable();
    texts
}

/// Everything about hosts and actors.
async fn steers_actors(fleet: &Fleet, first: &str, second: &str) {
    let hosts = fleet.helm("GetHosts", json!({})).await.expect("hosts");
    assert_eq!(ids(&hosts["hosts"], "id"), sorted([first, second]));
    assert_eq!(hosts["complete"], true);
    let path = fleet.home.file("hello.wasm", built::HELLO);
    fleet.sign("hello", built::HELLO, &["wasmcloud:builtin:logging"]).await;
    let reference = format!("file://{}", path.replace("hello.wasm", "hello-signed.wasm"));
    let bids = fleet.helm("AuctionActor", json!({ "actor_ref": reference, "constraints": {} })).await.expect("bids");
    assert_eq!(ids(&bids["bids"], "host_id"), sorted([first, second]));

    fleet
        .done(
            "StartActor",
            json!({ "actor_ref": reference, "annotations": { "app": "demo" }, "count": 2, "host": second }),
        )
        .await;
    let claims = eventually("its claims are known", DEADLINE, async || {
        let claims = fleet.helm("GetClaims", json!({})).await.ok()?;
        claims["claims"].as_array()?.iter().find(|one| one["name"] == "hello").cloned()
    })
    .await;
    let actor = claims["sub"].as_str().expect("a key").to_owned();
    fleet.until_instances("second", &actor, 2).await;
    let seen = fleet.helm("GetHostInventory", json!({ "host": second })).await.expect("an inventory");
    assert_eq!((&seen["actors"][0]["id"], &seen["actors"][0]["image_ref"]), (&json!(actor), &json!(reference)));
    fleet
        .done(
            "ScaleActor",
            json!({ "actor_id": actor, "actor_ref": reference, "annotations": { "app": "demo" },
            "count": 5, "host": second }),
        )
        .await;
    fleet.until_instances("second", &actor, 5).await;
    let newer = fleet.home.path("newer.wasm");
    std::fs::copy(fleet.home.path("hello-signed.wasm"), &newer).expect("it can be copied");
    let newer = format!("file://{}", newer.display());
    fleet.done("UpdateActor", json!({ "actor_id": actor, "host": second, "new_actor_ref": newer })).await;
    eventually("it is updated", DEADLINE, async || {
        let running = fleet.until_instances("second", &actor, 5).await;
        (running["image_ref"] == newer.as_str()).then_some(())
    })
    .await;
    fleet.done("StopActor", json!({ "actor_id": actor, "count": 4, "host": second })).await;
    fleet.until_instances("second", &actor, 1).await;
    fleet.done("StopActor", json!({ "actor_id": actor, "count": 0, "host": second })).await;
    fleet.until_instances("second", &actor, 0).await;
}

/// Everything about providers, links and registries.
async fn steers_providers(fleet: &Fleet, second: &str) {
    let store = json!({ "constraints": {}, "link_name": "default", "provider_ref": "builtin://keyvalue" });
    let bids = fleet.helm("AuctionProvider", store).await.expect("bids");
    assert_eq!(bids["bids"].as_array().map(Vec::len), Some(2));
    let start =
        json!({ "configuration": "{}", "host": second, "link_name": "default", "provider_ref": "builtin://keyvalue" });
    fleet.done("StartProvider", start).await;
    let provider = eventually("it runs", DEADLINE, async || {
        let inventory = fleet.inventory("second").await;
        let provider = inventory["providers"].as_array()?.first()?.clone();
        (provider["process"]["state"] == "running").then_some(provider)
    })
    .await;
    let key = provider["id"].as_str().expect("a key");

    let claims = fleet.helm("GetClaims", json!({})).await.expect("claims");
    let helm = claims["claims"].as_array().expect("a list").iter().find(|one| one["name"] == "helm").expect("it runs");
    let actor = helm["sub"].as_str().expect("a key");
    let link = json!({ "actor_id": actor, "contract_id": "wasmcloud:keyvalue", "link_name": "default",
        "provider_id": key, "values": { "bucket": "demo" } });
    fleet.done("AdvertiseLink", json!({ "link": link })).await;
    let links = fleet.run(&["get", "links"]).await;
    assert!(links["links"].as_array().expect("a list").iter().any(|one| one["provider_id"] == key), "{links}");
    let seen = fleet.helm("GetLinks", json!({})).await.expect("links");
    assert!(seen["links"].as_array().expect("a list").contains(&link), "{seen}");
    fleet
        .done("RemoveLink", json!({ "actor_id": actor, "contract_id": "wasmcloud:keyvalue", "link_name": "default" }))
        .await;
    let links = fleet.run(&["get", "links"]).await;
    assert_eq!(links["links"].as_array().map(Vec::len), Some(1), "its own is left: {links}");

    let stop =
        json!({ "contract_id": "wasmcloud:keyvalue", "host": second, "link_name": "default", "provider_id": key });
    fleet.done("StopProvider", stop).await;
    eventually("it is gone", DEADLINE, async || {
        (fleet.inventory("second").await["providers"] == json!([])).then_some(())
    })
    .await;
    let credentials = json!({ "registry.example": { "username": "u", "password": "hunter2" } });
    fleet.done("SetRegistryCredentials", json!({ "credentials": credentials })).await;
    let known = fleet.run(&["registry", "list"]).await;
    assert_eq!(known["registries"][0]["registry"], "registry.example", "{known}");
}

#[tokio::test]
async fn a_compiled_actor_calls_all_operations() {
    let mut fleet = Fleet::start().await;
    let second = fleet.add_host("second", "default").await;
    fleet.link("builtin://lattice-controller", "lattice-controller").await;
    let hosts = fleet.run(&["get", "hosts"]).await;
    let hosts = hosts["hosts"].as_array().expect("a list");
    let first = hosts.iter().find(|host| host["friendly_name"] == "prod").expect("it runs");
    let first = first["id"].as_str().expect("a key").to_owned();

    steers_actors(&fleet, &first, &second).await;
    steers_providers(&fleet, &second).await;

    // Another lattice, on a server that the link grants.
    fleet.refused("GetHosts", json!({ "lattice": "shop" }), "no_credentials").await;
    let shop = fleet.add_host("shop", "shop").await;
    fleet.done("SetLatticeCredentials", json!({ "lattice": "shop", "nats_url": fleet.nats.url() })).await;
    let seen = fleet.helm("GetHosts", json!({ "lattice": "shop" })).await.expect("hosts");
    assert_eq!(ids(&seen["hosts"], "id"), [shop]);
    fleet.refused("GetHosts", json!({ "lattice": "moon" }), "not_granted").await;
    fleet.refused("StopActor", json!({ "actor_id": "N", "count": 0, "host": second }), "invalid").await;

    fleet.done("StopHost", json!({ "host": second })).await;
    assert_eq!(fleet.hosts[1].end().await, Some(0));
    let left = fleet.run(&["get", "hosts"]).await;
    assert_eq!(ids(&left["hosts"], "id"), [first]);
    fleet.refused("StopHost", json!({ "host": second }), "no_such_host").await;
    let operations = fleet.run(&["get", "operations"]).await;
    let asked = operations["operations"].as_array().expect("a list").iter();
    assert!(
        asked.filter_map(|one| one["requester"].as_str()).any(|requester| requester.starts_with("actor M")),
        "{operations}"
    );
}
