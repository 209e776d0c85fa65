//! Artifacts in the lattice itself: what hosts tell of them, and how they come and go in parts. Of this project.
//!
//! Any host is asked on `{prefix}.{lattice}.lattice.artifact.{verb}`, and removes one on `artifacts.delete`. An upload begins on
//! `artifacts.begin` at any host, which says where it goes on: its parts go to `cmd.{host}.upload`, each a body of raw bytes with
//! [`UPLOAD_HEADER`] and [`OFFSET_HEADER`], and `cmd.{host}.push` has the whole checked and stored. Parts of a download are
//! answered as raw bytes of the type [`BYTES_TYPE`], with [`POSITION_HEADER`].
//!
//! What changes something is not below `lattice.`, so that who may send there can be given the right to ask alone.

use serde::{Deserialize, Serialize};

use super::{
    Items,
    lenient::{empty_as_none, nil_as_default},
};
use crate::id::{HostKey, LatticeName};

/// The header of a part that says which upload it belongs to.
pub const UPLOAD_HEADER: &str = "Lattice-Upload";
/// The header of a part that says at which byte of the whole it begins; a multiple of [`UploadBegun::chunk`].
pub const OFFSET_HEADER: &str = "Lattice-Offset";
/// The header of a downloaded part that says where the next one begins, for [`PartQuery::position`].
pub const POSITION_HEADER: &str = "Lattice-Position";
/// The content type of an answer that is bytes and no message.
pub const BYTES_TYPE: &str = "application/octet-stream";

/// An artifact that lies in the lattice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredArtifact {
    /// The digest of its bytes, `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The key of its actor or provider, where a host stored it.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it is.
    #[serde(default)]
    pub kind: ArtifactKind,
    /// The name that its claims give it.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was stored, RFC 3339.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub pushed: String,
    /// Its reference, `nats://NAME[:TAG]`.
    pub reference: String,
    /// Its bytes.
    pub size: u64,
}

/// What an artifact is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ArtifactKind {
    /// A WebAssembly module, an actor's.
    Module,
    /// A provider archive.
    Provider,
    /// Something that no host stored, or that newer hosts know.
    #[default]
    #[serde(other)]
    Unknown,
}

impl ArtifactKind {
    /// The kind as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            ArtifactKind::Module => "module",
            ArtifactKind::Provider => "provider",
            ArtifactKind::Unknown => "unknown",
        }
    }
}

/// The artifacts that lie in the lattice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifacts {
    /// All of them, by reference. Must be there, or a refusal would read as a lattice without artifacts.
    pub artifacts: Items<StoredArtifact>,
}

/// Asks any host for one artifact, or to remove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactQuery {
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
    /// The reference, `nats://NAME[:TAG]`.
    pub reference: String,
}

/// Asks any host for some of an artifact's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartQuery {
    /// The digest of the artifact: one that took its place meanwhile is another one.
    pub digest: String,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
    /// Where the part begins, as [`POSITION_HEADER`] of the one before it says; the first has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The reference, `nats://NAME[:TAG]`.
    pub reference: String,
}

/// Asks any host to take an artifact in parts. With [`FORCE_HEADER`](super::FORCE_HEADER) it replaces another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginUpload {
    /// The digest of the whole, `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
    /// The reference under which it is to lie, `nats://NAME[:TAG]`.
    pub reference: String,
    /// The bytes of the whole.
    pub size: u64,
}

/// Where the parts of an upload go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadBegun {
    /// The very artifact, if it lies there already; then nothing is to be uploaded, and the rest says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<StoredArtifact>,
    /// The bytes of each part but the last.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub chunk: u64,
    /// The host that takes them.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// What the host calls the upload.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub upload: String,
}

/// Has a host check and store what was uploaded to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishUpload {
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
    /// The reference that the upload began with.
    pub reference: String,
    /// What the host calls the upload.
    pub upload: String,
}
