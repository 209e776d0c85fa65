//! Constants, each with the reason for its value.

use std::time::Duration;

/// How many calls one server works on at a time before it answers that it is overloaded. Above what an actor's own
/// queue holds, so that the actor, which knows its limits, is the one who refuses.
pub(crate) const IN_FLIGHT: usize = 1024;

/// How many bytes the calls that one server works on may have together: 16 of the largest messages of the broker that we
/// start, or 1,024 calls of 128 KiB. It bounds memory whatever the number of calls is set to.
pub(crate) const IN_FLIGHT_BYTES: u32 = 128 << 20;

/// The largest payload of a call, and of its answer, unless another one is chosen: twice what an actor takes, and a quarter
/// of [`IN_FLIGHT_BYTES`], so that a few of the largest are no overload.
pub(crate) const LARGEST_PAYLOAD: usize = 32 << 20;

/// A payload of more bytes goes through the object store. Published hosts take one for such only above this, and the SDKs
/// of wasmbus-rpc 0.11 and wasmCloud 0.82 send by it; it is what they leave of the 1 MiB that NATS servers carry.
pub(crate) const CHUNKED_ABOVE: usize = 900 << 10;

/// What stands around the payload in a message, if the NATS server carries less than its usual 1 MiB: far more than keys,
/// names and claims have together.
pub(crate) const MESSAGE_FRAME: usize = 8 << 10;

/// How long a payload stays in a bucket that we made when nobody fetches it: far longer than between its being stored and
/// its being read, which are next to each other in a call.
pub(crate) const PAYLOAD_AGE: Duration = Duration::from_secs(600);

/// How much longer a caller who did not choose waits when a payload goes through the object store, as published SDKs and
/// hosts do (wasmbus-rpc 0.15 `rpc_client.rs`, wasmCloud 0.82 `crates/core/src/chunking.rs`).
pub(crate) const CHUNKED_EXTRA: Duration = Duration::from_secs(13);

/// The longest id that an object is named by. Published ids have 32 or 36 characters; a subject must fit into the 4 KiB that
/// NATS servers read as one line, or the connection ends.
pub(crate) const LONGEST_OBJECT_ID: usize = 128;

/// How long until it is looked again for what a replica of the object store did not have, which doubles each time, and how
/// often: a second in all. Replicas differ for milliseconds.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(8);
pub(crate) const PAUSES: u32 = 7;

/// How many parts of an object are asked for at once, usually of 128 KiB: enough that one way to the server and back
/// does not decide how long a payload takes, and half of what a message may carry.
pub(crate) const PARTS_AT_ONCE: usize = 4;

/// How long the removal of an object may take, which is two round trips. What is left expires.
pub(crate) const DISCARD_LIMIT: Duration = Duration::from_secs(2);

/// How long a caller waits who did not choose: published hosts and providers wait two seconds.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// No call waits longer, which keeps every deadline within what clocks can add up.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(365 * 86_400);

/// How long a call may take whose caller did not say. Published hosts wait for ever, published providers two seconds;
/// whoever still waits after half a minute has most likely given up.
pub(crate) const UNTOLD_DEADLINE: Duration = Duration::from_secs(30);

/// How long one round trip to the NATS server may take that only confirms a subscription.
pub(crate) const ROUND_TRIP: Duration = Duration::from_secs(2);

/// A server that had a call this recently counts as busy when it stops. Rarer calls hardly ever arrive in the moment of
/// unsubscribing.
pub(crate) const BUSY: Duration = Duration::from_millis(250);

/// How many calls a busy server still takes when it stops, beside as many as are running: more than can be on their way.
pub(crate) const RETREAT_CALLS: u64 = 16;

/// No call for this long means that none is on its way: many round trips to a NATS server nearby.
pub(crate) const RETREAT_SILENCE: Duration = Duration::from_millis(50);

/// How long a busy server may take to stop taking calls; whoever stops it waits for that.
pub(crate) const RETREAT_LIMIT: Duration = Duration::from_millis(500);

/// How long calls that were told to end may take to say so.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long whoever enters a direct door may take to show a ticket, and the door to look at it. Both are on one machine.
pub(crate) const DIRECT_ENTER: Duration = Duration::from_secs(2);

/// How many providers a door lets in at once, far more than a host has; others wait.
pub(crate) const DIRECT_CONNECTIONS: usize = 1024;

/// How long a door waits after it could not let somebody in, because of too many open files for instance.
pub(crate) const DIRECT_ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many calls of one provider are worked on at once through a door. Each actor has limits of its own; this one bounds the
/// memory of a provider that calls many.
pub(crate) const DIRECT_CALLS: usize = 16 * IN_FLIGHT;

/// How many frames may wait for being written: as many calls as one actor takes, of which most are small.
pub(crate) const DIRECT_WAITING: usize = IN_FLIGHT;

/// How many frames are written together.
pub(crate) const DIRECT_WRITTEN: usize = 64;

/// A payload of at most so many bytes is copied behind its head, for one write less; a larger one is written as it is.
pub(crate) const DIRECT_JOINED: usize = 16 << 10;

/// Bytes of a frame beside its payload, at most: keys, names, and a trace, with much to spare.
pub(crate) const DIRECT_HEAD: usize = 64 << 10;

/// Nested deeper than any invocation; the limit keeps damaged bytes from exhausting the stack.
pub(crate) const MAX_DEPTH: usize = 32;

/// The id in answers to invocations that could not be read, as published hosts write it.
pub(crate) const UNKNOWN_ID: &str = "UNKNOWN";
