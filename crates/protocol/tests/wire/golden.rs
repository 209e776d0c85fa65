//! Every request and reply has exactly the bytes of the golden files, and is read back from each format.

use std::{collections::BTreeMap, fmt::Debug};

use lattice_protocol::{
    Ack, ActorAuction, ActorBid, ActorDescription, ActorInstance, ArtifactKind, ArtifactQuery, Artifacts, BeginUpload,
    Bid, Claims, ConfigValue, ConfigValues, CredentialKind, Declined, DeleteLink, Encoding, FinishUpload, Format, Host,
    HostInventory, ImageFetch, KnownRegistries, KnownRegistry, LabelChange, Labels, LinkDefinition, LinkName, Links,
    Member, Members, OperationPhase, OperationQuery, OperationRecord, OperationRecords, OperationsQuery, PartQuery,
    Prefetch, ProviderAuction, ProviderBid, ProviderDescription, ReachedPhase, RefusalCode, Registries,
    RegistryCredential, ScaleActor, Spelling, StartActor, StartProvider, StopActor, StopHost, StopProvider,
    StoredArtifact, UpdateActor, UploadBegun,
    contract::lattice_control::{
        self as contract, AdvertiseLink, Gathering as _, GetHostInventory, SetLatticeCredentials,
    },
    decode, encode,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::corpus::{actor, backup, host, lattice, messages, notes, operation, provider};

/// All formats.
pub(crate) const FORMATS: [Format; 4] = [
    Format::JSON,
    Format { encoding: Encoding::Json, spelling: Spelling::Camel },
    Format::MESSAGE_PACK,
    Format { encoding: Encoding::MessagePack, spelling: Spelling::Snake },
];

const ECHO: &str = "registry.example/echo:0.3.4";
const REDIS: &str = "registry.example/redis:0.22.0";

/// Encodes and decodes a value in every format.
pub(crate) fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    for format in FORMATS {
        let bytes = encode(value, format);
        assert_eq!(decode::<T>(&bytes).expect("what was encoded is readable"), *value, "{format:?}");
    }
}

/// A golden file and the messages in it that were not checked yet.
struct File {
    name: &'static str,
    format: Format,
    messages: BTreeMap<String, Vec<u8>>,
}

impl File {
    fn open(format: Format, name: &'static str) -> Self {
        Self { name, format, messages: messages(name).into_iter().collect() }
    }
}

/// Golden files that hold the same values.
struct Golden(Vec<File>);

impl Golden {
    fn open(files: &[(Format, &'static str)]) -> Self {
        Self(files.iter().map(|&(format, name)| File::open(format, name)).collect())
    }

    /// Compares a value with each file that holds it, and at least one must.
    fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, message: &str, value: &T) {
        let mut checked = 0;
        for file in &mut self.0 {
            if let Some(golden) = file.messages.remove(message) {
                let (format, name) = (file.format, file.name);
                let bytes = encode(value, format);
                assert_eq!(shown(&bytes, format), shown(&golden, format), "`{message}` of {name}");
                assert_eq!(decode::<T>(&golden).expect("golden bytes are readable"), *value, "`{message}` of {name}");
                checked += 1;
            }
        }
        assert!(checked > 0, "no file holds `{message}`");
        round_trip(value);
    }

    fn finish(self) {
        for file in self.0 {
            assert!(file.messages.is_empty(), "nothing checks {:?} of {}", file.messages.keys(), file.name);
        }
    }
}

fn shown(bytes: &[u8], format: Format) -> String {
    match format.encoding {
        Encoding::Json => String::from_utf8_lossy(bytes).into_owned(),
        Encoding::MessagePack => data_encoding::HEXLOWER.encode(bytes),
    }
}

fn labels() -> Labels {
    [("hostcore.arch", "x86_64"), ("hostcore.os", "linux"), ("some_label", "a_b")].into_iter().collect()
}

fn instance() -> ActorInstance {
    ActorInstance {
        annotations: notes(),
        digest: None,
        image_ref: Some(ECHO.into()),
        instance_id: "0192f6d8-5c7e-4b1a-8f00-aa5577cc0011".into(),
        max_concurrent: 65_535,
        max_instances: 65_535,
        revision: 4,
    }
}

fn plain_instance() -> ActorInstance {
    ActorInstance {
        annotations: [("", ""); 0].into_iter().collect(),
        image_ref: None,
        max_concurrent: 1,
        max_instances: 1,
        revision: -1,
        ..instance()
    }
}

pub(crate) fn inventory() -> HostInventory {
    HostInventory {
        actors: vec![ActorDescription {
            id: actor(),
            image_ref: Some(ECHO.into()),
            instances: vec![instance(), plain_instance()].into(),
            name: Some("Echo".into()),
            revision: 4,
        }]
        .into(),
        friendly_name: "calm-river-1234".into(),
        host_id: host(),
        issuer: Some("CDEXAMPLE".into()),
        labels: labels(),
        providers: vec![ProviderDescription {
            annotations: [("", ""); 0].into_iter().collect(),
            contract_id: "wasmcloud:keyvalue".parse().ok(),
            digest: None,
            id: provider(),
            image_ref: Some(REDIS.into()),
            link_name: LinkName::default(),
            name: Some("Redis".into()),
            process: None,
            revision: 2,
        }]
        .into(),
        uptime_human: Some("3m 20s".into()),
        uptime_seconds: 200,
        version: Some("0.1.0".into()),
    }
}

fn ping() -> Host {
    Host {
        cluster_issuers: Some("CDEXAMPLE".into()),
        ctl_host: Some("nats://127.0.0.1:4222".into()),
        friendly_name: "calm-river-1234".into(),
        id: host(),
        issuer: Some("CDEXAMPLE".into()),
        js_domain: None,
        labels: labels(),
        lattice: Some("default".into()),
        lattice_prefix: Some("default".into()),
        prov_rpc_host: None,
        rpc_host: Some("nats://127.0.0.1:4222".into()),
        uptime_human: Some("3m 20s".into()),
        uptime_seconds: 200,
        version: Some("0.1.0".into()),
    }
}

pub(crate) fn link() -> LinkDefinition {
    LinkDefinition {
        actor_id: actor(),
        provider_id: provider(),
        link_name: LinkName::default(),
        contract_id: "wasmcloud:keyvalue".parse().expect("a contract id"),
        values: [("URL", "redis://127.0.0.1"), ("some_key", "v")].into_iter().collect(),
    }
}

fn claims() -> Claims {
    let values = [
        ("call_alias", Some("")),
        ("caps", Some("wasmcloud:keyvalue")),
        ("iss", Some("ABC")),
        ("name", Some("Echo")),
        ("rev", Some("4")),
        ("sub", Some("MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR")),
        ("tags", Some("")),
        ("version", None),
    ];
    let claims = values.into_iter().map(|(key, value)| (key.to_owned(), value.map(str::to_owned))).collect();
    Claims { claims: vec![claims].into() }
}

fn start_actor() -> StartActor {
    StartActor {
        actor_ref: ECHO.into(),
        annotations: notes(),
        count: 3.into(),
        host_id: Some(host()),
        lattice_id: Some(lattice()),
    }
}

fn scale_actor() -> ScaleActor {
    ScaleActor {
        actor_id: Some(actor()),
        actor_ref: ECHO.into(),
        annotations: notes(),
        count: 500.into(),
        host_id: Some(host()),
        lattice_id: Some(lattice()),
    }
}

fn stop_actor() -> StopActor {
    StopActor {
        actor_id: actor(),
        annotations: notes(),
        count: 2.into(),
        host_id: Some(host()),
        lattice_id: Some(lattice()),
    }
}

fn update_actor() -> UpdateActor {
    UpdateActor {
        actor_id: actor(),
        annotations: notes(),
        host_id: Some(host()),
        lattice_id: Some(lattice()),
        new_actor_ref: "registry.example/echo:0.3.5".into(),
    }
}

pub(crate) fn start_provider() -> StartProvider {
    StartProvider {
        annotations: notes(),
        configuration: Some(r#"{"a_b":1}"#.into()),
        host_id: Some(host()),
        lattice_id: Some(lattice()),
        link_name: LinkName::default(),
        provider_ref: REDIS.into(),
    }
}

fn stop_provider() -> StopProvider {
    StopProvider {
        annotations: notes(),
        contract_id: "wasmcloud:keyvalue".parse().ok(),
        host_id: Some(host()),
        lattice_id: Some(lattice()),
        link_name: LinkName::default(),
        provider_id: provider(),
    }
}

fn stop_host() -> StopHost {
    StopHost { host_id: Some(host()), lattice_id: Some(lattice()), timeout: Some(10) }
}

fn actor_auction() -> ActorAuction {
    ActorAuction {
        actor_ref: ECHO.into(),
        annotations: Default::default(),
        constraints: [("some_label", "a_b")].into_iter().collect(),
        count: Default::default(),
        explain: false,
        lattice_id: Some(lattice()),
    }
}

fn actor_bid() -> ActorBid {
    ActorBid { actor_ref: ECHO.into(), bid: None, constraints: actor_auction().constraints, host_id: host() }
}

fn bid() -> Bid {
    Bid {
        actor_instances: 2,
        cached: true,
        free_memory: Some(1 << 34),
        friendly_name: "calm-river-1234".into(),
        instances: 300,
        token: "a1b2".into(),
    }
}

fn provider_auction() -> ProviderAuction {
    ProviderAuction {
        constraints: [("", ""); 0].into_iter().collect(),
        explain: false,
        lattice_id: Some(lattice()),
        link_name: backup(),
        provider_ref: REDIS.into(),
    }
}

fn provider_bid() -> ProviderBid {
    ProviderBid {
        bid: None,
        constraints: provider_auction().constraints,
        host_id: host(),
        link_name: backup(),
        provider_ref: REDIS.into(),
    }
}

fn delete_link() -> DeleteLink {
    DeleteLink {
        actor_id: actor(),
        contract_id: "wasmcloud:keyvalue".parse().expect("a contract id"),
        lattice_id: Some(lattice()),
        link_name: LinkName::default(),
    }
}

pub(crate) fn credential() -> RegistryCredential {
    RegistryCredential { password: Some("pw".into()), username: Some("me".into()), ..Default::default() }
}

fn registries() -> Registries {
    let token = RegistryCredential { token: Some("t0k3n".into()), ..Default::default() };
    Registries([("registry.example:5000".to_owned(), credential()), ("token.example".to_owned(), token)].into())
}

fn known_registries() -> KnownRegistries {
    let known = |registry: &str, kind: &str, credential| KnownRegistry {
        credential,
        kind: kind.to_owned(),
        registry: registry.to_owned(),
    };
    let registries = vec![
        known("bindle.example", "bindle", CredentialKind::Token),
        known("registry.example:5000/team", "oci", CredentialKind::Password),
    ];
    KnownRegistries { registries: registries.into(), stored: true }
}

fn record() -> OperationRecord {
    OperationRecord {
        actor_id: Some(actor()),
        causes: vec!["could not fetch".into(), "no such file".into()],
        code: None,
        command: String::new(),
        fetch: None,
        host_id: host(),
        incarnation: String::new(),
        link_id: None,
        link_revision: None,
        operation_id: operation(),
        phase: OperationPhase::Failed,
        phases: Vec::new(),
        reference: None,
        requester: None,
        swap_micros: None,
        unrecorded: false,
    }
}

fn full_record() -> OperationRecord {
    let reached = |at: &str, phase| ReachedPhase { at: at.to_owned(), phase };
    OperationRecord {
        code: Some(RefusalCode::NotAllowed),
        command: "upd".into(),
        incarnation: "e1".into(),
        phases: vec![
            reached("2026-11-20T11:27:45.123Z", OperationPhase::Accepted),
            reached("2026-11-20T11:27:46.001Z", OperationPhase::Failed),
        ],
        reference: Some("registry.example/echo:0.3.5".into()),
        requester: Some("alice@desk".into()),
        swap_micros: Some(812),
        unrecorded: true,
        ..record()
    }
}

fn record_of_link() -> OperationRecord {
    OperationRecord {
        causes: Vec::new(),
        command: "linkdefs.put".into(),
        link_id: Some(link().id()),
        link_revision: Some(17),
        phase: OperationPhase::Done,
        ..record()
    }
}

fn record_of_fetch(phase: OperationPhase, fetch: ImageFetch) -> OperationRecord {
    OperationRecord { causes: Vec::new(), fetch: Some(fetch), phase, ..record() }
}

fn digest(byte: &str) -> String {
    format!("sha256:{}", byte.repeat(32))
}

fn lost_record() -> OperationRecord {
    OperationRecord {
        actor_id: None,
        causes: Vec::new(),
        command: "linkdefs.put".into(),
        incarnation: "e1".into(),
        phase: OperationPhase::Lost,
        ..record()
    }
}

fn members() -> Members {
    let own = Member {
        age: Some(1200),
        foreign: false,
        friendly_name: "calm-river-1234".into(),
        host_id: host(),
        incarnation: Some("e1".into()),
        interval: 5000,
        version: "0.1.0".into(),
    };
    let foreign = Member {
        age: None,
        foreign: true,
        friendly_name: String::new(),
        host_id: host(),
        incarnation: None,
        interval: 30_000,
        version: String::new(),
    };
    Members { members: vec![own, foreign].into() }
}

fn stored() -> StoredArtifact {
    StoredArtifact {
        digest: digest("0a"),
        key: Some(actor().to_string()),
        kind: ArtifactKind::Module,
        name: Some("Echo".into()),
        pushed: "2024-03-01T10:00:00.250Z".into(),
        reference: "nats://echo:0.3.4".into(),
        size: 180_224,
    }
}

/// What another tool put there.
fn unknown() -> StoredArtifact {
    let (key, kind, reference) = (None, ArtifactKind::Unknown, "nats://notes".into());
    StoredArtifact { key, kind, name: None, reference, ..stored() }
}

#[test]
fn control_interface() {
    let mut golden = Golden::open(&[
        (FORMATS[0], "control.json.snake.txt"),
        (FORMATS[1], "control.json.camel.txt"),
        (FORMATS[2], "control.msgpack.camel.txt"),
        (FORMATS[3], "control.msgpack.snake.txt"),
    ]);
    golden.check("start_actor", &start_actor());
    let least = StartActor {
        actor_ref: "file:///tmp/echo.wasm".into(),
        annotations: Default::default(),
        count: Default::default(),
        host_id: None,
        lattice_id: None,
    };
    golden.check("start_actor_least", &least);
    golden.check("scale_actor", &scale_actor());
    let least = ScaleActor {
        actor_id: None,
        actor_ref: ECHO.into(),
        annotations: Default::default(),
        count: u16::MAX.into(),
        host_id: None,
        lattice_id: None,
    };
    golden.check("scale_actor_least", &least);
    golden.check("stop_actor", &stop_actor());
    golden.check("update_actor", &update_actor());
    golden.check("start_provider", &start_provider());
    golden.check("stop_provider", &stop_provider());
    golden.check("stop_host", &stop_host());
    golden.check("stop_host_least", &StopHost::default());
    golden.check("actor_auction", &actor_auction());
    golden.check("actor_bid", &actor_bid());
    golden.check("provider_auction", &provider_auction());
    golden.check("provider_bid", &provider_bid());
    golden.check("ack_accepted", &Ack::accepted());
    golden.check("ack_operation", &Ack::operation(operation()));
    golden.check("ack_refused", &Ack::refused(r#"no such actor: "a\b""#));
    golden.check("host", &ping());
    golden.check("inventory", &inventory());
    golden.check("claims", &claims());
    golden.check("put_link", &link());
    golden.check("links", &Links { links: vec![link()].into() });
    golden.check("delete_link", &delete_link());
    golden.check("registries", &registries());
    golden.check("label_change", &LabelChange { key: "some_label".into(), value: "a_b".into() });
    golden.check("config_value", &ConfigValue { data: vec![0, 127, 255], found: true });
    let values = [("some_key".to_owned(), b"hi".to_vec()), ("zone".to_owned(), Vec::new())];
    golden.check("config_values", &ConfigValues(values.into()));
    golden.check("operation_query", &OperationQuery { operation_id: operation(), past: None, wait: 5000 });
    golden.check("operation_record", &record());
    check_extensions(&mut golden);
    golden.finish();
}

/// What this project adds to the published messages, and its own.
fn check_extensions(golden: &mut Golden) {
    let conflict = Ack { provider_id: Some(provider()), ..Ack::refused("another provider is linked") };
    golden.check("ack_conflict", &conflict.with_code(RefusalCode::LinkConflict));
    golden.check("ack_unrecorded", &Ack { unrecorded: true, ..Ack::operation(operation()) });
    let auction = ActorAuction { annotations: notes(), count: 3.into(), explain: true, ..actor_auction() };
    golden.check("actor_auction_more", &auction);
    golden.check("actor_bid_more", &ActorBid { bid: Some(bid()), ..actor_bid() });
    golden.check("provider_auction_more", &ProviderAuction { explain: true, ..provider_auction() });
    golden.check("provider_bid_more", &ProviderBid { bid: Some(Bid::default()), ..provider_bid() });
    let reasons = vec!["label `zone` is missing".into(), "the host is full".into()];
    golden.check("declined", &Declined::new(host(), "calm-river-1234", reasons));
    golden.check("known_registries", &known_registries());
    golden.check("members", &members());
    let query = OperationQuery { operation_id: operation(), past: Some(OperationPhase::Fetching), wait: 0 };
    golden.check("operation_query_past", &query);
    let query = OperationsQuery {
        actor_id: Some(actor()),
        host_id: Some(host()),
        lattice_id: Some(lattice()),
        limit: 100,
        unfinished: true,
    };
    golden.check("operations_query", &query);
    golden.check("operations_query_least", &OperationsQuery::default());
    golden.check("operation_record_more", &full_record());
    golden.check("operation_record_link", &record_of_link());
    golden.check("artifacts", &Artifacts { artifacts: vec![stored(), unknown()].into() });
    let query = ArtifactQuery { lattice_id: Some(lattice()), reference: stored().reference };
    golden.check("artifact_query", &query);
    let (digest, reference) = (stored().digest, stored().reference);
    let part = PartQuery { digest, lattice_id: Some(lattice()), position: Some(17), reference };
    golden.check("part_query", &part);
    let PartQuery { digest, reference, .. } = part;
    golden.check("begin_upload", &BeginUpload { digest, lattice_id: Some(lattice()), reference, size: 180_224 });
    let begun = UploadBegun { artifact: None, chunk: 524_288, host_id: host(), upload: "u1".into() };
    golden.check("upload_begun", &begun);
    let there = UploadBegun { artifact: Some(stored()), chunk: 0, host_id: host(), upload: String::new() };
    golden.check("upload_begun_there", &there);
    let finish = FinishUpload { lattice_id: Some(lattice()), reference: stored().reference, upload: "u1".into() };
    golden.check("finish_upload", &finish);
    check_images(golden);
    golden.check("operation_records", &OperationRecords { more: true, operations: vec![lost_record()].into() });
}

/// What says where images are and which they are.
fn check_images(golden: &mut Golden) {
    let prefetch = Prefetch { host_id: Some(host()), image_ref: ECHO.into(), lattice_id: Some(lattice()) };
    golden.check("prefetch", &prefetch);
    golden.check("prefetch_least", &Prefetch { host_id: None, lattice_id: None, ..prefetch });
    let fetching = ImageFetch { fetched: 65_536, size: 180_224, ..ImageFetch::default() };
    golden.check("operation_record_fetching", &record_of_fetch(OperationPhase::Fetching, fetching));
    let fetched = ImageFetch {
        digest: Some(digest("0a")),
        fetched: 180_224,
        moved_from: Some(digest("2c")),
        size: 180_224,
        unkept: None,
        version: Some(digest("1b")),
    };
    golden.check("operation_record_fetched", &record_of_fetch(OperationPhase::Running, fetched));
    let mut inventory = inventory();
    inventory.actors.good[0].instances.good[0].digest = Some(digest("0a"));
    inventory.providers.good[0].digest = Some(digest("1b"));
    golden.check("inventory_more", &inventory);
}

#[test]
fn lattice_control_contract() {
    let mut golden = Golden::open(&[(Format::MESSAGE_PACK, "lattice_control.msgpack.txt")]);
    golden.check("auction_provider", &provider_auction());
    golden.check("auction_provider_result", &vec![contract::ProviderAuctionAck::from(provider_bid())]);
    golden.check("auction_actor", &actor_auction());
    golden.check("auction_actor_result", &vec![contract::ActorAuctionAck::from(actor_bid())]);
    golden.check("lattice_name", &lattice());
    golden.check("get_hosts_result", &vec![contract::Host::from(ping())]);
    golden.check("get_host_inventory", &GetHostInventory { host_id: host(), lattice_id: lattice() });
    let mut many = inventory();
    golden.check("get_host_inventory_result_many", &contract::HostInventory::from(many.clone()));
    many.actors.good[0].instances.good.iter_mut().for_each(|instance| instance.max_instances = 1);
    golden.check("get_host_inventory_result", &contract::HostInventory::from(many));
    golden.check("get_claims_result", &contract::GetClaimsResponse::from(claims()));
    golden.check("scale_actor", &scale_actor());
    golden.check("start_actor", &start_actor());
    golden.check("advertise_link", &AdvertiseLink { lattice_id: lattice(), link: link() });
    golden.check("remove_link", &delete_link());
    golden.check("get_links_result", &Links { links: vec![link()].into() });
    golden.check("update_actor", &update_actor());
    golden.check("start_provider", &start_provider());
    golden.check("stop_provider", &stop_provider());
    golden.check("stop_actor", &stop_actor());
    let least = StopActor { annotations: Default::default(), count: Default::default(), ..stop_actor() };
    golden.check("stop_actor_least", &least);
    golden.check("stop_host", &stop_host());
    golden.check("ack", &contract::CtlOperationAck::from(Ack::operation(operation())));
    golden.check("ack_refused", &contract::CtlOperationAck::from(Ack::refused("no such host")));
    let full = Ack::refused("the host runs as much as it can").with_code(RefusalCode::Full);
    golden.check("ack_refused_with_code", &contract::CtlOperationAck::from(full));
    let mut bid = contract::ActorAuctionAck::from(actor_bid());
    let other = "ND5UO4UC7CG53OSHCR4Z7T25FW76EX4H3P2KQLQC5H4OKSR2PRGHBSII".parse().expect("a published key");
    bid.note(contract::Shortfall { missing: vec![other], unreadable: 1 });
    golden.check("auction_actor_result_incomplete", &vec![bid]);
    let credentials = SetLatticeCredentials {
        js_domain: Some("edge".into()),
        lattice_id: lattice(),
        nats_url: Some("nats://127.0.0.1:4222".into()),
        user_jwt: Some("eyJ0".into()),
        user_seed: Some("SUEXAMPLE".into()),
    };
    golden.check("set_lattice_credentials", &credentials);
    let least = SetLatticeCredentials {
        js_domain: None,
        lattice_id: lattice(),
        nats_url: None,
        user_jwt: None,
        user_seed: None,
    };
    golden.check("set_lattice_credentials_least", &least);
    let registries = contract::SetRegistryCredentials {
        credentials: Some([("registry.example".to_owned(), credential())].into()),
        lattice_id: lattice(),
    };
    golden.check("set_registry_credentials", &registries);
    let least = contract::SetRegistryCredentials { credentials: None, ..registries };
    golden.check("set_registry_credentials_least", &least);
    golden.finish();
}

#[test]
fn a_request_is_answered_as_it_was_asked() {
    let requests = [encode_all(&scale_actor()), encode_all(&stop_actor()), encode_all(&stop_host())];
    for (format, body) in requests.into_iter().flatten() {
        assert_eq!(Format::of_request(&body), Some(format));
    }
}

fn encode_all<T: Serialize>(value: &T) -> [(Format, Vec<u8>); 4] {
    FORMATS.map(|format| (format, encode(value, format)))
}
