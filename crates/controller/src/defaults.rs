//! Constants, each with the reason for its value.

use std::time::Duration;

use crate::margin::Margin;

/// How long before the caller stops waiting it is answered, as a part of the time that it waits: the way back, many times over,
/// also where hundreds are answered at the same time.
pub(crate) const ANSWERING: Margin =
    Margin { part: 10, least: Duration::from_millis(100), most: Duration::from_millis(500) };

/// How long silent hosts are waited for unless the link says otherwise, as in published providers.
pub(crate) const GATHER_LIMIT: Duration = Duration::from_secs(2);

/// Requests in a second unless the link says otherwise: more than an actor needs that reacts to what it sees, and few for the
/// hosts.
pub(crate) const REQUESTS_PER_SECOND: u32 = 50;

/// Calls of one actor that are worked on at once; the others wait.
pub(crate) const CALLS_AT_ONCE: usize = 32;

/// Calls of one actor that wait. With those of other actors they fit into what the SDK takes on at once.
pub(crate) const CALLS_WAITING: usize = 224;

/// Bytes of an argument that is fetched at all: much more than any that can be meant, so that who sends too much hears why, and
/// little beside what all calls may hold at once.
pub(crate) const FETCHED_BYTES: usize = 8 << 20;

/// Bytes of an argument with the longest configuration: half a million characters of four bytes each, and what stands around it.
pub(crate) const CONFIGURED_BYTES: usize = 2 << 20;

/// Bytes of any other argument: link values with certificates in them fit, and what all calls of an actor hold that wait is little.
pub(crate) const ARGUMENT_BYTES: usize = 256 << 10;

/// Values in an argument, keys of maps included: far more than labels, annotations and registries that anybody has.
pub(crate) const ARGUMENT_VALUES: usize = 10_000;

/// Nested deeper than any argument, shallow enough for every stack.
pub(crate) const ARGUMENT_DEPTH: usize = 64;

/// Characters of a provider's configuration. Source: wasmCloud/interfaces `lattice-control-interface.smithy`.
pub(crate) const CONFIGURATION: usize = 500_000;

/// Bytes of a JWT; those of users have a few hundred, with long lists of permissions some thousands.
pub(crate) const JWT_BYTES: usize = 64 << 10;

/// Bytes of a list of URLs.
pub(crate) const URL_BYTES: usize = 4 << 10;

/// Lattices for which one actor has credentials: each may hold a connection open.
pub(crate) const LATTICES: usize = 64;

/// Lattices of one actor of which is known that there were credentials.
pub(crate) const LATTICES_KNOWN: usize = 256;

/// How long the question is waited for whether there is JetStream: users without the right to ask get no answer.
pub(crate) const JETSTREAM_PATIENCE: Duration = Duration::from_millis(500);

/// After how long without a call a connection is closed, as in published providers.
pub(crate) const IDLE: Duration = Duration::from_secs(600);

/// How often it is looked for what is idle, expired or left behind.
pub(crate) const SWEEP: Duration = Duration::from_secs(10);

/// How long credentials of an actor without a link are kept: another instance may be told of the link a little earlier.
pub(crate) const UNLINKED: Duration = Duration::from_secs(60);

/// How often a connection that breaks is tried to be restored: the next call makes a new one, and hears why if it cannot.
pub(crate) const RECONNECTS: usize = 2;

/// How long other instances are told that credentials do not count after all.
pub(crate) const REVERTING: Duration = Duration::from_secs(5);

/// How much of a call's time one request to a host may take, in tenths: where it stays unanswered there is time to ask whether
/// it arrived.
pub(crate) const REQUEST_SHARE: u32 = 6;

/// How long before its answer is due what a call waits for is given up, as a part of the time that it has: what came of it has to
/// be put together and said.
pub(crate) const SLACK: Margin =
    Margin { part: 20, least: Duration::from_millis(20), most: Duration::from_millis(200) };
