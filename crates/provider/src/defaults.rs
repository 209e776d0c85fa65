//! Constants, each with the reason for its value.

use std::time::Duration;

/// Where NATS is when the host does not say, as published SDKs have it.
pub(crate) const NATS_URL: &str = "nats://127.0.0.1:4222";

/// How long the first connection to NATS may take: what listens nearby answers in milliseconds, and a host that waits for
/// its provider wants to hear that something is wrong.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Under what hosts and callers wait for answers. Nothing is sent elsewhere on a message's word.
pub(crate) const INBOX_PREFIX: &str = "_INBOX";

/// How long a call waits when the host does not say, as in published SDKs.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// No host makes calls wait longer by what it says, which keeps every deadline within what clocks can add up.
pub(crate) const LONGEST_CALL: Duration = Duration::from_secs(86_400);

/// How long one round trip to the NATS server may take that only confirms subscriptions or answers.
pub(crate) const ROUND_TRIP: Duration = Duration::from_secs(2);

/// Bytes of the line that a host writes: half a million characters of configuration and tens of thousands of links fit.
pub(crate) const LONGEST_LINE: u64 = 64 << 20;

/// How many actors' links are put or deleted at once. Enough to connect to many backends side by side, few enough to
/// overrun none.
pub(crate) const CHANGES_AT_ONCE: usize = 64;

/// How many changes of links may wait. Each host repeats each link when it starts, so that a large lattice sends
/// thousands while a slow one is worked on.
pub(crate) const CHANGES_WAITING: usize = 4096;

/// How long a provider may take over one link, a connection to a backend for instance: longer than anybody waits for the
/// answer, short enough that later changes of the link come to pass.
pub(crate) const CHANGE_LIMIT: Duration = Duration::from_secs(30);

/// How long a provider may take to say how it is: published hosts wait two seconds for the answer.
pub(crate) const HEALTH_LIMIT: Duration = Duration::from_millis(1500);

/// How many questions for its health are answered at once: there is one host that asks, and others of the same provider.
pub(crate) const HEALTH_AT_ONCE: usize = 16;

/// How long running calls and the provider's own shutdown may take when the host does not say how long it waits. Published
/// SDKs give ten seconds.
pub(crate) const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// How long threads that block may go on once everything has been answered.
pub(crate) const THREADS_LIMIT: Duration = Duration::from_millis(500);

/// Nested deeper than any payload; the limit keeps damaged bytes from exhausting the stack.
pub(crate) const MAX_DEPTH: usize = 64;

/// Bytes of what an instance tells another in one message: with what goes around them they fit into what any server carries.
pub(crate) const PAGE_BYTES: usize = 256 << 10;

/// How many other instances are known: more than any provider has, and bounds what is kept of them.
pub(crate) const PEERS: usize = 1024;

/// How long an instance may take to tell what it knows: many times what it needs.
pub(crate) const GREETING_LIMIT: Duration = Duration::from_secs(2);

/// How long a provider that starts waits for an instance that is there and silent: the host waits for five seconds until it
/// takes the provider for one that runs.
pub(crate) const FIRST_PEER_LIMIT: Duration = Duration::from_millis(1500);

/// How often the others are greeted, should one have missed the last greeting: seldom beside all else that is sent.
pub(crate) const GREETING_INTERVAL: Duration = Duration::from_secs(30);

/// How often it is looked whether the connection stands: soon beside what a reconnection takes.
pub(crate) const CONNECTION_LOOK: Duration = Duration::from_millis(100);

/// How long until an instance that does not answer is told again: it may be gone by then, and the server says so.
pub(crate) const TELL_AGAIN: Duration = Duration::from_millis(300);

/// How long after a break silent instances are waited for: longer than one that is there needs to come back and answer, short
/// enough that calls go on where one hangs.
pub(crate) const SILENCE_LIMIT: Duration = Duration::from_secs(10);

/// How long an instance counts as there after it was heard last: three greetings, and what the last may be late. Where nobody else
/// listens to all subjects, the server tells much sooner that it is gone.
pub(crate) const PEER_LIFETIME: Duration = Duration::from_secs(100);

/// How long those are waited for after a break that are not known yet: many times what they need to answer.
pub(crate) const GREETING_MOMENT: Duration = Duration::from_millis(300);

/// How many that greet are asked back at once: each costs a question, and forged ones nothing more.
pub(crate) const MEETINGS: usize = 16;

/// How long after a connection came back others may take to come back to the server too: reconnecting clients wait up to 4 s
/// between attempts.
pub(crate) const RETURN_LIMIT: Duration = Duration::from_secs(5);
