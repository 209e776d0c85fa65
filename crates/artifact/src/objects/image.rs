//! What is known of an object without its bytes, and how that is written.
//!
//! Source: async-nats 0.51 `jetstream/object_store/mod.rs` (`ObjectInfo`); this project's own stands in its `metadata`.

use std::{collections::HashMap, time::SystemTime};

use data_encoding::{BASE64URL, BASE64URL_NOPAD};
use serde::{Deserialize, Serialize};

use super::{
    bucket::{CHUNK, Standing},
    check::{About, Checked},
    error::ObjectError,
};
use crate::{digest::Digest, kind::Kind, reference::ObjectReference};

/// What digests begin with in object stores.
const DIGEST: &str = "SHA-256=";
const KIND: &str = "kind";
const KEY: &str = "key";
const NAME: &str = "name";
const MODULE: &str = "module";
const PROVIDER: &str = "provider";
/// Characters that are kept of the name in the claims, which may be a book: more than people give.
const LONGEST_NAME: usize = 200;

/// An artifact that lies in the lattice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// Its reference, `nats://NAME[:TAG]`.
    pub reference: String,
    /// The digest of its bytes; none where what is stored of it cannot be read.
    pub digest: Option<Digest>,
    /// Its bytes.
    pub size: u64,
    /// What it is, if a host stored it.
    pub kind: Option<Kind>,
    /// The key of its actor or provider, if a host stored it.
    pub key: Option<String>,
    /// The name that its claims give it.
    pub name: Option<String>,
    /// When it was stored, by the clock of the server.
    pub pushed: SystemTime,
}

impl Stored {
    pub(super) fn unreadable(reference: &ObjectReference) -> Self {
        let (reference, pushed) = (reference.to_string(), SystemTime::UNIX_EPOCH);
        Self { reference, digest: None, size: 0, kind: None, key: None, name: None, pushed }
    }
}

/// An object as it was found.
#[derive(Clone, Debug)]
pub(crate) struct ObjectImage {
    stored: Stored,
    version: Digest,
    nuid: String,
}

impl ObjectImage {
    /// What `standing` says, if it says what is needed.
    pub(super) fn read(reference: &ObjectReference, standing: Standing) -> Result<Self, ObjectError> {
        let damaged = |reason| ObjectError::Damaged { reference: reference.to_string(), reason };
        let info = standing.info.ok_or_else(|| damaged("what is stored about it cannot be read"))?;
        let version =
            info.digest.as_deref().and_then(read_digest).ok_or_else(|| damaged("it has no SHA-256 digest"))?;
        let is_link = info.options.as_ref().is_some_and(|options| !options.link.is_null());
        if is_link || !is_token(&info.nuid) {
            return Err(damaged("what is stored about it is about no object of its own"));
        }
        let text = |name: &str| info.metadata.get(name).filter(|text| !text.is_empty()).cloned();
        let stored = Stored {
            reference: reference.to_string(),
            digest: Some(version),
            size: info.size,
            kind: info.metadata.get(KIND).and_then(|kind| read_kind(kind)),
            key: text(KEY),
            name: text(NAME),
            pushed: standing.time,
        };
        Ok(Self { stored, version, nuid: info.nuid })
    }

    /// What tells it apart from what lay or will lie under the same name: the digest of its bytes.
    pub(crate) fn version(&self) -> Digest {
        self.version
    }

    /// The digest of its bytes.
    pub(crate) fn content(&self) -> Option<Digest> {
        Some(self.version)
    }

    /// Its bytes.
    pub(crate) fn size(&self) -> u64 {
        self.stored.size
    }

    pub(super) fn stored(&self) -> &Stored {
        &self.stored
    }

    pub(super) fn nuid(&self) -> &str {
        &self.nuid
    }

    pub(super) fn damaged(&self, reason: &'static str) -> ObjectError {
        ObjectError::Damaged { reference: self.stored.reference.clone(), reason }
    }
}

/// What is stored about an object, as every client of object stores reads it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Info {
    pub(super) name: String,
    #[serde(default, deserialize_with = "nil_as_default")]
    metadata: HashMap<String, String>,
    #[serde(default)]
    options: Option<Options>,
    #[serde(default)]
    bucket: String,
    pub(super) nuid: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    chunks: usize,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) deleted: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Options {
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    link: serde_json::Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_chunk_size: Option<usize>,
}

impl Info {
    /// What is written about bytes that lie under this id.
    pub(super) fn new(object: &str, nuid: &str, chunks: usize, checked: &Checked) -> Self {
        Self {
            name: object.to_owned(),
            metadata: metadata(checked.about()),
            options: Some(Options { link: serde_json::Value::Null, max_chunk_size: Some(CHUNK) }),
            bucket: String::new(),
            nuid: nuid.to_owned(),
            size: checked.bytes().len() as u64,
            chunks,
            digest: Some(format!("{DIGEST}{}", BASE64URL.encode(checked.digest().as_bytes()))),
            deleted: false,
        }
    }

    /// What is written about an object that is removed.
    pub(super) fn gone(object: &str, nuid: &str) -> Self {
        Self {
            name: object.to_owned(),
            metadata: HashMap::new(),
            options: None,
            bucket: String::new(),
            nuid: nuid.to_owned(),
            size: 0,
            chunks: 0,
            digest: None,
            deleted: true,
        }
    }

    pub(super) fn in_bucket(&self, bucket: &str) -> Self {
        Self { bucket: bucket.to_owned(), ..self.clone() }
    }
}

/// Whether it is one token of a subject; a wildcard would read, and remove, the bytes of others.
pub(super) fn is_token(nuid: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !nuid.is_empty() && nuid.bytes().all(is_plain)
}

fn metadata(about: &About) -> HashMap<String, String> {
    let kind = match about.kind {
        Kind::Module => Some(MODULE),
        Kind::Provider => Some(PROVIDER),
        Kind::Any => None,
    };
    let mut metadata = HashMap::from([(KEY.to_owned(), about.key.clone())]);
    metadata.extend(kind.map(|kind| (KIND.to_owned(), kind.to_owned())));
    metadata.extend(about.name.as_ref().map(|name| (NAME.to_owned(), name.chars().take(LONGEST_NAME).collect())));
    metadata
}

fn read_kind(text: &str) -> Option<Kind> {
    match text {
        MODULE => Some(Kind::Module),
        PROVIDER => Some(Kind::Provider),
        _ => None,
    }
}

/// Some tools leave the padding out.
fn read_digest(text: &str) -> Option<Digest> {
    let digits = text.strip_prefix(DIGEST)?.trim_end_matches('=');
    let bytes = BASE64URL_NOPAD.decode(digits.as_bytes()).ok()?;
    Some(Digest::from_bytes(bytes.try_into().ok()?))
}

fn nil_as_default<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<HashMap<String, String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn is_false(value: &bool) -> bool {
    !value
}
