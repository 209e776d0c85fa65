//! Images to start from, how they get into a registry, and hosts that know it.

use std::{path::Path, time::SystemTime};

use async_nats::HeaderMap;
use bytes::Bytes;
use lattice_artifact::{
    Credential, Credentials, Digest, Layer, Places, Progress, RegistryKind, Store, StoreSettings, WebSettings,
};
use lattice_claims::{AccountSeed, ModuleSeed, NewModuleClaims, sign_module};
use lattice_client::{Client, ClientSettings, Operation, Settled, WaitError};
use lattice_host::{Host, HostConfig};
use lattice_protocol::{
    Ack, ActorKey, HostKey, OperationPhase, OperationRecord, PULL_HEADER, PullPolicy, RefusalCode, StartActor,
    StartProvider, decode,
};
use lattice_testkit::{Registry, guests};
use serde_json::{Value, json};

use crate::support::{DEADLINE, Lattice, Neighbour, Seeds, config};

/// A signed module.
pub(crate) struct Module {
    pub(crate) key: ActorKey,
    pub(crate) bytes: Bytes,
}

impl Module {
    pub(crate) fn digest(&self) -> String {
        Digest::of(&self.bytes).to_string()
    }
}

/// A module that is made larger by so many bytes that do nothing. Each has another digest.
pub(crate) fn module(account: &AccountSeed, surplus: usize) -> Module {
    module_of(account, &ModuleSeed::generate(), surplus)
}

pub(crate) fn module_of(account: &AccountSeed, seed: &ModuleSeed, surplus: usize) -> Module {
    let mut claims = NewModuleClaims::new(seed.public(), SystemTime::now());
    claims.name = Some("Image".to_owned());
    let mut wasm = guests::echo();
    wasm.extend(custom_section(surplus));
    let signed = sign_module(&wasm, &claims, account).expect("a module that can be signed");
    Module { key: seed.public(), bytes: signed.into() }
}

/// A custom section without a name, of which no part is like another.
fn custom_section(size: usize) -> Vec<u8> {
    let mut section = vec![0];
    let mut left = size + 1;
    while left >= 0x80 {
        section.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    section.extend([left as u8, 0]);
    section.extend((0..size).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8));
    section
}

/// Has a host reach servers without TLS: one, or several with commas between.
pub(crate) fn from(config: &mut HostConfig, servers: &str) {
    let web = servers.split(',').fold(WebSettings::default(), |web, server| web.insecure(server));
    config.artifacts.sources.web = web;
}

/// A lattice whose host reaches a server without TLS.
pub(crate) async fn lattice_from(server: &str) -> Lattice {
    Lattice::start_with(|config| from(config, server)).await
}

/// One more host of the lattice, with a cache of its own, that reaches a server without TLS.
pub(crate) async fn join_from(lattice: &Lattice, server: &str) -> Neighbour {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let seeds = Seeds { cluster: lattice.seeds.cluster.clone(), ..Seeds::generate() };
    let mut config = config(&lattice.nats.client().await, &seeds, &dir);
    from(&mut config, server);
    Neighbour { host: Host::start(config).await.expect("another host starts"), dir }
}

/// Pushes to a registry as its owner does.
pub(crate) async fn push(registry: &Registry, name: &str, bytes: &Bytes) -> String {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let web = match registry.authority() {
        Some(authority) => WebSettings::default().extra_root(authority),
        None => WebSettings::default().insecure(registry.server()),
    };
    let credentials = Credentials::default();
    let place = registry.server().parse().expect("a server");
    let owner = Credential::Basic { username: Registry::USERNAME.into(), password: Registry::PASSWORD.into() };
    credentials.replace(Layer::Host, Places::default().with(RegistryKind::Oci, place, owner));
    let mut settings = StoreSettings::default();
    settings.sources = settings.sources.web(web).credentials(credentials);
    let store = Store::open(&dir.path().join("cache"), settings).expect("a store");
    let reference = format!("{}/{name}", registry.server());
    let parsed = reference.parse().expect("a reference");
    store.push(&parsed, bytes.clone(), "image", &Progress::default()).await.expect("the registry takes it");
    reference
}

/// What hosts are told of a registry that asks who one is.
pub(crate) fn credentials_for(registry: &Registry) -> Value {
    json!({ registry.server(): {"username": Registry::USERNAME, "password": Registry::PASSWORD} })
}

pub(crate) fn client(lattice: &Lattice) -> Client {
    Client::new(lattice.client.clone(), ClientSettings { timeout: DEADLINE, ..ClientSettings::default() })
}

/// Starts an actor and waits for what becomes of it.
pub(crate) async fn start(lattice: &Lattice, reference: &str) -> OperationRecord {
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": reference})).await
}

/// Sends a command with a pull policy and waits for what becomes of it.
async fn by(lattice: &Lattice, rest: &str, body: Value, policy: PullPolicy) -> OperationRecord {
    let ack = pulled(lattice, rest, body, policy.as_str()).await;
    assert!(ack.accepted, "refused: {}", ack.error);
    lattice.finished(&ack).await
}

/// Sends a command with that header.
pub(crate) async fn pulled(lattice: &Lattice, rest: &str, body: Value, policy: &str) -> Ack {
    let mut headers = HeaderMap::new();
    headers.insert(PULL_HEADER, policy);
    decode(&lattice.ask_with(rest, body.to_string(), headers).await.payload).expect("an ack")
}

/// Starts an actor, asking its source as the policy says.
pub(crate) async fn start_by(lattice: &Lattice, reference: &str, policy: PullPolicy) -> OperationRecord {
    by(lattice, "cmd.{host}.la", json!({"actor_ref": reference}), policy).await
}

/// Starts a provider, asking its source as the policy says.
pub(crate) async fn start_provider_by(lattice: &Lattice, reference: &str, policy: PullPolicy) -> OperationRecord {
    by(lattice, "cmd.{host}.lp", json!({"provider_ref": reference, "link_name": "default"}), policy).await
}

/// Starts an actor on any host and waits for what becomes of it.
pub(crate) async fn start_on(client: &Client, host: &HostKey, reference: &str) -> OperationRecord {
    let command = StartActor {
        actor_ref: reference.to_owned(),
        annotations: Default::default(),
        count: 1.into(),
        host_id: None,
        lattice_id: None,
    };
    ended(client.start_actor(host, command).await.expect("it is taken on")).await
}

/// Starts a provider on any host and waits for what becomes of it.
pub(crate) async fn start_provider_on(client: &Client, host: &HostKey, reference: &str) -> OperationRecord {
    let command = StartProvider {
        annotations: Default::default(),
        configuration: None,
        host_id: None,
        lattice_id: None,
        link_name: Default::default(),
        provider_ref: reference.to_owned(),
    };
    ended(client.start_provider(host, command).await.expect("it is taken on")).await
}

/// Waits for what becomes of an operation.
pub(crate) async fn ended(operation: Operation) -> OperationRecord {
    let settled = match operation.wait(DEADLINE).await {
        Ok(settled) => settled,
        Err(WaitError::Failed { settled, .. }) => *settled,
        Err(error) => panic!("{error}"),
    };
    let Settled::ByOperation(record) = settled else { panic!("our hosts have records: {settled:?}") };
    record
}

pub(crate) async fn start_provider(lattice: &Lattice, reference: &str) -> OperationRecord {
    lattice.carry_out("cmd.{host}.lp", json!({"provider_ref": reference, "link_name": "default"})).await
}

pub(crate) async fn prefetch(lattice: &Lattice, reference: &str) -> OperationRecord {
    lattice.carry_out("cmd.{host}.prefetch", json!({"image_ref": reference})).await
}

/// That it went well.
#[track_caller]
pub(crate) fn assert_well(record: &OperationRecord) {
    assert_eq!((&record.causes[..], record.phase.is_final()), (&[][..] as &[String], true), "{record:?}");
    assert_ne!(record.phase, OperationPhase::Failed);
}

/// That it failed, and that its causes have all these words.
#[track_caller]
pub(crate) fn assert_failed(record: &OperationRecord, words: &[&str]) {
    assert_eq!(record.phase, OperationPhase::Failed, "{record:?}");
    let causes = record.causes.join(": ");
    words.iter().for_each(|word| assert!(causes.contains(word), "no `{word}` in: {causes}"));
}

/// Sends a command that is refused at once.
pub(crate) async fn assert_refused(lattice: &Lattice, rest: &str, body: Value, code: RefusalCode, words: &[&str]) {
    let ack = lattice.command(rest, body.clone()).await;
    assert_eq!((ack.accepted, ack.code), (false, Some(code)), "{body}: {}", ack.error);
    words.iter().for_each(|word| assert!(ack.error.contains(word), "no `{word}` in: {}", ack.error));
}

/// The files in a part of a host's cache.
pub(crate) fn files(cache: &Path, part: &str) -> usize {
    std::fs::read_dir(cache.join("artifacts").join(part)).expect("the cache is there").count()
}

/// Has nothing half done in the cache.
#[track_caller]
pub(crate) fn assert_clean(lattice: &Lattice) {
    assert_eq!(files(&lattice.dir.path().join("cache"), "unfinished"), 0);
}
