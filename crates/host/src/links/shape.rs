//! Links as they stand in the bucket.
//!
//! Written is what every published host and client reads: the five fields, and the id, which those of the Elixir generation
//! look for. Read is whatever holds the five. Source: wasmcloud-otp 0.63 `linkdefs/manager.ex`, wasmCloud 0.82
//! `crates/host/src/wasmbus/mod.rs`, `wasmcloud-control-interface` 0.23 `kv.rs`.

use bytes::Bytes;
use lattice_protocol::{DecodeError, LinkDefinition, decode};
use serde::Serialize;

/// What keys in the bucket start with when they hold links.
const KEY_PREFIX: &str = "LINKDEF_";

/// Why an entry is no link.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadLink {
    #[error("it cannot be read")]
    Unreadable(#[source] DecodeError),
    #[error("it holds the link whose id is {found}")]
    OtherId { found: String },
}

#[derive(Serialize)]
struct Stored<'a> {
    id: String,
    #[serde(flatten)]
    link: &'a LinkDefinition,
}

/// The bucket's key for the link with this id.
pub(super) fn entry_key(id: &str) -> String {
    format!("{KEY_PREFIX}{id}")
}

/// The id of the link that stands under a bucket's key, if it is one.
pub(crate) fn id_of(key: &str) -> Option<&str> {
    key.strip_prefix(KEY_PREFIX)
}

/// Reads an entry of the bucket, whoever wrote it.
pub(super) fn from_entry(id: &str, bytes: &[u8]) -> Result<LinkDefinition, BadLink> {
    let link: LinkDefinition = decode(bytes).map_err(BadLink::Unreadable)?;
    match link.id() {
        found if found != id => Err(BadLink::OtherId { found }),
        _ => Ok(link),
    }
}

pub(super) fn to_entry(link: &LinkDefinition) -> Bytes {
    let stored = Stored { id: link.id(), link };
    serde_json::to_vec(&stored).expect("a link has text keys and is written to memory").into()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::links) const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
    pub(in crate::links) const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";

    pub(in crate::links) fn link(name: &str, values: &[(&str, &str)]) -> LinkDefinition {
        LinkDefinition {
            actor_id: ACTOR.parse().expect("a published key"),
            provider_id: PROVIDER.parse().expect("a published key"),
            link_name: name.parse().expect("a plain word"),
            contract_id: "wasmcloud:keyvalue".parse().expect("a contract"),
            values: values.iter().copied().collect(),
        }
    }

    #[test]
    fn the_written_shape_is_exactly_what_others_read() {
        let link = link("default", &[("URL", "redis://x")]);
        let written: serde_json::Value = serde_json::from_slice(&to_entry(&link)).expect("JSON");
        let expect = serde_json::json!({
            "id": link.id(),
            "actor_id": ACTOR,
            "provider_id": PROVIDER,
            "link_name": "default",
            "contract_id": "wasmcloud:keyvalue",
            "values": {"URL": "redis://x"},
        });
        assert_eq!(written, expect);
        assert_eq!(from_entry(&link.id(), &to_entry(&link)).expect("readable"), link);
    }

    #[test]
    fn every_spelling_is_read() {
        let id = link("default", &[]).id();
        for text in [
            format!(
                r#"{{"actor_id":"{ACTOR}","provider_id":"{PROVIDER}","link_name":"default","contract_id":"wasmcloud:keyvalue","values":{{}}}}"#
            ),
            format!(
                r#"{{"actorId":"{ACTOR}","providerId":"{PROVIDER}","contractId":"wasmcloud:keyvalue","values":null,"more":[1]}}"#
            ),
            format!(
                r#"{{"id":"x","deleted":false,"actor_id":"{ACTOR}","provider_id":"{PROVIDER}","link_name":"","contract_id":"wasmcloud:keyvalue"}}"#
            ),
        ] {
            assert_eq!(from_entry(&id, text.as_bytes()).expect(&text), link("default", &[]));
        }
    }

    #[test]
    fn what_is_no_link_of_this_key_is_refused() {
        let id = link("default", &[]).id();
        for bytes in [&b""[..], b"no JSON", b"[1]", b"\x00", b"{}"] {
            assert!(matches!(from_entry(&id, bytes), Err(BadLink::Unreadable(_))), "{bytes:?}");
        }
        let other = to_entry(&link("other", &[]));
        assert!(matches!(from_entry(&id, &other), Err(BadLink::OtherId { .. })));
    }
}
