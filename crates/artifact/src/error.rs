//! Why an artifact is not to be had.

use std::io;

use lattice_claims::ModuleClaimsError;

use crate::{
    archive::ArchiveError, bindle::BindleError, cache::Unkept, digest::Digest, objects::ObjectError, oci::OciError,
    reference::Reference, source::FileError, trust::UntrustedIssuer, web::WebError,
};

/// Why an artifact was not fetched, or not accepted. Every variant but the last two names the reference.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// A kind of reference that is understood but has no source yet.
    #[error("`{reference}` names {what}, which is not supported by this version")]
    Unsupported {
        /// The reference.
        reference: String,
        /// What it names.
        what: &'static str,
    },
    /// A file, where files are not allowed.
    #[error("`{reference}` is refused: file references are not allowed here")]
    FileNotAllowed {
        /// The reference.
        reference: String,
    },
    /// The file cannot be read.
    #[error("`{reference}` cannot be fetched")]
    File {
        /// The reference.
        reference: String,
        /// What is wrong with the file.
        source: FileError,
    },
    /// Bytes that are not those that their source told of.
    #[error("`{reference}` is refused: its bytes have the digest {found}, its source says {claimed}")]
    Content {
        /// The reference.
        reference: String,
        /// The digest that the source told.
        claimed: Digest,
        /// That of the bytes.
        found: Digest,
    },
    /// More bytes than are fetched.
    #[error("`{reference}` has {size} bytes, at most {max} are fetched")]
    TooLarge {
        /// The reference.
        reference: String,
        /// Its size in bytes.
        size: u64,
        /// The bytes allowed.
        max: u64,
    },
    /// The cache does not have it, and its source is not to be asked.
    #[error("`{reference}` is not in the cache, and the pull policy `never` forbids to fetch it")]
    NotCached {
        /// The reference.
        reference: String,
    },
    /// It was fetched to be kept, and is not.
    #[error("`{reference}` cannot be kept in the cache")]
    NotKept {
        /// The reference.
        reference: String,
        /// Why not.
        source: Unkept,
    },
    /// An OCI registry does not have it, does not give it, or gives something else.
    #[error(transparent)]
    Oci {
        /// What went wrong.
        source: Box<OciError>,
    },
    /// The lattice's own store does not have it, or cannot be read.
    #[error(transparent)]
    Object {
        /// What went wrong.
        source: Box<ObjectError>,
    },
    /// An OCI registry does not take it.
    #[error(transparent)]
    Push {
        /// What went wrong.
        source: Box<OciError>,
    },
    /// Something is to be pushed to where only others write.
    #[error("`{reference}` names no OCI registry, and only to those can be pushed from here")]
    NotPushable {
        /// The reference.
        reference: String,
    },
    /// A bindle server does not have it, does not give it, or gives something else.
    #[error("`{reference}` cannot be fetched from a bindle server")]
    Bindle {
        /// The reference.
        reference: String,
        /// What went wrong.
        source: Box<BindleError>,
    },
    /// A module without claims, where only signed ones are allowed.
    #[error("`{reference}` is refused: the module is not signed, and unsigned modules are not allowed here")]
    Unsigned {
        /// The reference.
        reference: String,
    },
    /// No module, or one whose claims are not accepted.
    #[error("`{reference}` is refused")]
    Module {
        /// The reference.
        reference: String,
        /// What is wrong with it.
        source: ModuleClaimsError,
    },
    /// No provider archive, or one that is not accepted.
    #[error("`{reference}` is refused")]
    Archive {
        /// The reference.
        reference: String,
        /// What is wrong with it.
        source: Box<ArchiveError>,
    },
    /// A module or provider that is sound, signed by somebody whose signature does not count here.
    #[error("`{reference}` is refused")]
    Untrusted {
        /// The reference.
        reference: String,
        /// Who signed.
        source: UntrustedIssuer,
    },
    /// A provider's executable cannot be written to where it could run.
    #[error("the executable of `{reference}` cannot be written to the cache")]
    Executable {
        /// The reference.
        reference: String,
        /// What the system said.
        source: io::Error,
    },
    /// The cache is there but cannot be read.
    #[error("the artifact {digest} cannot be read from the cache")]
    Cache {
        /// What was looked for.
        digest: Digest,
        /// What the system said.
        source: io::Error,
    },
    /// The runtime shuts down and takes on no work.
    #[error("the program is shutting down")]
    ShuttingDown,
}

impl FetchError {
    pub(crate) fn oci(source: OciError) -> Self {
        FetchError::Oci { source: Box::new(source) }
    }

    pub(crate) fn object(source: ObjectError) -> Self {
        FetchError::Object { source: Box::new(source) }
    }

    pub(crate) fn bindle(reference: &Reference, source: BindleError) -> Self {
        FetchError::Bindle { reference: reference.to_string(), source: Box::new(source) }
    }
}

/// Why sources cannot be used as they are set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Web servers cannot be reached at all.
    #[error(transparent)]
    Web(#[from] WebError),
    /// The bindle server is named by something that is no URL.
    #[error(transparent)]
    Bindle(#[from] BindleError),
}
