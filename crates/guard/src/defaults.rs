//! The guard's constants, each with the reason for its value.

use std::time::Duration;

/// How long the guard may take until it has started the program. It takes milliseconds; the rest is for a machine
/// under load. A wait for the lock comes on top.
pub(crate) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// How long the guard waits for a lock: the previous holder may just be ending its processes.
pub(crate) const LOCK_DEADLINE: Duration = Duration::from_secs(2);

/// The pause between two tries to take the lock; files have no asynchronous lock.
pub(crate) const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The grace that a program gets when someone else than the owner sends the guard a signal to end.
pub(crate) const SIGNAL_GRACE: Duration = Duration::from_secs(5);

/// No grace is longer, so that every one is a number of milliseconds that clocks can add up.
pub(crate) const LONGEST_GRACE: Duration = Duration::from_secs(365 * 86_400);

/// The pause between two rounds of killing, when no process ends meanwhile: at first and at most. The last is what
/// processes cost that cannot be killed, being another user's.
pub(crate) const FIRST_KILL_PAUSE: Duration = Duration::from_millis(5);
pub(crate) const LAST_KILL_PAUSE: Duration = Duration::from_secs(1);
