//! Bad input gets an answer that names what is wrong, and the host serves on.

mod support;

use lattice_protocol::{Ack, decode};
use lattice_testkit::guests;
use serde_json::json;
use support::{
    Lattice,
    links::{ACTOR, PROVIDER, json_of, link},
};

async fn refused(lattice: &Lattice, rest: &str, body: impl Into<bytes::Bytes>) -> String {
    let ack: Ack = decode(&lattice.ask(rest, body).await.payload).expect("an ack");
    assert!(!ack.accepted, "{rest} was accepted");
    ack.error
}

#[tokio::test]
async fn bodies_that_are_no_commands() {
    let lattice = Lattice::start().await;
    let names = [
        ("cmd.{host}.la", "actor start command"),
        ("cmd.{host}.scale", "actor scale command"),
        ("cmd.{host}.sa", "actor stop command"),
        ("cmd.{host}.upd", "actor update command"),
        ("cmd.{host}.stop", "stop command"),
        ("linkdefs.put", "link definition"),
        ("linkdefs.del", "link definition deletion command"),
        ("registries.put", "registries put command"),
    ];
    let deep_json = "[".repeat(100_000);
    let deep_pack = vec![0x91_u8; 100_000];
    let bodies: [&[u8]; 11] = [
        b"",
        b"{",
        b"[]x",
        b"7",
        b"\"text\"",
        b"\x81",
        b"\xdd\xff\xff\xff\xff",
        b"\xc1",
        br#"{"other":1}"#,
        deep_json.as_bytes(),
        &deep_pack,
    ];
    for (subject, name) in names {
        for body in bodies {
            let error = refused(&lattice, subject, body.to_vec()).await;
            assert!(error.starts_with(&format!("failed to deserialize {name}: ")), "{subject} {body:?}: {error}");
        }
        let error = refused(&lattice, subject, vec![b' '; 3 << 20]).await;
        assert!(error.contains("has 3145728 bytes, at most 2097152"), "{error}");
    }
    lattice.inventory().await;
}

#[tokio::test]
async fn fields_that_are_wrong_are_named() {
    let lattice = Lattice::start().await;
    let good = lattice.actor("a", &guests::echo()).reference();
    let check = async |verb: &str, body: serde_json::Value, expect: &str| {
        let error = refused(&lattice, &format!("cmd.{{host}}.{verb}"), body.to_string()).await;
        assert!(error.contains(expect), "{verb} {body}: {error}");
    };
    for count in [json!(-1), json!(1.5), json!(5.0), json!(65_536), json!("5"), json!([1])] {
        check("scale", json!({"actor_ref": good, "count": count}), "`count`").await;
        check("la", json!({"actor_ref": good, "count": count}), "`count`").await;
    }
    check("scale", json!({"actor_ref": good}), "missing field `count`").await;
    check("la", json!({"actor_ref": ""}), "reference").await;
    check("la", json!({"actor_ref": "ftp://x/y"}), "ftp").await;
    check("la", json!({"actor_ref": good, "annotations": {"a": 1}}), "`annotations.a`").await;
    let huge = json!({"a": "x".repeat(1 << 20)});
    check("la", json!({"actor_ref": good, "annotations": huge}), "`annotations` have 1048577 bytes").await;
    let large = json!({"a": "x".repeat(9000)});
    check("la", json!({"actor_ref": good, "annotations": large}), "`annotations` have 9001 bytes, at most 8192").await;
    check("scale", json!({"actor_ref": good, "count": 1, "annotations": large}), "`annotations`").await;
    check("la", json!({"actor_ref": good, "lattice_id": "other"}), "the request names lattice `other`").await;
    check("sa", json!({"actor_ref": good}), "is not an actor key").await;
    let running = json!({"actor_ref": lattice_claims::ModuleSeed::generate().public(), "annotations": large});
    check("sa", running, "`annotations` have 9001 bytes, at most 8192").await;
    check("sa", json!({"actor_ref": lattice.host_key()}), "is a host key").await;
    check("stop", json!({"timeout": -1}), "`timeout`").await;
    let key = lattice_claims::ModuleSeed::generate().public();
    check("upd", json!({"actor_id": key}), "missing field `new_actor_ref`").await;
    check("upd", json!({"actor_id": lattice.host_key(), "new_actor_ref": good}), "is a host key").await;
    check("upd", json!({"actor_id": key, "new_actor_ref": "ftp://x/y"}), "ftp").await;
    check("upd", json!({"actor_id": key, "new_actor_ref": good, "annotations": large}), "`annotations`").await;
    check("upd", json!({"actor_id": key, "new_actor_ref": good}), "actor not found").await;
    check("lp", json!({}), "`provider_ref`").await;
    check("fly", json!({}), "unsupported subject").await;
    assert!(lattice.inventory().await.actors.is_empty());
}

#[tokio::test]
async fn fields_of_links_that_are_wrong_are_named() {
    let lattice = Lattice::start().await;
    let check = async |change: serde_json::Value, expect: &str| {
        let mut body = json_of(&link("default", &[]));
        for (key, value) in change.as_object().expect("a map") {
            body[key] = value.clone();
        }
        let error = refused(&lattice, "linkdefs.put", body.to_string()).await;
        assert!(error.contains(expect), "{body}: {error}");
    };
    check(json!({"actor_id": PROVIDER}), "`actor_id`: `VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW` is a")
        .await;
    check(json!({"actor_id": ""}), "`actor_id`").await;
    check(json!({"provider_id": ACTOR}), "`provider_id`").await;
    check(json!({"provider_id": null}), "`provider_id`").await;
    check(json!({"contract_id": "not one"}), "the contract id `not one` contains ' '").await;
    check(json!({"contract_id": ""}), "the contract id must not be empty").await;
    check(json!({"link_name": "a.b"}), "the link name `a.b` contains '.'").await;
    check(json!({"values": {"a": 1}}), "`values.a`").await;
    check(json!({"values": {"a": null}}), "`values.a`").await;
    check(json!({"values": "text"}), "`values`").await;
    check(json!({"lattice_id": "other"}), "the request names lattice `other`").await;
    let delete = json!({"actorId": ACTOR, "contractId": "wasmcloud:keyvalue", "latticeId": "other"});
    let error = refused(&lattice, "linkdefs.del", delete.to_string()).await;
    assert!(error.contains("the request names lattice `other`"), "{error}");
    let error = refused(&lattice, "linkdefs.del", json!({"actor_id": ACTOR}).to_string()).await;
    assert!(error.contains("missing field `contract_id`"), "{error}");
    let error = refused(&lattice, "linkdefs.fly", "{}").await;
    assert_eq!(error, "unsupported subject");
    let secret = json!({"actor_id": ACTOR, "values": {"a": ["hunter2"]}});
    assert!(!refused(&lattice, "linkdefs.put", secret.to_string()).await.contains("hunter2"));
    assert!(lattice.links().await.is_empty());
}

#[tokio::test]
async fn configuration_and_registries_that_are_wrong_are_named() {
    let lattice = Lattice::start().await;
    for subject in ["config.put.Mx.key", "config.del.Mx.key", "config.del.Mx", "config.clear.Mx", "get.config.Mx"] {
        let error = refused(&lattice, subject, "").await;
        assert!(
            error.starts_with("Invalid entity ID. The entity ID must be a valid public nkey"),
            "{subject}: {error}"
        );
    }
    let error = refused(&lattice, &format!("config.put.{ACTOR}.a:b"), "x").await;
    assert!(error.contains("key `a:b` contains ':'"), "{error}");
    let error = refused(&lattice, &format!("config.put.{ACTOR}"), "x").await;
    assert_eq!(error, "unsupported subject");
    let unknown = json!({"ghcr.io": {"password": "hunter2", "registryType": "floppy"}});
    let error = refused(&lattice, "registries.put", unknown.to_string()).await;
    assert!(error.contains("unknown type `floppy`") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn texts_with_quotes_and_newlines_come_back_readable() {
    let lattice = Lattice::start().await;
    let error = refused(&lattice, "cmd.{host}.la", json!({"actor_ref": "ftp\"\n\\é://x"}).to_string()).await;
    // Control characters are not carried on to whatever shows the text, but named.
    assert!(error.contains("`ftp\"\u{fffd}\\é://x` cannot have '\\n'"), "{error}");
}

#[tokio::test]
async fn commands_for_another_host_are_its_own() {
    let lattice = Lattice::start().await;
    let other = lattice.join().await;
    let body = json!({"key": "zone", "value": "b"}).to_string();
    let ask = async |host: &lattice_protocol::HostKey| {
        let subject = format!("wasmbus.ctl.default.labels.{host}.put");
        lattice.client.request(subject, body.clone().into()).await
    };
    let answer = ask(other.host.key()).await.expect("that host answers");
    assert!(decode::<Ack>(&answer.payload).expect("an ack").accepted);
    assert!(lattice.inventory().await.labels.get("zone").is_none());
    let nobody = lattice_claims::HostSeed::generate().public();
    let stop = lattice.client.request(format!("wasmbus.ctl.default.cmd.{nobody}.stop"), "{}".into()).await;
    for unanswered in [ask(&nobody).await, stop] {
        let error = unanswered.expect_err("it is nobody's");
        assert_eq!(error.kind(), async_nats::RequestErrorKind::NoResponders);
    }
    other.host.stop(None).await;
}

#[tokio::test]
async fn a_reply_subject_that_is_a_command_is_not_answered() {
    let lattice = Lattice::start().await;
    let stop = format!("wasmbus.ctl.default.cmd.{}.stop", lattice.host_key());
    let mut sent = lattice.client.subscribe(stop.clone()).await.expect("subscribed");
    let query = "wasmbus.ctl.default.ping.hosts";
    lattice.client.publish_with_reply(query, stop, "".into()).await.expect("sent");
    // The host answers in order: when this one is answered, the one before was dropped.
    lattice.inventory().await;
    assert!(futures::poll!(futures::StreamExt::next(&mut sent)).is_pending());
}

#[tokio::test]
async fn references_that_this_host_does_not_take_are_refused_at_once() {
    let lattice = Lattice::start_with(|config| config.allow_file = false).await;
    let actor = lattice.actor("a", &guests::echo());
    let error = refused(&lattice, "cmd.{host}.la", json!({"actor_ref": actor.reference()}).to_string()).await;
    assert!(error.contains("file references are not allowed"), "{error}");
    let error = refused(&lattice, "cmd.{host}.la", json!({"actor_ref": "ghcr.io/acme/x"}).to_string()).await;
    assert!(error.contains("--allow-latest"), "{error}");
}

#[tokio::test]
async fn modules_that_are_none() {
    let lattice = Lattice::start().await;
    let echo = lattice.actor("good", &guests::echo());
    let signed = std::fs::read(&echo.path).expect("written");
    let mut tampered = signed.clone();
    tampered[20] ^= 1;
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("text", b"hello".to_vec(), "WebAssembly"),
        ("empty", Vec::new(), "empty"),
        ("truncated", signed[..signed.len() / 2].to_vec(), ""),
        ("unsigned", guests::echo(), "not signed"),
        ("tampered", tampered, ""),
    ];
    for (name, bytes, expect) in cases {
        let path = lattice.dir.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let record =
            lattice.carry_out("cmd.{host}.la", json!({"actor_ref": format!("file://{}", path.display())})).await;
        let text = record.causes.join(": ");
        assert!(!text.is_empty() && text.contains(expect), "{name}: {text}");
    }
    let expired = lattice.actor_with("old", &guests::echo(), &lattice_claims::ModuleSeed::generate(), |claims| {
        claims.expires = Some(1_000_000_000);
    });
    let record = lattice.carry_out("cmd.{host}.la", json!({"actor_ref": expired.reference()})).await;
    assert!(record.causes.join(": ").contains("expired"), "{:?}", record.causes);
    let early = lattice.actor_with("new", &guests::echo(), &lattice_claims::ModuleSeed::generate(), |claims| {
        claims.not_before = Some(10_000_000_000);
    });
    let record = lattice.carry_out("cmd.{host}.la", json!({"actor_ref": early.reference()})).await;
    assert!(record.causes.join(": ").contains("not valid before"), "{:?}", record.causes);
    let no_call = lattice.actor("no_call", b"\0asm\x01\0\0\0");
    let record = lattice.carry_out("cmd.{host}.la", json!({"actor_ref": no_call.reference()})).await;
    assert!(record.causes.join(": ").contains("__guest_call"), "{:?}", record.causes);
    assert!(lattice.inventory().await.actors.is_empty());
}

#[tokio::test]
async fn unsigned_modules_run_where_they_are_allowed() {
    let lattice = Lattice::start_with(|config| config.allow_unsigned = true).await;
    let path = lattice.dir.path().join("unsigned.wasm");
    std::fs::write(&path, guests::echo()).expect("written");
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": format!("file://{}", path.display())})).await;
    assert_eq!(lattice.inventory().await.actors.len(), 1);
}
