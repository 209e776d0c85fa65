//! Limits that hold unless settings say otherwise, each with its reason.

use std::time::Duration;

/// The largest artifact that is fetched. Published modules have up to some tens of megabytes and provider archives with
/// several platforms hundreds; as an artifact is held in memory while it is checked, more would endanger the host.
pub(crate) const MAX_ARTIFACT: u64 = 256 << 20;

/// What the cache may hold: eight artifacts of the largest size or a thousand ordinary ones, and still little beside
/// what a machine that runs them has as disk.
pub(crate) const CACHE_CAPACITY: u64 = 2 << 30;

/// The age from which an unfinished file is left over although other processes use the cache: by far longer than any
/// disk takes to write the largest artifact.
pub(crate) const LEFTOVER_AGE: Duration = Duration::from_secs(60 * 60);

/// Entries of a provider archive. Published ones have claims and up to six targets; descriptions that tools write before
/// each may double that, and there are not many more targets in the world.
pub(crate) const MAX_ENTRIES: usize = 64;

/// What a provider archive may have when it is unpacked: four times the largest that is fetched, as programs compress to
/// a third or a quarter, and a few seconds of work.
pub(crate) const MAX_UNPACKED: u64 = 4 * MAX_ARTIFACT;

/// The largest executable that is taken out of a provider archive, held in memory as the largest artifact is.
pub(crate) const MAX_EXECUTABLE: u64 = MAX_ARTIFACT;

/// Notes of what references were. Each has some hundred bytes, and hardly a machine meets so many references.
pub(crate) const MAX_NOTES: usize = 4096;

/// The pause between two looks whether another process has downloaded what is wanted here: short beside a download, and
/// a thousand looks cost less than one.
pub(crate) const TURN_LOOK: Duration = Duration::from_millis(20);

/// How long connecting to a web server may take: farther than around the world twice, lost packets included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a web server may send nothing while something is owed: registries that look for a layer in slow storage have
/// been seen to take ten seconds.
pub(crate) const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// Who asks, as operators of registries see it.
pub(crate) const USER_AGENT: &str = concat!("lattice/", env!("CARGO_PKG_VERSION"));

/// Places of an object that are asked for at once: enough to hide the ways to JetStream and back, at 1 MiB in memory.
pub(crate) const READ_AHEAD: u64 = 8;

/// Messages of an object that are sent before the first of them is confirmed, for the same reason.
pub(crate) const WRITES_AT_ONCE: usize = 8;

/// Objects that are looked at at once: a lattice has some hundreds.
pub(crate) const INFOS_AT_ONCE: usize = 16;

/// How often a put tries to make readable what it has written while others change the same: more than a few meet nowhere.
pub(crate) const PUT_TRIES: u32 = 5;
