//! Constants, each with the reason for its value.

use std::time::Duration;

/// How many messages are with an actor at once, for each link: as published, where more was measured to be of no use.
pub(crate) const IN_FLIGHT: usize = 75;

/// First tokens of the subjects by which lattices are steered; those that begin with `$` are the servers'.
pub(crate) const LATTICE_TOKENS: &[&str] = &["wasmbus"];

/// First tokens of the subjects on which others wait for answers. One may answer there, not listen.
pub(crate) const ANSWER_TOKENS: &[&str] = &["_INBOX", "_R_"];

/// Bytes of the longest subject: servers take lines of 4 KiB, with two subjects in it.
pub(crate) const LONGEST_SUBJECT: usize = 1536;

/// How long before a caller stops waiting it is told that there is no answer: the way back, many times over.
pub(crate) const ANSWERING: Duration = Duration::from_millis(50);

/// The shortest interval of a timer: ten calls a second from each instance of the provider are no load, and what is refused
/// below is most likely a slip of the pen, such as `ms` for `s`.
pub(crate) const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// The longest interval of a timer: with each new start of a provider it begins anew, so that a longer one might never
/// pass, and is better refused than believed.
pub(crate) const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// How long an actor may take over a tick, if not even longer over every call: as long as hosts let a call run when nobody
/// says otherwise. No caller waits for a tick, so that there is no reason to give up on it earlier.
pub(crate) const TICK_LIMIT: Duration = Duration::from_secs(15);

/// Characters that are logged of why a tick failed: the words may be the actor's, and as many as it likes.
pub(crate) const LONGEST_REASON: usize = 500;

/// How long nothing more is logged of a streak of ticks that fail, each in other words: an actor could fill the log with them.
pub(crate) const QUIET: Duration = Duration::from_secs(60);
