//! The shapes in which claims stand in the bucket, in `get.claims` and in events.

use std::collections::BTreeMap;

use lattice_claims::ModuleClaims;
use lattice_protocol::{ActorKey, CallAlias, event::ActorClaims};
use serde_json::Value;

/// What keys in the bucket start with when they hold claims.
const KEY_PREFIX: &str = "CLAIMS_";

/// Pairs of names for the same value: the earlier hosts' and the later ones'.
const SPELLINGS: [(&str, &str); 4] =
    [("caps", "capabilities"), ("iss", "issuer"), ("rev", "revision"), ("sub", "subject")];

/// Claims of an actor or provider as the lattice knows them, by the earlier spelling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known(BTreeMap<String, String>);

impl Known {
    pub(crate) fn of_actor(claims: &ModuleClaims) -> Self {
        let entries = [
            ("call_alias", claims.call_alias.as_ref().map(ToString::to_string)),
            ("caps", Some(claims.caps.join(","))),
            ("contract_id", None),
            ("iss", Some(claims.issuer.to_string())),
            ("name", claims.name.clone()),
            ("rev", Some(claims.revision.unwrap_or(0).to_string())),
            ("sub", Some(claims.subject.to_string())),
            ("tags", Some(claims.tags.join(","))),
            ("version", claims.version.clone()),
        ];
        Self(entries.into_iter().map(|(key, value)| (key.to_owned(), value.unwrap_or_default())).collect())
    }

    /// Reads an entry of the bucket, whichever host wrote it.
    pub(crate) fn from_entry(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let raw: BTreeMap<String, Value> = serde_json::from_slice(bytes)?;
        Ok(Self(raw.into_iter().map(|(key, value)| (earlier_name(key), as_text(value))).collect()))
    }

    pub(crate) fn to_entry(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("a map of texts is always JSON")
    }

    /// As `get.claims` answers: both spellings, every value a text.
    pub(crate) fn for_query(&self) -> BTreeMap<String, Option<String>> {
        let mut entries: BTreeMap<_, _> =
            self.0.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        for (earlier, later) in SPELLINGS {
            if let Some(value) = self.0.get(earlier) {
                entries.insert(later.to_owned(), Some(value.clone()));
            }
        }
        entries
    }

    pub(crate) fn call_alias(&self) -> Option<CallAlias> {
        self.0.get("call_alias")?.parse().ok()
    }

    pub(crate) fn actor(&self) -> Option<ActorKey> {
        self.0.get("sub")?.parse().ok()
    }
}

/// The bucket's key for the claims of an entity.
pub(crate) fn entry_key(subject: &str) -> String {
    format!("{KEY_PREFIX}{subject}")
}

/// The entity whose claims stand under a bucket's key, if they are claims.
pub(crate) fn subject_of(key: &str) -> Option<&str> {
    key.strip_prefix(KEY_PREFIX)
}

fn earlier_name(key: String) -> String {
    SPELLINGS.iter().find(|(_, later)| *later == key).map_or(key, |(earlier, _)| (*earlier).to_owned())
}

fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Array(items) => items.into_iter().map(as_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// As events tell claims.
pub(crate) fn for_event(claims: &ModuleClaims) -> ActorClaims {
    ActorClaims {
        call_alias: claims.call_alias.as_ref().map(ToString::to_string),
        caps: Some(claims.caps.clone()),
        expires_human: claims.expires_human(std::time::SystemTime::now()),
        issuer: claims.issuer.to_string(),
        name: claims.name.clone(),
        not_before_human: claims.not_before_human(std::time::SystemTime::now()),
        revision: claims.revision,
        tags: Some(claims.tags.clone()),
        version: claims.version.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entry: &str, expect: &[(&str, &str)]) {
        let known = Known::from_entry(entry.as_bytes()).expect("an entry of a published host");
        let expect = expect.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(known.0, expect);
    }

    #[test]
    fn entries_of_all_hosts_are_read() {
        check(
            r#"{"call_alias":"greeter","capabilities":["a","b"],"issuer":"A","name":"n","revision":"2","subject":"M","tags":[],"version":"1"}"#,
            &[
                ("call_alias", "greeter"),
                ("caps", "a,b"),
                ("iss", "A"),
                ("name", "n"),
                ("rev", "2"),
                ("sub", "M"),
                ("tags", ""),
                ("version", "1"),
            ],
        );
        check(
            r#"{"call_alias":"","iss":"A","caps":"a,b","rev":"2","version":null,"sub":"M","contract_id":""}"#,
            &[
                ("call_alias", ""),
                ("iss", "A"),
                ("caps", "a,b"),
                ("rev", "2"),
                ("version", ""),
                ("sub", "M"),
                ("contract_id", ""),
            ],
        );
    }

    #[test]
    fn garbage_is_an_error() {
        assert!(Known::from_entry(b"").is_err());
        assert!(Known::from_entry(b"[1]").is_err());
    }

    #[test]
    fn queries_see_both_spellings() {
        let known = Known::from_entry(br#"{"iss":"A","rev":"2"}"#).expect("a map");
        let keys: Vec<_> = known.for_query().into_keys().collect();
        assert_eq!(keys, ["iss", "issuer", "rev", "revision"]);
    }
}
