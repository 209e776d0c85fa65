//! The project's own providers as programs of their own, started from archives.

mod support;

use async_nats::Request;
use lattice_testkit::{NatsServer, guests::built, programs};
use serde_json::{Value, json};
use support::{
    DEADLINE, Home,
    host::{host, run},
    http, shown,
};

/// What stands in a link, so that the archives' keys are told apart from those of the builtins.
struct Archive {
    package: &'static str,
    contract: &'static str,
    file: &'static str,
}

const ARCHIVES: [Archive; 4] = [
    Archive { package: "lattice-controller", contract: "wasmcloud:latticecontrol", file: "./controller.par.gz" },
    Archive { package: "lattice-http-server", contract: "wasmcloud:httpserver", file: "./http.par.gz" },
    Archive { package: "lattice-keyvalue", contract: "wasmcloud:keyvalue", file: "./keyvalue.par.gz" },
    Archive { package: "lattice-messaging", contract: "wasmcloud:messaging", file: "./messaging.par" },
];

/// Makes an archive and starts it; returns the provider's key.
async fn start(home: &Home, nats: &NatsServer, archive: &Archive, program: &str) -> String {
    let Archive { package, contract, file } = archive;
    let create = [
        "par",
        "create",
        program,
        "--contract",
        contract,
        "--name",
        package,
        "--vendor",
        "Lattice",
        "--revision",
        "7",
        "--version",
        "0.1.0",
        "--out",
        file,
    ];
    let made = run(home, nats, &create).await.json();
    let started = run(home, nats, &["start", "provider", file]).await.json();
    assert_eq!((&started["outcome"], &started["provider_id"]), (&json!("done"), &made["public_key"]), "{package}");
    made["public_key"].as_str().expect("a key").to_owned()
}

async fn link(home: &Home, nats: &NatsServer, actor: &str, package: &str, values: &[&str]) {
    let archive = ARCHIVES.iter().find(|archive| archive.package == package).expect("it is in the table");
    let values = values.iter().flat_map(|value| ["--value", value]);
    let put: Vec<&str> = ["link", "put", actor, package, archive.contract].into_iter().chain(values).collect();
    let told = run(home, nats, &put).await.json();
    assert_eq!(told["deliveries"][0]["state"], "confirmed", "{told}");
}

#[tokio::test]
async fn own_providers_serve_actors_from_archives() {
    let programs = programs(ARCHIVES.map(|archive| archive.package));
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let _host = host(&home, &nats, "prod", &["--allow-file"]).await;
    let mut keys = Vec::new();
    for (archive, program) in ARCHIVES.iter().zip(&programs) {
        keys.push(start(&home, &nats, archive, &shown(program)).await);
    }
    for (name, module) in [("visits", built::VISITS), ("hello", built::HELLO), ("helm", built::HELM)] {
        let path = home.file(&format!("{name}.wasm"), module);
        run(&home, &nats, &["start", "actor", &path]).await.json();
    }

    let inventory = run(&home, &nats, &["get", "inventory"]).await.json();
    let running = inventory["inventories"][0]["providers"].as_array().expect("a list");
    assert_eq!(running.len(), ARCHIVES.len(), "{inventory}");
    for (archive, key) in ARCHIVES.iter().zip(&keys) {
        let provider = running.iter().find(|provider| provider["id"] == **key).expect("it is listed");
        let told = ["name", "revision", "contract_id"].map(|field| provider[field].clone());
        assert_eq!(Value::from(told.to_vec()), json!([archive.package, 7, archive.contract]), "{provider}");
        assert_eq!(provider["process"]["restarts"], 0, "{provider}");
    }

    let address = http::free_address();
    link(&home, &nats, "visits", "lattice-keyvalue", &[]).await;
    link(&home, &nats, "visits", "lattice-http-server", &[&format!("address={address}")]).await;
    for visits in 1..=2 {
        let answer = http::get(address, "/").await.expect("it is served");
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("Hello from the lattice"), "{answer}");
        let count = http::get(address, "/count").await.expect("it is served");
        assert!(count.trim_end().ends_with(&format!("{{\"visits\": {visits}}}")), "{count}");
    }

    link(&home, &nats, "hello", "lattice-messaging", &["subscription=greetings"]).await;
    let request = Request::new().payload("Ada".into()).timeout(Some(DEADLINE));
    let answer = nats.client().await.send_request("greetings", request).await.expect("an answer");
    assert_eq!(answer.payload, "Hello, Ada!");

    link(&home, &nats, "helm", "lattice-controller", &["gather_limit=1s"]).await;
    let call = ["call", "helm", "Helm.GetHosts", "{}", "--cluster-seed", "prod/keys/cluster.nk"];
    let hosts = run(&home, &nats, &call).await.json();
    assert_eq!(hosts["hosts"][0]["id"], inventory["inventories"][0]["host_id"], "{hosts}");
}
