//! Asking many at once: one message goes out, and answers are collected until all members of the lattice have answered.
//!
//! Whoever belongs to the lattice is asked of any host at the same time, so that it is known whom to wait for. A member
//! that is silent a little after the others is asked directly whether it is there: one that is gone is not waited for,
//! and any other until the timeout, when it is named missing. Where hosts of other projects are about, who are not all
//! known, a gather also goes on until it has been quiet for a while. The rules are in `roll`, as values without a clock.

mod driver;
mod roll;
mod stream;

use std::{error::Error, fmt, pin::Pin};

use futures::Stream;
use lattice_protocol::{ControlSubject, HostKey, Members};
use serde::de::DeserializeOwned;

use crate::{
    client::Client,
    defaults::{MEMBERS_AGAIN, MEMBERS_ASKED},
    request::{Again, Outgoing, RequestError, read_answer},
};
pub use stream::GatherStream;
pub(crate) use stream::{Event, Part};

/// What a gather brought together.
#[derive(Debug)]
#[non_exhaustive]
pub struct Gathered<T> {
    /// What was answered, by each host once, in the order in which it came.
    pub items: Vec<T>,
    /// What was wrong with answers that are not among the items.
    pub errors: Vec<RequestError>,
    /// The hosts that belong to the lattice and did not answer. One that is gone is not among them.
    pub missing: Vec<Missing>,
    /// Whether every host that belongs to the lattice answered, and well. False also when no host could tell who does.
    pub complete: bool,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self { items: Vec::new(), errors: Vec::new(), missing: Vec::new(), complete: false }
    }
}

impl<T> Gathered<T> {
    /// Whether nobody answered and nobody is known to be there: the lattice has no hosts, or none that can be reached.
    pub fn is_silent(&self) -> bool {
        self.items.is_empty() && self.errors.is_empty() && self.missing.is_empty()
    }

    /// The items, if they are all that there is.
    ///
    /// # Errors
    /// [`Incomplete`] names the hosts that are missing and what could not be read.
    pub fn into_complete(self) -> Result<Vec<T>, Incomplete> {
        match self.complete {
            true => Ok(self.items),
            false => Err(Incomplete { missing: self.missing, errors: self.errors }),
        }
    }
}

/// How a gather ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The hosts that belong to the lattice and did not answer, see [`Gathered::missing`].
    pub missing: Vec<Missing>,
    /// Whether every host that belongs to the lattice answered, and well.
    pub complete: bool,
}

/// A host that belongs to the lattice and did not answer. Its text is its name with the start of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// The host.
    pub host_id: HostKey,
    /// The name people use for it; empty if it is not known.
    pub friendly_name: String,
    /// Whether it is a host of another project.
    pub foreign: bool,
    /// Whether it answered when it was asked directly whether it is there: then it is slow, or its answer is one of those
    /// that could not be read and do not say whose they are.
    pub is_there: bool,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.friendly_name.as_str() {
            "" => write!(f, "{}", self.host_id),
            name => write!(f, "{name} ({:.8}…)", self.host_id),
        }
    }
}

/// Why what was gathered is not all that there is. Its source is the first of the errors.
#[derive(Debug)]
#[non_exhaustive]
pub struct Incomplete {
    /// The hosts that did not answer.
    pub missing: Vec<Missing>,
    /// What was wrong with answers. If both lists are empty, no host could tell which hosts there are.
    pub errors: Vec<RequestError>,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answers are not complete: ")?;
        let missing: Vec<String> = self.missing.iter().map(Missing::to_string).collect();
        match (missing.as_slice(), self.errors.len()) {
            ([], 0) => f.write_str("no host could tell which hosts there are"),
            ([], errors) => write!(f, "{errors} cannot be used"),
            (_, 0) => write!(f, "nothing came from {}", missing.join(", ")),
            (_, errors) => write!(f, "nothing came from {}, and {errors} cannot be used", missing.join(", ")),
        }
    }
}

impl Error for Incomplete {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.errors.first().map(|error| error as _)
    }
}

/// A question to all hosts, and what an answer to it is.
pub(crate) struct Question<T> {
    pub(crate) request: Outgoing,
    /// Reads an answer, which came on this subject.
    pub(crate) read: fn(&str, &[u8]) -> Result<T, RequestError>,
    /// Which host an answer is from, if it says so.
    pub(crate) sender: fn(&T) -> Option<HostKey>,
    /// Whether hosts of other projects may say nothing and mean something by it, as those that do not bid do.
    pub(crate) silence_is_an_answer: bool,
}

impl<T: DeserializeOwned> Question<T> {
    pub(crate) fn new(request: Outgoing, sender: fn(&T) -> Option<HostKey>) -> Self {
        Self { request, read: read_answer, sender, silence_is_an_answer: false }
    }
}

impl Client {
    /// Publishes once and collects the answers, one of each host.
    ///
    /// # Errors
    /// That nobody answers although somebody listens, and nobody tells who that is; that the connection is closed.
    pub(crate) async fn gather<T: Send + 'static>(&self, question: Question<T>) -> Result<Gathered<T>, RequestError> {
        self.gather_stream(question).await?.into_gathered().await
    }

    /// The members of the lattice, as one of its hosts knows them. A host that does not answer costs a moment: another
    /// one is asked besides.
    pub(crate) async fn ask_members(&self) -> Result<Members, RequestError> {
        let request = Outgoing::query(self, self.subjects().build(&ControlSubject::Members));
        self.query_any(request, Again { after: MEMBERS_AGAIN, at_most: MEMBERS_ASKED }).await
    }
}

/// A stream of its own, whatever it is made of.
pub(crate) type Boxed<T> = Pin<Box<dyn Stream<Item = T> + Send>>;
