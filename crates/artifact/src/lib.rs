//! References to modules and providers, fetching them, checking their claims, and the cache keyed by digest.
//!
//! [`Reference`] says where an artifact comes from, [`Store`] fetches it, checks its claims under a [`Policy`] and keeps
//! its bytes. What an artifact is for, and what runs it, is not known here.

pub mod archive;
mod artifact;
mod bindle;
mod blocking;
mod cache;
mod credentials;
mod defaults;
mod digest;
mod docker_hub;
mod error;
mod identity;
mod kind;
mod objects;
mod oci;
mod progress;
mod pull;
mod reference;
mod remote;
mod shown;
mod source;
mod store;
mod trust;
mod web;

pub use archive::{ArchiveError, Executable};
pub use artifact::{Artifact, Fetched, Policy, ProviderArtifact};
pub use bindle::{BindleError, BindleSettings};
pub use cache::{StoreError, Unkept};
pub use credentials::{
    Credential, CredentialSources, Credentials, DockerConfig, DockerError, Layer, Place, PlaceError, Places,
    RegistryKind,
};
pub use digest::{Digest, DigestError};
pub use error::{FetchError, SourceError};
pub use identity::{Identity, unsigned_key};
pub use kind::Kind;
pub use objects::{About, CheckError, Checked, ObjectError, ObjectPart, Objects, Replace, Stored};
pub use oci::{OciError, OciPlace, OciSettings, OciTold};
pub use progress::Progress;
pub use pull::Pull;
pub use reference::{
    BindleReference, BindleServer, BuiltinReference, FileReference, ObjectReference, OciReference, Reference,
    ReferenceError, Target,
};
pub use source::{FileError, SourceSettings};
pub use store::{Store, StoreSettings};
pub use trust::{Judgement, Trust, UnknownIssuers, UnknownIssuersError, UntrustedIssuer};
pub use web::{WebError, WebSettings};
