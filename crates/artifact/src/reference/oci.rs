//! `registry.host/name[:tag][@sha256:…]`: an artifact in an OCI registry.

use std::fmt;

use super::{
    error::{ReferenceError, shown},
    part::{Part, is_name},
};
use crate::digest::Digest;

const REGISTRY: Part = Part {
    what: "the registry",
    max: 255,
    allowed: "a host name or address, with a port if it has one of its own",
    is_allowed: |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'),
};
/// The distribution specification limits host and repository together to 255 characters.
const REPOSITORY: Part = Part {
    what: "the repository",
    max: 255,
    allowed: "lower-case letters and digits, with `.`, `_`, `-` and `/` between them",
    is_allowed: |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '/'),
};
/// The alphabet and length that the distribution specification sets.
const TAG: Part = Part {
    what: "the tag",
    max: 128,
    allowed: "letters, digits, `_`, `.` and `-`, the last two not at its start",
    is_allowed: is_name,
};

/// An artifact in an OCI registry, by tag, by digest, or (with both) by digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OciReference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl OciReference {
    /// The registry's host, with its port if one is given.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The name within the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if one is given. What an absent one means is for the puller to say.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest, if one is given.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    pub(super) fn parse(rest: &str, whole: &str) -> Result<Self, ReferenceError> {
        let (name, digest) = split_digest(rest, whole)?;
        let (registry, path) = split_registry(name, whole)?;
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(check_tag(tag, whole)?)),
            None => (path, None),
        };
        Ok(Self {
            registry: check_registry(registry, whole)?,
            repository: REPOSITORY.check_path(repository, whole)?,
            tag,
            digest,
        })
    }
}

/// The same text for all that are equal.
impl fmt::Display for OciReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

fn split_digest<'a>(rest: &'a str, whole: &str) -> Result<(&'a str, Option<Digest>), ReferenceError> {
    let Some((name, digest)) = rest.split_once('@') else {
        return Ok((rest, None));
    };
    if !digest.starts_with("sha256:") {
        return Err(ReferenceError::At { text: shown(whole) });
    }
    let digest = digest.parse().map_err(|source| ReferenceError::Digest { text: shown(whole), source })?;
    Ok((name, Some(digest)))
}

/// Short names are refused rather than completed: what they mean would depend on who completes them.
fn split_registry<'a>(name: &'a str, whole: &str) -> Result<(&'a str, &'a str), ReferenceError> {
    name.split_once('/')
        .filter(|(first, _)| *first == "localhost" || first.contains(['.', ':']))
        .ok_or_else(|| ReferenceError::Registry { text: shown(whole) })
}

pub(super) fn check_registry(registry: &str, whole: &str) -> Result<String, ReferenceError> {
    let (host, port) = match registry.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (registry, None),
    };
    REGISTRY.check_path(host, whole)?;
    match port {
        Some(port) if !is_port(port) => Err(REGISTRY.refuse(whole, ':')),
        _ => Ok(registry.to_ascii_lowercase()),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

fn check_tag(tag: &str, whole: &str) -> Result<String, ReferenceError> {
    match tag.chars().next() {
        Some(first @ ('.' | '-')) => Err(TAG.refuse(whole, first)),
        _ => TAG.check(tag, whole),
    }
}
