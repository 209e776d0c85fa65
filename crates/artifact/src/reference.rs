//! References: the texts that name where an artifact comes from, parsed in one place for every scheme.

mod bindle;
mod error;
mod file;
mod named;
mod oci;
mod part;

use std::{fmt, hash, path::Path, str::FromStr};

use serde::{Deserialize, Serialize};

pub use self::{
    bindle::{BindleReference, BindleServer},
    error::ReferenceError,
    file::FileReference,
    named::{BuiltinReference, ObjectReference},
    oci::OciReference,
};

/// A path may have 4,096 bytes on Linux, each of which takes up to three characters here.
const MAX_LENGTH: usize = "file://".len() + 3 * 4096;

/// Where an artifact comes from.
///
/// | form | is |
/// |---|---|
/// | `file:///absolute/path` | a file of the machine that fetches, with `%20` and the like decoded |
/// | `registry.host/name[:tag][@sha256:…]`, also with `oci://` before it | an artifact in an OCI registry |
/// | `nats://NAME[:TAG]` | an object in the lattice's own store |
/// | `bindle://NAME/VERSION[@https://HOST/v1/]` | an invoice on a bindle server, the configured one if none is named |
/// | `builtin://NAME` | a capability provider that is part of the program |
///
/// It is shown as it was written, and two references are equal if they name the same place. User names and passwords
/// cannot be part of one, so it may be logged.
///
/// ```
/// use lattice_artifact::{Reference, Target};
///
/// let reference: Reference = "oci://ghcr.io/acme/hello:1.0".parse()?;
/// assert_eq!(reference, "ghcr.io/acme/hello:1.0".parse()?);
/// assert_eq!(reference.to_string(), "oci://ghcr.io/acme/hello:1.0");
///
/// let reference: Reference = "file:///tmp/my%20actor.wasm".parse()?;
/// let Target::File(file) = reference.target() else { unreachable!() };
/// assert_eq!(file.path().to_str(), Some("/tmp/my actor.wasm"));
/// # Ok::<(), lattice_artifact::ReferenceError>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    text: String,
    target: Target,
}

/// What a reference names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// A file.
    File(FileReference),
    /// An artifact in an OCI registry.
    Oci(OciReference),
    /// An object in the lattice's own store.
    Object(ObjectReference),
    /// An invoice on a bindle server.
    Bindle(BindleReference),
    /// A part of the program itself.
    Builtin(BuiltinReference),
}

impl Reference {
    /// The reference to the file at `path`.
    ///
    /// # Errors
    /// The path is relative: only the caller knows to what.
    pub fn from_path(path: &Path) -> Result<Self, ReferenceError> {
        let file = FileReference::new(path)?;
        let text = file.to_text();
        check_length(&text)?;
        Ok(Self { text, target: Target::File(file) })
    }

    /// The text, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the text names.
    pub fn target(&self) -> &Target {
        &self.target
    }
}

fn parse(text: &str) -> Result<Target, ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::Empty);
    }
    check_length(text)?;
    if let Some(found) = text.chars().find(|c| c.is_control()) {
        return Err(part::WHOLE.refuse(text, found));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return parse_bare(text);
    };
    match scheme.to_ascii_lowercase().as_str() {
        "file" => FileReference::parse(rest, text).map(Target::File),
        "oci" => OciReference::parse(rest, text).map(Target::Oci),
        "nats" => ObjectReference::parse(rest, text).map(Target::Object),
        "bindle" => BindleReference::parse(rest, text).map(Target::Bindle),
        "builtin" => BuiltinReference::parse(rest, text).map(Target::Builtin),
        _ => Err(ReferenceError::Scheme { scheme: error::shown(scheme) }),
    }
}

fn parse_bare(text: &str) -> Result<Target, ReferenceError> {
    match text.starts_with(['/', '.', '~']) || text.starts_with("file:") {
        true => Err(ReferenceError::File { text: error::shown(text) }),
        false => OciReference::parse(text, text).map(Target::Oci),
    }
}

fn check_length(text: &str) -> Result<(), ReferenceError> {
    match text.len() {
        0..=MAX_LENGTH => Ok(()),
        length => Err(ReferenceError::TooLong { what: part::WHOLE.what, length, max: MAX_LENGTH }),
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        let target = parse(&text)?;
        Ok(Self { text, target })
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> String {
        reference.text
    }
}

impl PartialEq for Reference {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target
    }
}

impl Eq for Reference {}

impl hash::Hash for Reference {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.target.hash(state);
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests;
