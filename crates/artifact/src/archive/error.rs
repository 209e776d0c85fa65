//! What can be wrong with a provider archive.

use std::io;

use lattice_claims::ProviderClaimsError;

/// Targets that an error lists; published archives have up to six.
const SHOWN: usize = 10;

/// Why an archive was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The bytes do not begin as a tar file does, nor as one compressed with gzip.
    #[error("not a provider archive: neither a tar file nor one compressed with gzip")]
    NotAnArchive,
    /// An archive that ends early or whose bytes were changed.
    #[error("the provider archive is truncated or damaged")]
    Damaged {
        /// What the reader says.
        source: io::Error,
    },
    /// An archive that ends inside an entry.
    #[error("the provider archive is truncated: it ends in its entry `{entry}`")]
    Truncated {
        /// The entry's name.
        entry: String,
    },
    /// More entries than an archive has targets.
    #[error("the provider archive has more than {max} entries")]
    TooManyEntries {
        /// The entries accepted.
        max: usize,
    },
    /// More bytes than are unpacked, all entries together.
    #[error("the provider archive has more than {max} bytes when it is unpacked")]
    TooLarge {
        /// The bytes accepted.
        max: u64,
    },
    /// More bytes in one entry than are read of it.
    #[error("the entry `{entry}` of the provider archive has {size} bytes, at most {max} are read")]
    EntryTooLarge {
        /// The entry's name.
        entry: String,
        /// Its bytes.
        size: u64,
        /// The bytes accepted.
        max: u64,
    },
    /// A link, a device, a folder or something else that is no file.
    #[error("the entry `{entry}` of the provider archive is {kind}, and not a file")]
    NotAFile {
        /// The entry's name.
        entry: String,
        /// What it is.
        kind: &'static str,
    },
    /// An entry in a folder, above one, or at an absolute path.
    #[error("the entry `{entry}` of the provider archive is a path; its files lie in no folder")]
    Path {
        /// The entry's name.
        entry: String,
    },
    /// An entry whose name is none that a target can have.
    #[error("the name `{entry}` in the provider archive is empty, too long, or not of letters, digits and `_-+.`")]
    Name {
        /// The entry's name.
        entry: String,
    },
    /// Two entries with claims, or for the same target.
    #[error("the provider archive has `{entry}` twice")]
    Duplicate {
        /// The target, or `claims`.
        entry: String,
    },
    /// No entry with claims.
    #[error("the provider archive has no claims: there is no `claims.jwt` in it")]
    MissingClaims,
    /// The claims are not accepted.
    #[error("the provider archive is not accepted")]
    Claims {
        /// Why.
        #[from]
        source: ProviderClaimsError,
    },
    /// Claims that are to be signed, and that nobody would read.
    #[error("the provider's claims make a token of {size} bytes, at most {max} are read")]
    ClaimsTooLarge {
        /// The token's bytes.
        size: usize,
        /// The bytes accepted.
        max: usize,
    },
    /// No executable at all.
    #[error("the provider archive has no executable in it")]
    Empty,
    /// An executable is to be added to what somebody else has signed.
    #[error("the provider archive is signed by `{issuer}`, and not by `{found}`")]
    OtherIssuer {
        /// Who signed it.
        issuer: String,
        /// Who was to sign it again.
        found: String,
    },
    /// An executable is to be added for a target that there is one for.
    #[error("the provider archive has an executable for `{target}` already")]
    TargetTaken {
        /// The target.
        target: String,
    },
    /// No executable for the target.
    #[error("the provider archive has no executable for `{target}`; it has {}", list(found))]
    MissingTarget {
        /// The target that was asked for.
        target: String,
        /// The targets that are there.
        found: Vec<String>,
    },
    /// An executable that the claims do not name.
    #[error("the provider's claims state no hash for `{target}`")]
    MissingHash {
        /// The target.
        target: String,
    },
    /// An executable that is not the one that was signed.
    #[error(
        "the executable for `{target}` is not the one that was signed: its hash is {found}, the claims say {claimed:?}"
    )]
    Hash {
        /// The target.
        target: String,
        /// The hash in the claims.
        claimed: String,
        /// The hash of the executable.
        found: String,
    },
}

fn list(targets: &[String]) -> String {
    let shown: Vec<_> = targets.iter().take(SHOWN).map(|target| format!("`{target}`")).collect();
    match targets.len() {
        0 => "none at all".to_owned(),
        1..=SHOWN => format!("some for {}", shown.join(", ")),
        all => format!("some for {} and {} more", shown.join(", "), all - SHOWN),
    }
}
