//! References to modules and providers, fetching them, checking their claims, and the cache keyed by digest.
//!
//! [`Reference`] says where an artifact comes from, [`Store`] fetches it, checks its claims under a [`Policy`] and keeps
//! its bytes. What an artifact is for, and what runs it, is not known here.

pub mod archive;
mod artifact;
mod blocking;
mod cache;
mod credentials;
mod defaults;
mod digest;
mod error;
mod identity;
mod kind;
mod objects;
mod progress;
mod pull;
mod reference;
mod remote;
mod source;
mod store;
mod web;

pub use archive::{ArchiveError, Executable};
pub use artifact::{Artifact, Fetched, Policy, ProviderArtifact};
pub use cache::StoreError;
pub use credentials::{Credential, Credentials, RegistryKind};
pub use digest::{Digest, DigestError};
pub use error::FetchError;
pub use identity::{Identity, unsigned_key};
pub use kind::Kind;
pub use objects::{About, CheckError, Checked, ObjectError, ObjectPart, Objects, Replace, Stored};
pub use progress::Progress;
pub use pull::Pull;
pub use reference::{
    BindleReference, BuiltinReference, FileReference, ObjectReference, OciReference, Reference, ReferenceError, Target,
};
pub use source::FileError;
pub use store::{Store, StoreSettings};
pub use web::{WebError, WebSettings};
