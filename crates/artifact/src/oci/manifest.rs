//! Manifests and indexes: what is in one, and whether it is one at all.

use serde::{Deserialize, de::IgnoredAny};

use super::{error::OciError, media::ManifestType, place::OciPlace, platform::Platform, told::shown};
use crate::{digest::Digest, kind::Kind};

/// Types that say nothing about what something is: what it says itself counts.
const UNSPECIFIC: [&str; 4] = ["", "application/json", "text/plain", "application/octet-stream"];

/// What stands where a tag or digest points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Manifest {
    /// One artifact, with its layers.
    Image(Vec<Descriptor>),
    /// Several, by platform.
    Index(Vec<Descriptor>),
}

/// Something by type, digest and size (image-spec v1.1 `descriptor.md`). Its `urls` are not read: what is not in the registry is
/// not the artifact.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) media_type: String,
    digest: String,
    pub(super) size: u64,
    #[serde(default)]
    pub(super) platform: Option<Platform>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<u64>,
    media_type: Option<String>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    fs_layers: Option<IgnoredAny>,
}

impl Descriptor {
    pub(super) fn digest(&self, place: &OciPlace) -> Result<Digest, OciError> {
        self.digest.parse().map_err(|_| OciError::UnknownDigest { place: place.clone(), digest: shown(&self.digest) })
    }
}

/// What an answer says it is, without parameters.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Fails for what cannot be a manifest, whatever is in it.
pub(super) fn check_type(place: &OciPlace, content_type: &str) -> Result<(), OciError> {
    let essence = essence(content_type);
    match ManifestType::of(&essence).is_some() || UNSPECIFIC.contains(&essence.as_str()) {
        true => Ok(()),
        false => Err(not_a_manifest(place, content_type)),
    }
}

fn not_a_manifest(place: &OciPlace, content_type: &str) -> OciError {
    let content_type =
        if content_type.is_empty() { "something without a type".to_owned() } else { shown(content_type) };
    OciError::NotAManifest { place: place.clone(), content_type }
}

/// What is in a manifest.
pub(super) fn read(place: &OciPlace, content_type: &str, body: &[u8]) -> Result<Manifest, OciError> {
    check_type(place, content_type)?;
    let outside = ManifestType::of(&essence(content_type));
    if outside.is_none() && !body.trim_ascii_start().starts_with(b"{") {
        return Err(not_a_manifest(place, content_type));
    }
    let malformed = |what: &str| OciError::MalformedManifest { place: place.clone(), what: shown(what) };
    let document: Document = serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
    match kind_of(&document, outside, place)? {
        Some(ManifestType::Manifest) => Ok(Manifest::Image(document.layers.unwrap_or_default())),
        Some(ManifestType::Index) => Ok(Manifest::Index(document.manifests.unwrap_or_default())),
        Some(ManifestType::Schema1) => Err(OciError::Schema1 { place: place.clone() }),
        None => Err(malformed("neither `layers` nor `manifests`")),
    }
}

/// What the document is, by what it is called from outside, by itself, or by what it has; no two may disagree, lest somebody else
/// sees something else under the same digest (distribution-spec, CVE-2021-41190).
fn kind_of(
    document: &Document,
    outside: Option<ManifestType>,
    place: &OciPlace,
) -> Result<Option<ManifestType>, OciError> {
    let ambiguous = |what| OciError::AmbiguousManifest { place: place.clone(), what };
    if outside == Some(ManifestType::Schema1) || document.schema_version == Some(1) || document.fs_layers.is_some() {
        return Ok(Some(ManifestType::Schema1));
    }
    if document.layers.is_some() && document.manifests.is_some() {
        return Err(ambiguous("as one artifact and as an index"));
    }
    let inside = document.media_type.as_deref().map(ManifestType::of);
    match (outside, inside) {
        (Some(outside), Some(inside)) if inside != Some(outside) => {
            Err(ambiguous("by its type and by what it says it is"))
        }
        (Some(outside), _) => Ok(Some(outside)),
        (None, Some(inside)) => Ok(inside),
        (None, None) if document.manifests.is_some() => Ok(Some(ManifestType::Index)),
        (None, None) => Ok(document.layers.is_some().then_some(ManifestType::Manifest)),
    }
}

/// The one layer of an artifact.
///
/// The published hosts put the bytes of all layers together; no published artifact has two, and what would come of that is nothing
/// that somebody pushed. So one it is.
pub(super) fn only_layer(place: &OciPlace, layers: &[Descriptor], kind: Kind) -> Result<Descriptor, OciError> {
    let place = || place.clone();
    match layers {
        [] => Err(OciError::NoLayer { place: place() }),
        [layer] if kind.layer_types().contains(&layer.media_type.as_str()) => Ok(layer.clone()),
        [layer] => Err(OciError::UnknownLayer {
            place: place(),
            media_type: shown(&layer.media_type),
            wanted: kind.name(),
            accepted: quoted(kind.layer_types()),
        }),
        _ => Err(OciError::ManyLayers { place: place(), count: layers.len() }),
    }
}

fn quoted(types: &[&str]) -> String {
    let quoted: Vec<_> = types.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(" or ")
}

#[cfg(test)]
mod tests;
