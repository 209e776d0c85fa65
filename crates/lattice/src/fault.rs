//! What goes wrong, as people and programs are told: a code, a message, its causes and what to do.
//!
//! Commands return `anyhow::Error`. Where a command knows more than a message it returns a [`Fault`]; what libraries
//! return is classified in `diagnosis`.

use std::fmt;

use serde::Serialize;

use crate::exit::Exit;

/// The kind of a failure. Programs find it as `error.code` with `-o json`, in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    /// It was tried and did not succeed.
    Failed,
    /// A file is no module, or its claims are not in order.
    InvalidModule,
    /// A file is no provider archive, or no program for one, or not what was signed.
    InvalidArchive,
    /// An answer came and could not be read.
    Unreadable,
    /// The command line is wrong.
    Usage,
    /// Several things go by the name that was given.
    Ambiguous,
    /// Nothing listens where the broker should be, or it cannot be reached.
    Unreachable,
    /// Something listens, but no NATS server.
    NotNats,
    /// The NATS server is too old.
    NatsTooOld,
    /// The NATS server runs without JetStream.
    NoJetStream,
    /// The broker does not accept the credentials, or what they allow does not suffice.
    Unauthorized,
    /// No host answers in the lattice.
    NoHosts,
    /// What was named does not exist.
    NotFound,
    /// Nothing runs in this data directory.
    NotRunning,
    /// A host understood and refused.
    Refused,
    /// No answer in time: what was asked for may still happen.
    TimedOut,
    /// Settings are wrong: environment, context, configuration file, keys or directories.
    Configuration,
    /// A Ctrl-C ended it without a result, or a second one cut an ordered stop short.
    Interrupted,
}

impl Code {
    /// All of them, by exit code.
    #[cfg(test)]
    pub(crate) const ALL: [Code; 18] = [
        Code::Failed,
        Code::InvalidModule,
        Code::InvalidArchive,
        Code::Unreadable,
        Code::Usage,
        Code::Ambiguous,
        Code::Unreachable,
        Code::NotNats,
        Code::NatsTooOld,
        Code::NoJetStream,
        Code::NoHosts,
        Code::NotFound,
        Code::NotRunning,
        Code::Refused,
        Code::Unauthorized,
        Code::TimedOut,
        Code::Configuration,
        Code::Interrupted,
    ];

    /// What the process exits with.
    pub(crate) fn exit(self) -> Exit {
        match self {
            Code::Failed | Code::InvalidModule | Code::InvalidArchive | Code::Unreadable => Exit::Failed,
            Code::Usage | Code::Ambiguous => Exit::Usage,
            Code::Unreachable
            | Code::NotNats
            | Code::NatsTooOld
            | Code::NoJetStream
            | Code::NoHosts
            | Code::NotFound
            | Code::NotRunning => Exit::NobodyThere,
            Code::Refused | Code::Unauthorized => Exit::Refused,
            Code::TimedOut => Exit::OutcomeUnknown,
            Code::Configuration => Exit::Configuration,
            Code::Interrupted => Exit::Interrupted,
        }
    }
}

/// A failure that the document says which the command has printed: there is nothing to add to it.
#[derive(Debug, thiserror::Error)]
#[error("the printed document tells of a failure")]
pub(crate) struct Told(pub(crate) Code);

/// A failure that a command explains itself.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Its kind.
    pub(crate) code: Code,
    /// What failed here.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    cause: Option<anyhow::Error>,
}

impl Fault {
    /// A failure without cause and hint.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, cause: None }
    }

    /// With what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With why it came to this.
    #[must_use]
    pub(crate) fn caused_by(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as _)
    }
}
