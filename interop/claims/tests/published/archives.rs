//! Provider archives.

use std::collections::BTreeSet;

use provider_archive::ProviderArchive;
use serde_json::{Value, json};
use wascap_0_11::{
    jwt::{CapabilityProvider, Claims, validate_token},
    prelude::KeyPair,
};

use crate::program::Program;

const CONTRACT: &str = "acme:cache";
const TARGETS: [&str; 3] = ["aarch64-linux", "x86_64-linux", "x86_64-macos"];

/// What stands for the program of a target. Scripts are not looked into.
fn script(target: &str) -> Vec<u8> {
    format!("#!/bin/sh\necho {target}\n").into_bytes()
}

fn schema() -> Value {
    json!({"type": "object", "properties": {"größe": {"type": "integer"}}})
}

/// The words of the line with which `par create` makes this archive.
fn create(program: &Program, out: &str) -> Value {
    program.write("schema.json", schema().to_string().as_bytes());
    TARGETS.iter().for_each(|target| program.write(target, &script(target)));
    let [first, rest @ ..] = TARGETS;
    let made = program.done(&format!(
        "par create {first} --target {first} --out {out} --contract {CONTRACT} --name Cache --vendor Acme --revision 7 --version \
         1.2.3 --config-schema schema.json --expires-in 90d"
    ));
    for target in rest {
        program.done(&format!("par insert {out} {target} --target {target}"));
    }
    made
}

#[tokio::test]
async fn what_is_packed_is_read_with_all_targets() {
    let program = Program::new();
    for out in ["cache.par", "cache.par.gz"] {
        let made = create(&program, out);
        let archive = ProviderArchive::try_load(&program.read(out)).await.expect("it is accepted");
        assert_eq!(archive.targets().into_iter().collect::<BTreeSet<_>>(), TARGETS.map(str::to_owned).into());
        for target in TARGETS {
            assert_eq!(archive.target_bytes(target), Some(script(target)), "{target} of {out}");
            let alone = ProviderArchive::try_load_target(&program.read(out), target).await.expect("it is accepted");
            assert_eq!(alone.target_bytes(target), Some(script(target)), "{target} of {out}");
        }
        let claims = archive.claims().expect("it has claims");
        assert_eq!(made["public_key"], claims.subject);
        assert_eq!(made["issuer"], claims.issuer);
        assert!(claims.expires.is_some());
        let metadata = claims.metadata.expect("it has metadata");
        let told = json!([metadata.name, metadata.capid, metadata.vendor, metadata.rev, metadata.ver]);
        assert_eq!(told, json!(["Cache", CONTRACT, "Acme", 7, "1.2.3"]));
        assert_eq!((metadata.config_schema, archive.schema()), (Some(schema()), Some(schema())));
        validated(&program, out);
    }
}

/// That the token itself is validated, which loading an archive does not do.
fn validated(program: &Program, out: &str) {
    let bytes = program.read(out);
    if bytes.starts_with(b"\x1f\x8b") {
        return;
    }
    let entry = &bytes[512..];
    let end = entry.iter().position(|byte| *byte == 0).expect("entries are padded");
    let token = std::str::from_utf8(&entry[..end]).expect("the first entry is the token");
    let validation = validate_token::<CapabilityProvider>(token).expect("it is a token");
    assert!(validation.signature_valid && !validation.expired && !validation.cannot_use_yet, "{validation:?}");
    Claims::<CapabilityProvider>::decode(token).expect("it is a provider's");
}

/// An archive that the published crate has packed; returns the account's and the provider's key.
async fn packed(program: &Program, out: &str, compressed: bool) -> (KeyPair, KeyPair) {
    let (issuer, provider) = (KeyPair::new_account(), KeyPair::new_service());
    let mut archive = ProviderArchive::new(CONTRACT, "Cache", "Acme", Some(7), Some("1.2.3".to_owned()));
    for target in TARGETS {
        archive.add_library(target, &script(target)).expect("a program can be packed");
    }
    archive.set_schema(schema()).expect("a schema can be packed");
    let path = program.path(out);
    archive.write(&path, &issuer, &provider, compressed).await.expect("the test's directory can be written");
    (issuer, provider)
}

#[tokio::test]
async fn what_they_pack_is_verified_with_all_targets() {
    let program = Program::new();
    for (out, compressed) in [("theirs.par", false), ("theirs.par.gz", true)] {
        let (issuer, provider) = packed(&program, out, compressed).await;
        let verified = program.done(&format!("claims verify {out} --trusted-issuer {}", issuer.public_key()));
        assert_eq!((&verified["kind"], &verified["public_key"]), (&json!("provider"), &json!(provider.public_key())));
        let targets: Vec<&Value> =
            verified["checks"].as_array().into_iter().flatten().map(|check| &check["target"]).collect();
        assert!(TARGETS.iter().all(|target| targets.contains(&&json!(target))), "{verified}");
        let inspected = program.done(&format!("par inspect {out}"));
        let keys = ["name", "contract", "vendor", "revision", "version", "config_schema", "issuer"];
        let told = keys.map(|key| inspected[key].clone());
        let expect = json!(["Cache", CONTRACT, "Acme", 7, "1.2.3", schema(), issuer.public_key()]);
        assert_eq!(json!(told), expect);

        // One program more, signed again with their account's key.
        let seed = format!("{out}.nk");
        program.write_seed(&seed, &issuer.seed().expect("it is new"));
        program.write("arm-linux", &script("arm-linux"));
        program.done(&format!("par insert {out} arm-linux --target arm-linux --issuer {seed}"));
        let archive = ProviderArchive::try_load(&program.read(out)).await.expect("it is accepted");
        assert_eq!(archive.targets().len(), TARGETS.len() + 1);
        assert_eq!(archive.target_bytes("arm-linux"), Some(script("arm-linux")));
        assert_eq!(archive.schema(), Some(schema()));
    }
}

/// In either's archive, a program that no host here would load.
#[tokio::test]
async fn what_is_changed_is_refused_by_both() {
    let program = Program::new();
    create(&program, "ours.par");
    packed(&program, "theirs.par", false).await;
    for file in ["ours.par", "theirs.par"] {
        let mut bytes = program.read(file);
        let text = b"echo x86_64-macos";
        let at = bytes.windows(text.len()).position(|window| window == text).expect("the program is in it");
        bytes[at] ^= 1;
        program.write("changed.par", &bytes);
        assert!(ProviderArchive::try_load(&bytes).await.is_err(), "{file}");
        let refused = program.refused("claims verify changed.par");
        let failing = refused["checks"].as_array().into_iter().flatten().filter(|check| check["verdict"] == "fails");
        let failing: Vec<_> = failing.map(|check| json!([check["check"], check["target"]])).collect();
        assert_eq!(failing, [json!(["hash", "x86_64-macos"])], "{file}");
    }
}
