//! Constants, each with the reason for its value.

use std::time::Duration;

/// What the bucket of a lattice is called when no link says otherwise, before the lattice's name: like the other buckets of
/// a lattice, and like none that anybody else makes.
pub(crate) const BUCKET_PREFIX: &str = "LATTICEKV_";

/// Buckets in which lattices keep themselves. An actor that wrote there could link and configure what it likes.
pub(crate) const RESERVED_BUCKETS: &[&str] = &["LATTICEDATA_", "LATTICEHOSTS_", "LATTICEOPS_", "CONFIGDATA_"];

/// JetStream keeps no more copies than this.
pub(crate) const MOST_REPLICAS: usize = 5;

/// How long a bucket or a server may take to be opened: many round trips, and less than the NATS client waits by itself for
/// one answer of JetStream, so that whoever puts the link hears what is the matter.
pub(crate) const OPEN_LIMIT: Duration = Duration::from_secs(4);

/// How long an answer of Redis is waited for, where the caller does not stop waiting earlier. Callers wait two seconds unless
/// they say otherwise.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How long one attempt to connect to Redis may take: what is there answers in milliseconds, also from far away.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// How often a connection to Redis is tried again before what waits for it fails. The next call begins anew, so these are
/// only for a server that is just starting.
pub(crate) const CONNECT_RETRIES: usize = 3;

/// The longest pause between two of these.
pub(crate) const CONNECT_PAUSE: Duration = Duration::from_secs(1);

/// How often a change is begun anew because somebody else wrote in between. Within one provider changes of a key wait for
/// each other, so these are providers on other hosts; one of those who collide always gets through, so that a hundred
/// times in a row is beyond what a lattice of hosts does.
pub(crate) const ATTEMPTS: u32 = 100;

/// The longest pause before the next attempt, at random up to here: some round trips to a server nearby, so that those who
/// collided do not collide again.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// In how many groups keys are put whose changes wait for each other: more than calls run at once would be of no use, and
/// with this many two busy keys seldom share a group.
pub(crate) const TURNS: usize = 512;

/// Bytes of an entry that its value cannot have: the headers and the subject, whose longest key is below.
pub(crate) const ENTRY_OVERHEAD: usize = 4096;

/// Bytes of the longest key, as it is written in a subject. Servers take lines of 4 KiB with two subjects in it.
pub(crate) const LONGEST_KEY: usize = 1536;

/// How long the mark stays that a key was removed, where the server can remove it: who watches the bucket has seen it by
/// then, and keys that come and go leave nothing.
pub(crate) const MARK_LIFE: Duration = Duration::from_secs(3600);

/// How many keys are read at once for a union or an intersection.
pub(crate) const READS_AT_ONCE: usize = 16;

/// Characters of a key that are repeated in an error.
pub(crate) const SHOWN_KEY: usize = 200;
