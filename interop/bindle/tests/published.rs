//! Actors and providers that a lattice starts from a published bindle server.
//!
//! The lattice is started with `--bindle-url` and `--insecure-registry`, which names the server as one without TLS.

use std::{
    env::{
        self,
        consts::{ARCH, OS},
    },
    fs,
};

use lattice_interop::{Actor, Lattice};
use lattice_interop_bindle::{PASSWORD, Server, TOKEN, USER, module, provider};

const COUNTER: &str = "acme.com/counter/1.0.0";

/// A server, a lattice that has it configured, and an actor's module on the server.
async fn stage() -> (Server, Lattice, Actor) {
    let server = Server::open().await;
    let lattice = Lattice::start_with(&["--bindle-url", &server.url(), "--insecure-registry", &server.address()]).await;
    let actor = pushed(&server, &lattice).await;
    (server, lattice, actor)
}

/// The actor, as it is on the server and as a reference without one names it.
async fn pushed(server: &Server, lattice: &Lattice) -> Actor {
    let actor = lattice.sign(1).await;
    let file = actor.reference.strip_prefix("file://").expect("it was signed into a file");
    server.push(module(COUNTER, &fs::read(file).expect("it is there"))).await;
    Actor { reference: format!("bindle://{COUNTER}"), ..actor }
}

#[tokio::test]
async fn an_actor_is_started() {
    let (_server, lattice, actor) = stage().await;
    lattice.run(&["start", "actor", &actor.reference]).await;
    lattice.until_running(&actor, 1).await;
    let inventory = lattice.inventory().await;
    assert_eq!(inventory["actors"][0]["image_ref"], actor.reference, "{inventory}");
}

#[tokio::test]
async fn who_asks_has_a_password_or_a_token() {
    for (server, secret, user) in
        [(Server::with_password().await, PASSWORD, Some(USER)), (Server::with_token().await, TOKEN, None)]
    {
        let address = server.address();
        let lattice = Lattice::start_with(&["--bindle-url", &server.url(), "--insecure-registry", &address]).await;
        let actor = pushed(&server, &lattice).await;
        let refusal = lattice.refusal(&["start", "actor", &actor.reference]).await;
        assert!(refusal.contains(&address) && refusal.contains("credential"), "{refusal}");

        let set = async |secret: &str| {
            let file = lattice.path("secret");
            fs::write(&file, secret).expect("the lattice's directory can be written");
            let mut arguments = vec!["registry", "set", &address, "--kind", "bindle"];
            match user {
                Some(user) => arguments.extend(["--user", user, "--password-file", &file]),
                None => arguments.extend(["--token-file", &file]),
            }
            lattice.run(&arguments).await
        };
        set("something else").await;
        let refusal = lattice.refusal(&["start", "actor", &actor.reference]).await;
        assert!(refusal.contains(&address) && !refusal.contains("something else"), "{refusal}");
        set(secret).await;
        lattice.run(&["start", "actor", &actor.reference]).await;
        lattice.until_running(&actor, 1).await;
    }
}

/// Without a host in between.
#[tokio::test]
async fn what_is_pulled_is_what_was_pushed() {
    let (server, lattice, actor) = stage().await;
    let back = lattice.path("back.wasm");
    let reach = ["--bindle-url", &server.url(), "--insecure-registry", &server.address()];
    let pulled = lattice.run(&[&["pull", &actor.reference, "--out", &back][..], &reach].concat()).await;
    assert_eq!(
        (&pulled["kind"], &pulled["reference"]),
        (&"module".into(), &actor.reference.clone().into()),
        "{pulled}"
    );
    let pushed = lattice.path("counter-1.wasm");
    assert_eq!(fs::read(back).expect("it was pulled"), fs::read(pushed).expect("it was signed"));
    let missing = ["pull", "bindle://acme.com/counter/1.0.1", "--out", "none.wasm"];
    let refusal = lattice.refusal(&[&missing[..], &reach].concat()).await;
    assert!(refusal.contains("has no `acme.com/counter/1.0.1`"), "{refusal}");
}

#[tokio::test]
async fn the_server_may_stand_in_the_reference() {
    let server = Server::open().await;
    let lattice = Lattice::start_with(&["--insecure-registry", &server.address()]).await;
    let actor = pushed(&server, &lattice).await;
    let refusal = lattice.refusal(&["start", "actor", &actor.reference]).await;
    assert!(refusal.contains("no bindle server is configured"), "{refusal}");
    let reference = format!("{}@{}", actor.reference, server.url());
    lattice.run(&["start", "actor", &reference]).await;
    lattice.until_running(&actor, 1).await;
}

#[tokio::test]
async fn what_is_yanked_or_missing_is_not_started() {
    let (server, lattice, actor) = stage().await;
    let refusal = lattice.refusal(&["start", "actor", "bindle://acme.com/counter/1.0.1"]).await;
    assert!(refusal.contains("has no `acme.com/counter/1.0.1`"), "{refusal}");
    server.yank(COUNTER).await;
    let refusal = lattice.refusal(&["start", "actor", &actor.reference]).await;
    assert!(refusal.contains(&format!("`{COUNTER}` was yanked")), "{refusal}");
}

/// Its program is a script, in which the program under test becomes one of its own providers.
#[tokio::test]
async fn a_provider_is_started() {
    const CONTRACT: &str = "wasmcloud:keyvalue";
    const ID: &str = "acme.com/keyvalue/0.7.0";
    let (server, lattice, _) = stage().await;
    let binary = env::var("LATTICE_BIN").expect("there is a lattice");
    let script = format!("#!/bin/sh\nexec '{binary}' __provider keyvalue\n");
    let other = b"#!/bin/sh\nexit 1\n";
    let (package, key) = provider(ID, CONTRACT, &[(ARCH, OS, script.as_bytes()), ("none", OS, other)]);
    server.push(package).await;
    let started = lattice.run(&["start", "provider", &format!("bindle://{ID}")]).await;
    assert_eq!((&started["outcome"], &started["provider_id"]), (&"done".into(), &key.clone().into()), "{started}");
    let inventory = lattice.inventory().await;
    let listed = &inventory["providers"][0];
    assert_eq!((&listed["id"], &listed["contract_id"]), (&key.into(), &CONTRACT.into()), "{inventory}");
    assert_eq!(listed["image_ref"], format!("bindle://{ID}"), "{inventory}");
}
