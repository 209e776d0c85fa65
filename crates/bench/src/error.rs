//! Why something could not be measured.

use std::{io, net::SocketAddr, path::PathBuf, process::ExitStatus, time::Duration};

use lattice_artifact::ReferenceError;
use lattice_claims::ModuleClaimsError;
use lattice_client::{CallError, PushError, RequestError, WaitError};

/// Why a measure could not be taken, or what it started could not be stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The floor's responder does not answer.
    #[error("the responder of the floor does not answer")]
    Floor {
        /// What the NATS client says.
        source: async_nats::RequestError,
    },
    /// The host does not answer a query as it should.
    #[error("the host does not answer the query")]
    Query {
        /// What went wrong.
        source: RequestError,
    },
    /// The bench cannot listen where its actor asks.
    #[error("the bench cannot subscribe to `{subject}`")]
    Subscribe {
        /// The subject.
        subject: String,
        /// What the NATS client says.
        source: async_nats::SubscribeError,
    },
    /// Not every host answered a gather.
    #[error("{answered} of {hosts} hosts answered")]
    Incomplete {
        /// How many did.
        answered: usize,
        /// How many there are.
        hosts: usize,
    },
    /// The query could not be asked beside the client, to learn the size of its answer.
    #[error("the size of the query's answer cannot be learnt")]
    AnswerSize {
        /// What the NATS client says.
        source: async_nats::RequestError,
    },
    /// The host does not say how long an update kept calls from either version.
    #[error("the host's record of the update does not tell how long the swap took")]
    NoSwap,
    /// The host does not say how long it fetched.
    #[error("the host's record of the fetch does not tell its phases")]
    NoCourse,
    /// The bench's module cannot be stored in the lattice.
    #[error("the bench's module cannot be stored in the lattice for the host")]
    Store {
        /// What went wrong.
        source: PushError,
    },
    /// No host bids in an auction for the bench's module.
    #[error("the host does not bid for the bench's actor")]
    NoBid,
    /// The bench's module cannot be signed.
    #[error("the bench's module cannot be signed")]
    Sign {
        /// What is wrong.
        source: ModuleClaimsError,
    },
    /// The bench's module cannot be put where the host can read it.
    #[error("the bench's module cannot be written to `{}`", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The path of the bench's module is none that a host can be told.
    #[error("a host cannot be told of `{}`", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// The host does not take a command about the bench's actor or one of its providers.
    #[error("the host does not take the command to {what}")]
    Command {
        /// `start the actor`, for instance.
        what: &'static str,
        /// What the host or the connection says.
        source: RequestError,
    },
    /// The host did not do what it was to.
    #[error("the host did not {what}")]
    Operation {
        /// `start the actor`, for instance.
        what: &'static str,
        /// What became of it.
        source: Box<WaitError>,
    },
    /// The host does not tell of a provider that it has started.
    #[error("the host's inventory does not have the provider `{reference}` that it has started")]
    NoProvider {
        /// The provider's image.
        reference: &'static str,
    },
    /// There is no free port on this machine.
    #[error("there is no free port on this machine")]
    NoPort {
        /// What the system says.
        source: io::Error,
    },
    /// Nobody listens where a link says.
    #[error("there is no connection to {address}, where the bench's link has the HTTP server listen")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// No HTTP with whoever listens there.
    #[error("{address} does not answer as an HTTP server")]
    Http {
        /// Where.
        address: SocketAddr,
        /// What is wrong.
        source: hyper::Error,
    },
    /// A page was not answered well.
    #[error("`{path}` is answered with status {status}")]
    Status {
        /// The page.
        path: &'static str,
        /// The status.
        status: u16,
    },
    /// There is nothing to sign calls with.
    #[error("calls are signed with a cluster seed, and none is known")]
    NoSigner,
    /// A call failed.
    #[error("the bench's actor cannot be called")]
    Call {
        /// What went wrong.
        source: CallError,
    },
    /// The actor answers with something else than it should.
    #[error("the bench's actor was sent {sent} bytes and did not answer as it should")]
    WrongAnswer {
        /// How many.
        sent: usize,
    },
}

/// Why there is no responder for the floor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResponderError {
    /// Its process cannot be started.
    #[error("the responder's process cannot be started")]
    Spawn {
        /// What the system says.
        source: io::Error,
    },
    /// Its process ended before it was ready.
    #[error("the responder's process ended before it was ready: {status}")]
    Ended {
        /// How.
        status: ExitStatus,
    },
    /// Its process is not ready in time.
    #[error("the responder's process is not ready after {waited:?}")]
    NotReady {
        /// How long was waited.
        waited: Duration,
    },
    /// The pipes to its process broke.
    #[error("the responder's process cannot be spoken with")]
    Pipe {
        /// What the system says.
        source: io::Error,
    },
    /// The responder cannot subscribe.
    #[error("the responder cannot subscribe to `{subject}`")]
    Subscribe {
        /// The subject.
        subject: String,
        /// What the NATS client says.
        source: async_nats::SubscribeError,
    },
    /// Nothing comes back over the subscription.
    #[error("the server does not deliver what is sent to `{subject}`")]
    Unconfirmed {
        /// The subject.
        subject: String,
    },
}

/// An error with its causes, as one line for a report.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    // Some libraries repeat their cause in their own text.
    texts.dedup_by(|later, earlier| earlier.ends_with(later.as_str()));
    texts.join(": ")
}
