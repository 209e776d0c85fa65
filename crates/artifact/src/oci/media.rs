//! The media types of manifests and layers.

use crate::kind::Kind;

/// A manifest (image-spec v1.1 `media-types.md`).
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The same by Docker (distribution v2.8 `manifest/schema2`, `manifest/manifestlist`).
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The first schema, plain and signed (distribution v2.8 `manifest/schema1`).
const SCHEMA1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

/// What a registry is asked for.
pub(super) const ACCEPTED_MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json";

/// Layers and configurations as the published push tool writes them (wasmCloud v0.82 `crates/wash-lib/src/registry.rs`).
const WASMCLOUD_MODULE: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
const WASMCLOUD_PROVIDER: &str = "application/vnd.wasmcloud.provider.archive.layer.v1+par";
const WASMCLOUD_MODULE_CONFIG: &str = "application/vnd.wasmcloud.actor.archive.config";
const WASMCLOUD_PROVIDER_CONFIG: &str = "application/vnd.wasmcloud.provider.archive.config";
/// What older tools called both. It is not unpacked; the content is what it would be otherwise.
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
/// What today's tools call modules (CNCF TAG Runtime, "Wasm OCI Artifact layout").
const WASM: &str = "application/wasm";

/// What stands in place of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ManifestType {
    Manifest,
    Index,
    Schema1,
}

impl ManifestType {
    pub(super) fn of(media_type: &str) -> Option<Self> {
        match media_type {
            OCI_MANIFEST | DOCKER_MANIFEST => Some(Self::Manifest),
            OCI_INDEX | DOCKER_INDEX => Some(Self::Index),
            _ if SCHEMA1.contains(&media_type) => Some(Self::Schema1),
            _ => None,
        }
    }
}

impl Kind {
    /// What it is called in an error.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Module => "a module",
            Self::Provider => "a provider",
            Self::Any => "a module or a provider",
        }
    }

    /// The types that its layer may have. The first is the one that is written.
    pub(super) fn layer_types(self) -> &'static [&'static str] {
        match self {
            Self::Module => &[WASMCLOUD_MODULE, TAR, WASM],
            Self::Provider => &[WASMCLOUD_PROVIDER, TAR],
            Self::Any => &[WASMCLOUD_MODULE, WASMCLOUD_PROVIDER, TAR, WASM],
        }
    }

    /// The type of the configuration that is written. What is pushed is known to be one of the two.
    pub(super) fn config_type(self) -> &'static str {
        match self {
            Self::Module => WASMCLOUD_MODULE_CONFIG,
            Self::Provider | Self::Any => WASMCLOUD_PROVIDER_CONFIG,
        }
    }
}
