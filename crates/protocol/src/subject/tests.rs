use super::*;
use crate::{
    error::SubjectError,
    id::{EntityKey, HostKey},
};

const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
const OTHER_HOST: &str = "ND5UO4UC7CG53OSHCR4Z7T25FW76EX4H3P2KQLQC5H4OKSR2PRGHBSII";
const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";

fn subjects() -> ControlSubjects {
    ControlSubjects::new(LatticeName::default())
}

fn host() -> HostKey {
    HOST.parse().expect("a published key")
}

fn entity() -> EntityKey {
    ACTOR.parse().expect("a published key")
}

/// Stands for the subscriptions that are in no queue group.
const PLAIN: &str = "plain";

/// Every subject, its text below the lattice, and the queue group through which one host gets it, or [`PLAIN`].
fn every_subject() -> Vec<(ControlSubject, String, &'static str)> {
    use ControlSubject::*;
    let (host, entity) = (host(), entity());
    let command = |verb| Command { host: host.clone(), verb };
    let labels = |verb| Labels { host: host.clone(), verb };
    let put = |key: &str| PutConfig { entity: entity.clone(), key: key.into() };
    let delete = |key: &str| DeleteConfig { entity: entity.clone(), key: key.into() };
    let get = |key: Option<&str>| GetConfig { entity: entity.clone(), key: key.map(str::to_owned) };
    [
        (AuctionActor, "auction.actor", PLAIN),
        (AuctionProvider, "auction.provider", PLAIN),
        (command(CommandVerb::StartActor), "cmd.{host}.la", PLAIN),
        (command(CommandVerb::StopActor), "cmd.{host}.sa", PLAIN),
        (command(CommandVerb::ScaleActor), "cmd.{host}.scale", PLAIN),
        (command(CommandVerb::UpdateActor), "cmd.{host}.upd", PLAIN),
        (command(CommandVerb::StartProvider), "cmd.{host}.lp", PLAIN),
        (command(CommandVerb::StopProvider), "cmd.{host}.sp", PLAIN),
        (command(CommandVerb::StopHost), "cmd.{host}.stop", PLAIN),
        (command(CommandVerb::Prefetch), "cmd.{host}.prefetch", PLAIN),
        (Inventory { host: host.clone() }, "get.{host}.inv", PLAIN),
        (GetHosts, "get.hosts", PLAIN),
        (PingHosts, "ping.hosts", PLAIN),
        (GetClaims, "get.claims", "get"),
        (GetLinks, "get.links", "get"),
        (PutLink, "linkdefs.put", "linkdefs"),
        (DeleteLink, "linkdefs.del", "linkdefs"),
        (PutRegistries, "registries.put", PLAIN),
        (labels(LabelVerb::Put), "labels.{host}.put", PLAIN),
        (labels(LabelVerb::Delete), "labels.{host}.del", PLAIN),
        (put("a"), "config.put.{actor}.a", "config"),
        (put("a.b-c/d_e=.f"), "config.put.{actor}.a.b-c/d_e=.f", "config"),
        (delete("a"), "config.del.{actor}.a", "config"),
        (delete("a.b.c.d"), "config.del.{actor}.a.b.c.d", "config"),
        (ClearConfig { entity: entity.clone() }, "config.clear.{actor}", "config"),
        (get(None), "get.config.{actor}", "get.config"),
        (get(Some("a")), "get.config.{actor}.a", "get.config"),
        (get(Some("a.b")), "get.config.{actor}.a.b", "get.config"),
        (Operation { host: host.clone() }, "lattice.{host}.operation", PLAIN),
        (Ping { host: host.clone() }, "lattice.{host}.ping", PLAIN),
        (Logs { host: host.clone() }, "lattice.{host}.logs", PLAIN),
        (Deliveries, "lattice.deliveries", PLAIN),
        (AnyOperation, "lattice.operation", "lattice"),
        (Operations, "lattice.operations", "lattice"),
        (Members, "lattice.members", "lattice"),
        (Registries, "lattice.registries", "lattice"),
        (Artifact { verb: ArtifactVerb::List }, "lattice.artifact.list", "lattice.artifact"),
        (Artifact { verb: ArtifactVerb::Get }, "lattice.artifact.get", "lattice.artifact"),
        (Artifact { verb: ArtifactVerb::Part }, "lattice.artifact.part", "lattice.artifact"),
        (BeginUpload, "artifacts.begin", "artifacts"),
        (DeleteArtifact, "artifacts.delete", "artifacts"),
        (Upload { host: host.clone() }, "cmd.{host}.upload", PLAIN),
        (Push { host: host.clone() }, "cmd.{host}.push", PLAIN),
    ]
    .into_iter()
    .map(|(subject, rest, way)| (subject, rest.replace("{host}", HOST).replace("{actor}", ACTOR), way))
    .collect()
}

/// The default prefix, and others of 1, 2, 4 and 5 tokens.
fn roots() -> impl Iterator<Item = (String, ControlSubjects)> {
    ["wasmbus.ctl", "ctl", "acme.ctl", "a.b.c.d", "a.b.c.d.e"].into_iter().map(|text| {
        let prefix: ControlPrefix = text.parse().expect("plain tokens");
        (format!("{text}.default"), ControlSubjects::with_prefix(&prefix, LatticeName::default()))
    })
}

/// Whether a server passes a message on this subject to a subscription of that one.
fn is_matched(subject: &str, wildcard: &str) -> bool {
    let (mut subject, mut wildcard) = (subject.split('.'), wildcard.split('.'));
    loop {
        match (subject.next(), wildcard.next()) {
            (Some(_), Some(">")) | (None, None) => return true,
            (Some(token), Some(pattern)) if pattern == "*" || pattern == token => {}
            _ => return false,
        }
    }
}

#[test]
fn every_subject_is_built_and_read_back_under_every_prefix() {
    assert_eq!(subjects(), roots().next().expect("the default is the first").1);
    for (root, subjects) in roots() {
        for (subject, rest, _) in every_subject() {
            let text = format!("{root}.{rest}");
            assert_eq!(subjects.build(&subject), text);
            assert_eq!(subjects.parse(&text), Ok(subject));
        }
    }
}

#[test]
fn a_host_gets_every_subject_in_one_way() {
    for (root, subjects) in roots() {
        let HostSubjects { plain, queued } = subjects.for_host(&host());
        for (_, rest, way) in every_subject() {
            let text = format!("{root}.{rest}");
            let plain = plain.iter().filter(|wildcard| is_matched(&text, wildcard)).count();
            let groups: Vec<_> =
                queued.iter().filter(|(wildcard, _)| is_matched(&text, wildcard)).map(|(_, group)| group).collect();
            match (rest.as_str(), way) {
                // Every host answers it, and a group's wildcard covers it too.
                ("get.hosts", _) => assert_eq!((plain, groups), (1, vec![&format!("{root}.get")])),
                ("auction.actor" | "auction.provider", _) => {
                    assert_eq!((plain, groups), (1, vec![&format!("{root}.auction")]));
                }
                ("lattice.deliveries", _) => assert_eq!((plain, groups), (1, vec![&format!("{root}.lattice")])),
                (_, PLAIN) => assert_eq!((plain, groups), (1, vec![]), "{text}"),
                (_, group) => assert_eq!((plain, groups), (0, vec![&format!("{root}.{group}")]), "{text}"),
            }
        }
    }
}

#[test]
fn a_host_gets_nothing_that_is_meant_for_another() {
    let root = "wasmbus.ctl.default";
    let HostSubjects { plain, queued } = subjects().for_host(&host());
    let wildcards = || plain.iter().chain(queued.iter().map(|(wildcard, _)| wildcard));
    for rest in
        ["cmd.{other}.la", "get.{other}.inv", "labels.{other}.put", "lattice.{other}.operation", "lattice.{other}.ping"]
    {
        let text = format!("{root}.{}", rest.replace("{other}", OTHER_HOST));
        assert!(subjects().parse(&text).is_ok(), "{text}");
        assert_eq!(wildcards().find(|wildcard| is_matched(&text, wildcard)), None, "{text}");
    }
    for text in ["wasmbus.ctl.other.lattice.members", "wasmbus.ctl.defaults.get.claims", "wasmbus.ctl.default"] {
        assert_eq!(wildcards().find(|wildcard| is_matched(text, wildcard)), None, "{text}");
    }
}

/// Who may send below `lattice.` may read, as operators have granted it.
#[test]
fn what_changes_something_lies_outside_of_the_questions() {
    let is_question = |subject: &ControlSubject| {
        use ControlSubject::*;
        matches!(
            subject,
            Operation { .. }
                | Ping { .. }
                | Logs { .. }
                | Deliveries
                | AnyOperation
                | Operations
                | Members
                | Registries
                | Artifact { verb: ArtifactVerb::List | ArtifactVerb::Get | ArtifactVerb::Part }
        )
    };
    for (subject, rest, _) in every_subject().into_iter().filter(|(_, rest, _)| rest.starts_with("lattice.")) {
        assert!(is_question(&subject), "{rest}");
    }
    for moved in ["artifact.begin", "artifact.delete", &format!("{HOST}.upload"), &format!("{HOST}.push")] {
        let parsed = subjects().parse(&format!("wasmbus.ctl.default.lattice.{moved}"));
        assert!(matches!(parsed, Err(SubjectError::Unsupported { .. })), "{moved}: {parsed:?}");
    }
}

#[test]
fn a_key_of_configuration_fits_into_the_store() {
    for verb in ["config.put", "config.del", "get.config"] {
        let parse = |key: &str| subjects().parse(&format!("wasmbus.ctl.default.{verb}.{ACTOR}.{key}"));
        assert!(parse("a.b").is_ok(), "{verb}");
        for bad in ["", ".", "a.", ".a", "a..b", "*", "a.>", "a b", "a\tb", "ä"] {
            assert!(matches!(parse(bad), Err(SubjectError::Identifier { .. })), "{verb} {bad:?}");
        }
    }
    let none = subjects().parse(&format!("wasmbus.ctl.default.config.put.{ACTOR}"));
    assert!(matches!(none, Err(SubjectError::Unsupported { .. })));
}

#[test]
fn published_client_clears_config_through_del() {
    let text = format!("wasmbus.ctl.default.config.del.{ACTOR}");
    assert!(matches!(subjects().parse(&text), Ok(ControlSubject::ClearConfig { .. })));
}

#[test]
fn a_prefix_may_have_any_number_of_tokens() {
    let elsewhere = "wasmbus.ctl.default.get.claims";
    for (root, subjects) in roots().skip(1) {
        assert_eq!(subjects.get_claims(), format!("{root}.get.claims"));
        assert!(matches!(subjects.parse(elsewhere), Err(SubjectError::Elsewhere { .. })), "{root}");
    }
    for bad in ["", ".", "a..b", "a.*", "a.>", "a b", "_INBOX.x", "$JS"] {
        assert!(bad.parse::<ControlPrefix>().is_err(), "{bad}");
    }
}

#[test]
fn foreign_and_unknown_subjects_are_told_apart() {
    let elsewhere = ["wasmbus.ctl.other.get.claims", "wasmbus.ctl.defaults.get.claims", "x", ""];
    assert!(elsewhere.iter().all(|s| matches!(subjects().parse(s), Err(SubjectError::Elsewhere { .. }))));
    let host_verb = format!("wasmbus.ctl.default.cmd.{HOST}.fly");
    let host_question = format!("wasmbus.ctl.default.lattice.{HOST}.operation.more");
    let unknown = [
        "wasmbus.ctl.default.get.moon",
        "wasmbus.ctl.default.",
        "wasmbus.ctl.default.get.x.y.z",
        "wasmbus.ctl.default.lattice.moon",
        "wasmbus.ctl.default.lattice.members.more",
        "wasmbus.ctl.default.lattice.artifact.fly",
        "wasmbus.ctl.default.artifacts.fly",
        &host_verb,
        &host_question,
    ];
    assert!(unknown.iter().all(|s| matches!(subjects().parse(s), Err(SubjectError::Unsupported { .. }))));
    for malformed in ["get.NOBODY.inv", "lattice.NOBODY.operation", "lattice.operation.ping"] {
        let malformed = subjects().parse(&format!("wasmbus.ctl.default.{malformed}"));
        assert!(matches!(malformed, Err(SubjectError::Identifier { .. })), "{malformed:?}");
    }
}

#[test]
fn a_host_subscribes_as_published_hosts_do_and_to_its_own() {
    let HostSubjects { plain, queued } = subjects().for_host(&host());
    let root = "wasmbus.ctl.default";
    assert!(plain.contains(&format!("{root}.cmd.{HOST}.*")));
    assert!(plain.contains(&format!("{root}.ping.hosts")));
    assert_eq!(
        queued,
        [
            (format!("{root}.get.*"), format!("{root}.get")),
            (format!("{root}.linkdefs.*"), format!("{root}.linkdefs")),
            (format!("{root}.config.>"), format!("{root}.config")),
            (format!("{root}.get.config.>"), format!("{root}.get.config")),
            (format!("{root}.artifacts.*"), format!("{root}.artifacts")),
            (format!("{root}.lattice.*"), format!("{root}.lattice")),
            (format!("{root}.lattice.artifact.*"), format!("{root}.lattice.artifact")),
            (format!("{root}.auction.>"), format!("{root}.auction")),
        ]
    );
}

#[test]
fn rpc_and_event_subjects() {
    let rpc = RpcSubjects::new(LatticeName::default());
    assert_eq!(rpc.actor(&ACTOR.parse().expect("a published key")), format!("wasmbus.rpc.default.{ACTOR}"));
    let provider = PROVIDER.parse().expect("a published key");
    assert_eq!(rpc.provider(&provider, &LinkName::default()), format!("wasmbus.rpc.default.{PROVIDER}.default"));
    assert_eq!(rpc.link_put(), "wasmbus.rpc.default.links");
    assert_eq!(rpc.link_removed(), "wasmbus.rpc.default.remlinks");
    let events = EventSubjects::new(LatticeName::default());
    assert_eq!(events.all(), "wasmbus.evt.default");
    assert_eq!(events.observers(), "wasmbus.evt.default.lattice");
    assert_eq!(events.named("host_started"), "wasmbus.evt.default.host_started");
}

#[test]
fn only_inboxes_are_answered() {
    let prefixes = ["_INBOX".to_owned(), "acme.inbox".to_owned()];
    for good in ["_INBOX.abc", "_INBOX.abc.1", "acme.inbox.7"] {
        assert!(is_reply_subject(good, &prefixes), "{good}");
    }
    let command = format!("wasmbus.ctl.default.cmd.{HOST}.stop");
    for bad in ["", "_INBOX", "_INBOX.", "_INBOXES.a", "_INBOX.*", "_INBOX.a..b", "$JS.API", command.as_str()] {
        assert!(!is_reply_subject(bad, &prefixes), "{bad}");
    }
}

/// Source: wasmCloud 0.82 `crates/core/src/chunking.rs`, async-nats 0.33 `jetstream/object_store`.
#[test]
fn payloads_lie_in_the_bucket_that_is_named_as_the_lattice() {
    let subjects = RpcSubjects::new("my-lattice_1".parse().expect("a name"));
    assert_eq!((subjects.payload_bucket(), subjects.payload_stream().as_str()), ("my-lattice_1", "OBJ_my-lattice_1"));
    assert_eq!(subjects.payload_info("0123-r"), "$O.my-lattice_1.M.MDEyMy1y");
    assert_eq!(subjects.payload_info("a?>"), "$O.my-lattice_1.M.YT8-");
    assert_eq!(subjects.payload_info("a"), "$O.my-lattice_1.M.YQ==");
    assert_eq!(subjects.payload_bytes("3f2Q"), "$O.my-lattice_1.C.3f2Q");
}

/// Source: wasmbus-rpc 0.15 `provider.rs`.
#[test]
fn providers_hear_below_the_subject_of_their_invocations() {
    let subjects = RpcSubjects::new(LatticeName::default());
    let (provider, link) = (PROVIDER.parse().expect("a key"), "backup".parse().expect("a name"));
    let root = format!("wasmbus.rpc.default.{PROVIDER}.backup");
    assert_eq!(subjects.provider(&provider, &link), root);
    assert_eq!(subjects.put_link(&provider, &link), format!("{root}.linkdefs.put"));
    assert_eq!(subjects.delete_link(&provider, &link), format!("{root}.linkdefs.del"));
    assert_eq!(subjects.link_changes(&provider, &link), format!("{root}.linkdefs.*"));
    assert_eq!(subjects.health(&provider, &link), format!("{root}.health"));
    assert_eq!(subjects.instances(&provider, &link), format!("{root}.instances"));
    assert_eq!(subjects.instance(&provider, &link, "a"), format!("{root}.instances.a"));
    assert_eq!(subjects.shutdown(&provider, &link), format!("{root}.shutdown"));
}

/// Source: async-nats 0.51 `jetstream/object_store`.
#[test]
fn artifacts_lie_in_an_object_store_like_any_other() {
    let subjects = ArtifactSubjects::new(&"my-lattice_1".parse().expect("a name"));
    assert_eq!(subjects.bucket(), "LATTICEARTIFACTS_my-lattice_1");
    assert_eq!(subjects.stream(), "OBJ_LATTICEARTIFACTS_my-lattice_1");
    assert_eq!(subjects.info("hello:1"), "$O.LATTICEARTIFACTS_my-lattice_1.M.aGVsbG86MQ==");
    let bytes = subjects.bytes("3f2Q");
    assert_eq!(bytes, "$O.LATTICEARTIFACTS_my-lattice_1.C.3f2Q");
    assert_eq!(subjects.nuid_of(&bytes), Some("3f2Q"));
    assert_eq!(subjects.nuid_of(&subjects.info("hello:1")), None);
    assert!(is_matched(&subjects.info("hello:1"), &subjects.infos()) && is_matched(&bytes, &subjects.all_bytes()));
}
