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

/// The fewest bytes of a layer in twice that time: a hundredth of what the slowest lines carry.
pub(crate) const SLOWEST: u64 = 64 << 10;

/// How long another process is waited for that downloads the same: by then it downloads over a line that is slow enough for two,
/// or was stopped by somebody.
pub(crate) const TURN_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Who asks, as operators of registries see it.
pub(crate) const USER_AGENT: &str = concat!("lattice/", env!("CARGO_PKG_VERSION"));

/// The largest manifest that is read, which is what the distribution specification asks registries to take at least; published
/// ones have one or two kilobytes.
pub(crate) const MAX_MANIFEST: usize = 4 << 20;

/// The largest answer of a token server: tokens with many rights have been seen to take 10 kB.
pub(crate) const MAX_TOKEN_ANSWER: usize = 64 << 10;

/// What is read of an answer that says why not. The texts that registries give fit in a quarter of it.
pub(crate) const MAX_TOLD: usize = 4 << 10;

/// Characters of such a text that an error repeats.
pub(crate) const SHOWN_TOLD: usize = 200;

/// How often a registry is asked for the same in all: with the pauses between, it outlasts a restart of a few seconds.
pub(crate) const TRIES: u32 = 4;

/// How often a mirror is asked in all. There is another server behind it.
pub(crate) const MIRROR_TRIES: u32 = 2;

/// The pause after the first try, which doubles with each.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause, also where a registry asks for a longer one: who waits for an artifact would rather know.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Redirects that are followed. Registries send to where their layers are, and that may be one or two steps.
pub(crate) const MAX_REDIRECTS: usize = 5;

/// How long a token holds that does not say so, as the token specification of the Docker registry has it.
pub(crate) const TOKEN_LIFETIME: Duration = Duration::from_secs(60);

/// How long an authorization is remembered at most, whatever the token server says.
pub(crate) const LONGEST_TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Authorizations that are remembered, each for one repository: more than a host has artifacts, some kilobytes each.
pub(crate) const MAX_TOKENS: usize = 256;

/// Bytes between two reports of how far a transfer is, and the pieces in which bytes are sent.
pub(crate) const TRANSFER_STEP: usize = 64 << 10;

/// The largest file with credentials that is read. Those of people with hundreds of registries have some tens of kilobytes.
pub(crate) const MAX_DOCKER_CONFIG: u64 = 1 << 20;

/// How long a credential helper may take. Those of cloud registries ask a service over the network, which takes a second or
/// two; a key ring that waits for somebody to unlock it waits for nobody here.
pub(crate) const HELPER_TIMEOUT: Duration = Duration::from_secs(20);

/// What a credential helper may print. Tokens of cloud registries have up to four kilobytes.
pub(crate) const MAX_HELPER_OUTPUT: u64 = 64 << 10;

/// Places of an object that are asked for at once: enough to hide the ways to JetStream and back, at 1 MiB in memory.
pub(crate) const READ_AHEAD: u64 = 8;

/// Messages of an object that are sent before the first of them is confirmed, for the same reason.
pub(crate) const WRITES_AT_ONCE: usize = 8;

/// Objects that are looked at at once: a lattice has some hundreds.
pub(crate) const INFOS_AT_ONCE: usize = 16;

/// How often a put tries to make readable what it has written while others change the same: more than a few meet nowhere.
pub(crate) const PUT_TRIES: u32 = 5;
