//! The values that count unless a caller chooses others, each with its reason.

use std::time::Duration;

/// How long the question for an operation is held while its image is fetched: what people see as moving.
pub(crate) const FETCH_POLL: Duration = Duration::from_millis(500);

/// How long a connection may take to come about. A name, a handshake and TLS across the world fit; a person still waits.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a host may take to answer. The same as published clients wait, so that their users' limits stay true.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a gather goes on after its last answer. Hosts of one site answer within a few milliseconds of each other.
pub const GATHER_QUIET: Duration = Duration::from_millis(50);
/// How long a host is asked to hold one question about an operation. Shorter than what proxies and idle timers cut off.
pub(crate) const LONG_POLL: Duration = Duration::from_secs(10);
/// How long to wait for the event that explains why a host is gone. It was published before the host went.
pub(crate) const LAST_WORDS: Duration = Duration::from_millis(500);
/// Hosts asked at once for their inventories: enough to hide the round trips, few beside a connection's buffers.
pub(crate) const INVENTORIES_AT_ONCE: usize = 32;
/// Events that wait for a slow reader: at a thousand hosts with a heartbeat each 30 s, the events of two minutes.
pub(crate) const EVENT_QUEUE: usize = 4096;
/// Bytes of answers that a gather keeps: far more than a thousand hosts say, and bounds what a forged flood can take.
pub(crate) const GATHER_BYTES: usize = 64 << 20;
/// How long a host may take to come back to a server that restarted, before it counts as gone: reconnecting clients wait
/// up to 4 s between attempts.
pub(crate) const HOST_RETURN: Duration = Duration::from_secs(5);
/// How long to wait before asking again for a host that may come back: soon for people, seldom for the server.
pub(crate) const HOST_RETURN_PAUSE: Duration = Duration::from_millis(100);
/// The longest wait that is told from waiting for ever: a year. Clocks cannot tell times that are much further off.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);
/// Event ids remembered to recognise duplicates. These follow each other closely; 8 bytes are kept of each.
pub(crate) const REMEMBERED_EVENTS: usize = 8192;
/// Hosts whose numbering is followed. More than any lattice has; bounds what forged events can make a reader keep.
pub(crate) const FOLLOWED_HOSTS: usize = 16_384;
/// How long after the last answer a member that is silent is asked directly: hosts of one site answer within a few
/// milliseconds of each other, and asking costs one message.
pub(crate) const GATHER_GRACE: Duration = Duration::from_millis(20);
/// How long after that it is asked again. It may be gone by then, and what it was sent went with it.
pub(crate) const PRESENCE_AGAIN: Duration = Duration::from_millis(500);
/// How long a host may take to tell the members before another one is asked besides.
pub(crate) const MEMBERS_AGAIN: Duration = Duration::from_millis(50);
/// How often the members are asked for: where half of the hosts are mute, one gather in a thousand meets mute ones alone.
pub(crate) const MEMBERS_ASKED: usize = 10;
/// How long a host may take to tell what every host knows before another one is asked besides. Hosts look it up in a few
/// milliseconds; a long list may take longer, and is not to be made many times.
pub(crate) const ANOTHER_AGAIN: Duration = Duration::from_millis(300);
/// How often it is asked for: where one of three hosts is mute, one question in a hundred meets that one alone.
pub(crate) const ANOTHER_ASKED: usize = 4;
/// How long any host is asked to hold a question about the operation of a host that is gone: so often they look whether it
/// counts as gone among them.
pub(crate) const LOST_POLL: Duration = Duration::from_secs(1);
/// Auctions that are held for one start. Each one that fails means that others placed something meanwhile, so that five in
/// a row are a lattice in which something else is wrong.
pub(crate) const PLACING_ROUNDS: u32 = 5;
/// The pause after the first auction that came to nothing: a few times what an auction takes.
pub(crate) const PLACING_PAUSE: Duration = Duration::from_millis(30);
/// How long a host may be silent until it is asked whether it is there: two heartbeats, of 30 s each, and what the second
/// may be late.
pub(crate) const HOST_SILENCE: Duration = Duration::from_secs(65);
/// How long until a host that is silent and did not answer is asked again: as often as it would speak.
pub(crate) const SILENT_ASKED_AGAIN: Duration = Duration::from_secs(30);
/// How long a host that is gone stays in view, for people to see that it went.
pub(crate) const GONE_KEPT: Duration = Duration::from_secs(300);
/// How often an observer looks who is silent: small beside what silence means.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Events that an observer takes before it publishes: a burst is one change for its readers.
pub(crate) const EVENTS_AT_ONCE: usize = 256;
/// How often a host is asked again because events came while it answered. One that never rests is taken at its word.
pub(crate) const INVENTORY_TRIES: u32 = 3;
/// Hosts, annotation sets and providers of one host, and links that an observer keeps: far more than any lattice has, and
/// bounds what forged events can make it keep.
pub(crate) const OBSERVED_HOSTS: usize = 8192;
pub(crate) const OBSERVED_SETS: usize = 4096;
pub(crate) const OBSERVED_PROVIDERS: usize = 1024;
pub(crate) const OBSERVED_LINKS: usize = 65_536;
/// Earlier starts of a host whose late events are recognised: more than restart within the time of a message's way.
pub(crate) const RETIRED_EPOCHS: usize = 4;
/// Hosts that wait to be asked by an observer. Enough for a lattice that comes back as a whole; what a flood of forged
/// events pushes out, a heartbeat mends.
pub(crate) const WAITING_HOSTS: usize = 4096;
/// Parts of an artifact that are on their way to a host at once: enough to hide the ways there and back.
pub(crate) const PARTS_AT_ONCE: usize = 4;
/// How often a part is sent or asked for while there is no answer: one message is lost where a connection broke, not three.
pub(crate) const PART_TRIES: u32 = 3;
/// The fewest bytes of the parts that a host may want, so that what it says cannot make a flood of messages: the largest
/// artifact is a quarter of a million of them then. Hosts want 512 KiB, or half of what a server carries if that is less.
pub(crate) const SMALLEST_PART: usize = 1 << 10;
/// Hosts that are sent an artifact, one after the other, while those before went away over it or fell silent.
pub(crate) const UPLOAD_TRIES: u32 = 3;
/// The most bytes of an artifact that are fetched: twice of what hosts store.
pub(crate) const PULLED_BYTES: u64 = 512 << 20;
