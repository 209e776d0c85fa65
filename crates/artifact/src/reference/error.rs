//! What can be wrong with a reference: one text per mistake, none of which repeats a password.

use crate::{digest::DigestError, shown::shortened};

/// Characters of a bad reference that an error repeats.
const SHOWN: usize = 200;

/// Why a text is not a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// No text at all.
    #[error("the reference is empty")]
    Empty,
    /// The text, or a part of it, is longer than it can be.
    #[error("{what} has {length} bytes, at most {max} are allowed")]
    TooLong {
        /// The whole or the part.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The length allowed, in bytes.
        max: usize,
    },
    /// A scheme that is none of ours.
    #[error(
        "`{scheme}://` is not a scheme of references; there are `file://`, `oci://`, `nats://`, `bindle://` and \
         `builtin://`, and without a scheme `registry.host/name:tag`"
    )]
    Scheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// A path, a relative path or another host's file.
    #[error("`{text}` is not a reference to a file; write `file://` and the absolute path, `file:///srv/hello.wasm`")]
    File {
        /// The reference.
        text: String,
    },
    /// A `%` without two hexadecimal digits, or an encoded byte that no path can hold.
    #[error("`{text}` contains a `%` that is not part of an encoded byte; write `%25` for the character itself")]
    Percent {
        /// The reference.
        text: String,
    },
    /// A `?` or `#`, which would end the path.
    #[error("`{text}` contains a `{found}`, which ends the path of a URL; write `{mend}` for the character itself")]
    Query {
        /// The reference.
        text: String,
        /// The character.
        found: char,
        /// Its encoding.
        mend: &'static str,
    },
    /// An `@` that does not introduce a digest: most likely a user name and password.
    #[error("`{text}` contains an `@` that no digest follows; credentials of registries are set apart from references")]
    At {
        /// The reference, without what stands before the `@`.
        text: String,
    },
    /// A digest that is none.
    #[error("the digest in `{text}` is malformed")]
    Digest {
        /// The reference.
        text: String,
        /// What is wrong with it.
        source: DigestError,
    },
    /// A registry that is left to be guessed.
    #[error(
        "`{text}` names no registry; write `registry.host/name:tag` (`docker.io/library/name:tag` for Docker Hub), or \
         `file:///absolute/path` for a file"
    )]
    Registry {
        /// The reference.
        text: String,
    },
    /// A part that must be there is not.
    #[error("{what} in `{text}` is empty")]
    Missing {
        /// The part.
        what: &'static str,
        /// The reference.
        text: String,
    },
    /// A character that the part cannot hold, or not there.
    #[error("{what} in `{text}` cannot have {found:?} there; it is {allowed}")]
    Character {
        /// The part.
        what: &'static str,
        /// The reference.
        text: String,
        /// The character.
        found: char,
        /// What the part is made of.
        allowed: &'static str,
    },
    /// What is no bindle server's address: no URL, or one with a user name, a password or a query.
    #[error(
        "`{text}` does not say where a bindle server is; write `https://bindle.example/v1/` for it, credentials are set \
         apart"
    )]
    Server {
        /// The reference, or the address alone, without what stands before the last `@`.
        text: String,
    },
    /// A bindle without a version.
    #[error("`{text}` has no version at its end; write `bindle://name/1.2.3`")]
    Version {
        /// The reference.
        text: String,
    },
}

/// `text` as an error may repeat it: without what could be a password, and not too long.
pub(super) fn shown(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + "://".len());
    let secret = text.match_indices('@').map(|(at, _)| at).rfind(|at| !text[at + 1..].starts_with("sha256:"));
    match secret {
        Some(at) if at >= start => shortened(&format!("{}…{}", &text[..start], &text[at..]), SHOWN),
        _ => shortened(text, SHOWN),
    }
}
