//! Constants, each with the reason for its value.

use std::time::Duration;

/// Rounds of each measure. The median of twenty moves little when one or two of them are disturbed.
pub const ROUNDS: usize = 20;

/// The most rounds that a plan may ask for: minutes already, and what is noted of each stays small.
pub const MAX_ROUNDS: usize = 1000;

/// Requests of one round with one caller: about 20 ms on one machine, above what a scheduler's slice adds to it.
pub(crate) const REQUESTS: usize = 200;

/// Requests of one round with many callers: fifty of each.
pub(crate) const CROWD_REQUESTS: usize = 1600;

/// Callers at the same time, where throughput is measured.
pub(crate) const CROWD: usize = 32;

/// HTTP requests of one round with many connections: a hundred of each.
pub(crate) const HTTP_REQUESTS: usize = 5000;

/// HTTP connections at the same time.
pub(crate) const HTTP_CONNECTIONS: usize = 50;

/// Answers that the gathers of one round bring together: as many of few hosts as one of a thousand has.
pub(crate) const GATHERED: usize = 1000;

/// Warm starts of one round, two hundred in all. Each takes some milliseconds, and a stop that is not measured.
pub(crate) const WARM_STARTS: usize = 10;

/// Cold starts of one round. Compiling takes part of a second, and each leaves a module in the host's caches.
pub(crate) const COLD_STARTS: usize = 1;

/// Bytes of the artifacts that are fetched: a large module, and a large provider archive.
pub(crate) const MEGABYTE: usize = 1 << 20;
pub(crate) const TWENTY_MEGABYTES: usize = 20 << 20;

/// Fetches of one round: each stores an artifact, and leaves it in the host's cache.
pub(crate) const FETCHES: usize = 1;

/// The most rounds of fetches, which would otherwise drive out of the cache what others have there.
pub(crate) const FETCH_ROUNDS: usize = 5;

/// The bytes in which the lattice's own store has artifacts, as every client of object stores writes them.
pub(crate) const PIECE: usize = 128 << 10;

/// How many of them a host asks for at once.
pub(crate) const PIECES_AT_ONCE: usize = 8;

/// Live updates of one round. Each compiles a module, and leaves it in the host's caches.
pub(crate) const UPDATES: usize = 1;

/// Callers beside the updates: more than there are cores on small machines, so that some call always waits.
pub(crate) const UPDATE_CALLERS: usize = 8;

/// How long one burst of requests may take before it ends with what it has: a lattice far away gets fewer requests, and
/// the whole run still ends within a minute or two.
pub(crate) const BURST_LIMIT: Duration = Duration::from_millis(500);

/// How long what an overloaded actor asks for takes: with one place, it gets a hundred calls done in a second, and has
/// hardly anything to do.
pub(crate) const SLOW_ANSWER: Duration = Duration::from_millis(10);

/// How long between the calls that an overloaded actor is sent: ten times what it can do.
pub(crate) const OVERLOAD_PAUSE: Duration = Duration::from_millis(1);

/// How long those calls wait, so that those that wait in its queue are gone soon after.
pub(crate) const OVERLOAD_DEADLINE: Duration = Duration::from_millis(100);

/// Bytes of a call on its way, payload, claims and names together: what is sent to a bare responder in its place.
pub(crate) const CALL_SIZE: usize = 1200;

/// Bytes of a call's payload and of its answer: a small message, so that what is measured is the path and not copying.
pub(crate) const PAYLOAD: usize = 128;

/// How long a call may take; the actor answers within a millisecond.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// How long a start or a stop may take: compiling on a busy machine, with some to spare.
pub(crate) const OPERATION_DEADLINE: Duration = Duration::from_secs(60);

/// How long the responder's process may take to be ready, and to end: it connects once.
pub(crate) const RESPONDER_DEADLINE: Duration = Duration::from_secs(10);

/// How long the responder waits for its own message. Less than its process has in all, so that it can still say why not.
pub(crate) const CONFIRM_DEADLINE: Duration = Duration::from_secs(5);

/// What the subjects of a responder start with. Hosts and clients of a lattice use none below it.
pub(crate) const SUBJECT_PREFIX: &str = "lattice.bench";

/// The link name of the bench's providers and links, which others hardly use.
pub(crate) const LINK_NAME: &str = "lattice-bench";

/// How long a link may take from put to in force: the provider's process gets it, and binds a port.
pub(crate) const LINK_DEADLINE: Duration = Duration::from_secs(15);

/// How long to wait between looking whether a link is in force.
pub(crate) const LINK_PAUSE: Duration = Duration::from_millis(20);

/// The annotation by which instances are recognised that a bench has started.
pub(crate) const ANNOTATION: (&str, &str) = ("lattice-bench", "true");
