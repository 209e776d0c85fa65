use super::*;
use crate::{
    error::SubjectError,
    id::{EntityKey, HostKey},
};

const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";

fn subjects() -> ControlSubjects {
    ControlSubjects::new(LatticeName::default())
}

fn host() -> HostKey {
    HOST.parse().expect("a published key")
}

fn check(subject: ControlSubject, rest: &str) {
    let rest = rest.replace("{host}", HOST).replace("{actor}", ACTOR);
    let text = format!("wasmbus.ctl.default.{rest}");
    assert_eq!(subjects().build(&subject), text);
    assert_eq!(subjects().parse(&text), Ok(subject));
}

#[test]
fn every_subject_is_built_and_read_back() {
    let host = host();
    let entity: EntityKey = ACTOR.parse().expect("a published key");
    check(ControlSubject::AuctionActor, "auction.actor");
    check(ControlSubject::AuctionProvider, "auction.provider");
    for (verb, token) in [
        (CommandVerb::StartActor, "la"),
        (CommandVerb::StopActor, "sa"),
        (CommandVerb::ScaleActor, "scale"),
        (CommandVerb::UpdateActor, "upd"),
        (CommandVerb::StartProvider, "lp"),
        (CommandVerb::StopProvider, "sp"),
        (CommandVerb::StopHost, "stop"),
    ] {
        check(ControlSubject::Command { host: host.clone(), verb }, &format!("cmd.{{host}}.{token}"));
    }
    check(ControlSubject::Inventory { host: host.clone() }, "get.{host}.inv");
    check(ControlSubject::GetHosts, "get.hosts");
    check(ControlSubject::PingHosts, "ping.hosts");
    check(ControlSubject::GetClaims, "get.claims");
    check(ControlSubject::GetLinks, "get.links");
    check(ControlSubject::PutLink, "linkdefs.put");
    check(ControlSubject::DeleteLink, "linkdefs.del");
    check(ControlSubject::PutRegistries, "registries.put");
    check(ControlSubject::Labels { host: host.clone(), verb: LabelVerb::Put }, "labels.{host}.put");
    check(ControlSubject::Labels { host: host.clone(), verb: LabelVerb::Delete }, "labels.{host}.del");
    check(ControlSubject::PutConfig { entity: entity.clone(), key: "a.b".into() }, "config.put.{actor}.a.b");
    check(ControlSubject::DeleteConfig { entity: entity.clone(), key: "a".into() }, "config.del.{actor}.a");
    check(ControlSubject::ClearConfig { entity: entity.clone() }, "config.clear.{actor}");
    check(ControlSubject::GetConfig { entity: entity.clone(), key: None }, "get.config.{actor}");
    check(ControlSubject::GetConfig { entity, key: Some("a".into()) }, "get.config.{actor}.a");
    check(ControlSubject::Operation { host }, "lattice.{host}.operation");
}

#[test]
fn published_client_clears_config_through_del() {
    let text = format!("wasmbus.ctl.default.config.del.{ACTOR}");
    assert!(matches!(subjects().parse(&text), Ok(ControlSubject::ClearConfig { .. })));
}

#[test]
fn a_prefix_may_have_any_number_of_tokens() {
    for prefix in ["ctl", "acme.wasmbus.ctl", "a.b.c.d.e"] {
        let prefix: ControlPrefix = prefix.parse().expect("plain tokens");
        let subjects = ControlSubjects::with_prefix(&prefix, LatticeName::default());
        let text = subjects.command(&host(), CommandVerb::StopHost);
        assert!(matches!(subjects.parse(&text), Ok(ControlSubject::Command { verb: CommandVerb::StopHost, .. })));
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
    let unknown = ["wasmbus.ctl.default.get.moon", "wasmbus.ctl.default.", "wasmbus.ctl.default.get.x.y.z", &host_verb];
    assert!(unknown.iter().all(|s| matches!(subjects().parse(s), Err(SubjectError::Unsupported { .. }))));
    let malformed = subjects().parse("wasmbus.ctl.default.get.NOBODY.inv");
    assert!(matches!(malformed, Err(SubjectError::Identifier { .. })));
}

#[test]
fn a_host_subscribes_as_published_hosts_do() {
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
        ]
    );
}

#[test]
fn rpc_and_event_subjects() {
    let rpc = RpcSubjects::new(LatticeName::default());
    assert_eq!(rpc.actor(&ACTOR.parse().expect("a published key")), format!("wasmbus.rpc.default.{ACTOR}"));
    let provider = PROVIDER.parse().expect("a published key");
    assert_eq!(rpc.provider(&provider, &LinkName::default()), format!("wasmbus.rpc.default.{PROVIDER}.default"));
    let events = EventSubjects::new(LatticeName::default());
    assert_eq!(events.all(), "wasmbus.evt.default");
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
