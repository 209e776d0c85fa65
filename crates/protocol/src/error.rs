//! What can be wrong with text and bytes that claim to be part of the protocol.

use crate::id::KeyKind;

/// Why a text is not the identifier it was read as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text is empty.
    #[error("{what} must not be empty")]
    Empty {
        /// The identifier's name, as people say it.
        what: &'static str,
    },
    /// The text is longer than the identifier may be.
    #[error("{what} has {length} characters, at most {max} are allowed")]
    TooLong {
        /// The identifier's name.
        what: &'static str,
        /// The length found, in bytes.
        length: usize,
        /// The length allowed, in bytes.
        max: usize,
    },
    /// A character that the identifier cannot hold.
    #[error("{what} `{text}` contains {found:?}; allowed are {allowed}")]
    Character {
        /// The identifier's name.
        what: &'static str,
        /// The text, shortened if it is long.
        text: String,
        /// The first character that is not allowed.
        found: char,
        /// The characters that are.
        allowed: &'static str,
    },
    /// A text that the protocol gives another meaning.
    #[error("{what} must not be `{text}`: {reason}")]
    Reserved {
        /// The identifier's name.
        what: &'static str,
        /// The text.
        text: String,
        /// What the text means elsewhere.
        reason: &'static str,
    },
    /// Not the text form of any key: length, alphabet or checksum are wrong.
    #[error("`{text}` is not {kind}: {reason}")]
    NotAKey {
        /// The text, shortened if it is long.
        text: String,
        /// What was expected.
        kind: KeyKind,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A sound key of another kind.
    #[error("`{text}` is {found}, expected {kind}")]
    OtherKind {
        /// The key.
        text: String,
        /// What was expected.
        kind: KeyKind,
        /// What it is.
        found: KeyKind,
    },
    /// A secret seed where a public key belongs. The text is not repeated.
    #[error("a secret seed was given where {kind} belongs")]
    Seed {
        /// What was expected.
        kind: KeyKind,
    },
}

/// Why bytes could not be read as a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No bytes at all where a body is required.
    #[error("the body is empty")]
    Empty,
    /// More bytes than this message may have.
    #[error("the body has {size} bytes, at most {max} are accepted")]
    TooLarge {
        /// Bytes received.
        size: usize,
        /// Bytes accepted.
        max: usize,
    },
    /// The bytes are not JSON, or JSON of another shape.
    #[error("not valid JSON of this shape at `{path}`")]
    Json {
        /// Where in the document, `.` for its root.
        path: String,
        /// What the decoder says.
        source: serde_json::Error,
    },
    /// The bytes are not MessagePack, or MessagePack of another shape.
    #[error("not valid MessagePack of this shape at `{path}`")]
    MessagePack {
        /// Where in the document, `.` for its root.
        path: String,
        /// What the decoder says.
        source: rmp_serde::decode::Error,
    },
    /// A list, a number or anything else where a map with text keys is required.
    #[error("not a map with text keys")]
    NotAMap,
    /// A map in which no key is known: most likely a message meant for something else.
    #[error("none of its keys is known here; expected are {expected}")]
    UnknownKeys {
        /// The keys that the message may hold.
        expected: String,
    },
}

/// Why a text is not a subject, or not one that is understood here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// A prefix that is no sequence of subject tokens.
    #[error("topic prefix `{text}` is not a sequence of subject tokens: {reason}")]
    Prefix {
        /// The text.
        text: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A subject outside the prefix and lattice it was read under.
    #[error("subject `{subject}` is not under `{prefix}`")]
    Elsewhere {
        /// The subject.
        subject: String,
        /// Prefix and lattice.
        prefix: String,
    },
    /// A subject of this lattice that means nothing.
    #[error("unsupported subject `{subject}`")]
    Unsupported {
        /// The subject.
        subject: String,
    },
    /// An identifier inside the subject is malformed.
    #[error("subject `{subject}` holds a malformed identifier")]
    Identifier {
        /// The subject.
        subject: String,
        /// What is wrong with it.
        source: IdError,
    },
}

/// An error with its causes on one line, as answers carry it.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
