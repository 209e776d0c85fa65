//! Constants, each with the reason for its value.

use std::time::Duration;

/// How many calls one server works on at a time before it answers that it is overloaded. Above what an actor's own
/// queue holds, so that the actor, which knows its limits, is the one who refuses.
pub(crate) const IN_FLIGHT: usize = 1024;

/// How many bytes the calls that one server works on may have together: 16 of the largest messages of the broker that we
/// start, or 1,024 calls of 128 KiB. It bounds memory whatever the number of calls is set to.
pub(crate) const IN_FLIGHT_BYTES: u32 = 128 << 20;

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

/// Nested deeper than any invocation; the limit keeps damaged bytes from exhausting the stack.
pub(crate) const MAX_DEPTH: usize = 32;

/// The id in answers to invocations that could not be read, as published hosts write it.
pub(crate) const UNKNOWN_ID: &str = "UNKNOWN";
