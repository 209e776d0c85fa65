//! The broker's constants, each with the reason for its value.

use std::time::Duration;

use crate::Version;

/// Environment variable that names the `nats-server` binary to use. A binary named so must work: nothing else is tried.
pub const NATS_SERVER_VARIABLE: &str = "LATTICE_NATS_SERVER";

/// The oldest nats-server that works: 2.9 answers key-value requests in a form that today's client library cannot read.
pub const OLDEST_VERSION: Version = Version::new(2, 10, 0);

/// The port that NATS tools try by default.
pub const PREFERRED_PORT: u16 = 4222;

/// The largest message: 1 MiB, the server's own default, is less than a full inventory or a large invocation needs.
pub const MAX_PAYLOAD: usize = 8 * 1024 * 1024;

/// Directories where distributions put servers and which a user's `PATH` often lacks.
pub const WELL_KNOWN_DIRECTORIES: &[&str] = &["/usr/sbin"];

/// How long `nats-server --version` may take. It takes milliseconds; the rest is for a machine under load.
pub(crate) const VERSION_DEADLINE: Duration = Duration::from_secs(10);

/// How often a binary is tried again that another process is just writing, and the pause between.
pub(crate) const BUSY_RETRIES: u32 = 20;
pub(crate) const BUSY_PAUSE: Duration = Duration::from_millis(25);

/// How long the download may take: 7 MB over a slow line.
pub(crate) const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(300);

/// How long another process's provisioning is waited for: its download and the unpacking.
pub(crate) const LOCK_DEADLINE: Duration = Duration::from_secs(330);

/// The pause between two looks at the provisioning lock; files have no asynchronous lock.
pub(crate) const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The largest nats-server that is unpacked: the pinned one has 19 MB, and a damaged length must not fill the disk.
pub(crate) const LARGEST_BINARY: u64 = 64 * 1024 * 1024;

/// The longest introduction of a server that is read: with many cluster addresses it has a few kilobytes.
pub(crate) const INTRODUCTION_LIMIT: usize = 64 * 1024;

/// How long a server may take until it answers. It takes milliseconds; the rest is for recovering a large store.
pub(crate) const READY_DEADLINE: Duration = Duration::from_secs(60);

/// The pause between two looks whether a starting server answers: it is ready some milliseconds after its start.
pub(crate) const READY_PAUSE: Duration = Duration::from_millis(5);

/// How long a starting server may take to introduce itself once it accepts connections.
pub(crate) const INTRODUCTION_DEADLINE: Duration = Duration::from_secs(5);

/// How long an orderly stop may take: JetStream writes out what it holds, on a slow disk.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(10);

/// The pause before a server that died is started again: the first, doubled at every further failure up to the last.
pub(crate) const FIRST_RESTART_PAUSE: Duration = Duration::from_millis(100);
pub(crate) const LAST_RESTART_PAUSE: Duration = Duration::from_secs(5);

/// How many failures in a row end the restarting: about a quarter of a minute of trying.
pub(crate) const MOST_FAILURES: u32 = 8;

/// A server that ran for this long was healthy; what happens to it then is not a failure in a row.
pub(crate) const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// The size, in bytes, from which the log is put aside at a start. A healthy server writes some kilobytes a day.
pub(crate) const LARGEST_LOG: u64 = 1024 * 1024;

/// How much of the log's end is read, in bytes, and how many of its lines an error carries.
pub(crate) const LOG_TAIL: u64 = 16 * 1024;
pub(crate) const LOG_LINES: usize = 20;
