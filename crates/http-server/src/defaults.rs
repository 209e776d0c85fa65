//! Constants, each with the reason for its value.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

/// Where a link listens that does not say, as the published provider has it.
pub(crate) const ADDRESS: SocketAddr = SocketAddr::new(PORT_HOST, 8000);
/// Where a link listens that says a port alone, as the published provider has it.
pub(crate) const PORT_HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Bytes that the body of a request may have if the link does not say, as in the published provider.
pub(crate) const MAX_CONTENT: usize = 10 << 20;
/// No link may allow more: an actor has at most 4 GiB of memory, and the payload is in it several times.
pub(crate) const MOST_CONTENT: usize = 500 << 20;
/// Bytes that the bodies of one link's requests may have together while they are worked on: 25 of the largest by default.
/// It bounds memory whatever the number of requests.
pub(crate) const BODIES: usize = 256 << 20;

/// Requests of one link that are worked on at once if it does not say: as many calls as a host works on for one actor.
pub(crate) const MAX_REQUESTS: usize = 1024;
/// No link may allow more: a number that nobody who means it exceeds, and that every counter holds.
pub(crate) const MOST_REQUESTS: usize = 1 << 20;

/// No request waits longer for its actor.
pub(crate) const LONGEST_TIMEOUT: Duration = Duration::from_secs(86_400);

/// Connections to one address. Each costs some kilobytes while it is idle; a process may usually have this many files open,
/// and more than that is refused by being closed.
pub(crate) const CONNECTIONS: usize = 16_384;
/// Connections that the system holds before they are accepted: enough for all that come while a thread is busy.
pub(crate) const BACKLOG: u32 = 4096;
/// The pause after the system refused to accept, most likely because too many files are open.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a link waits for an address that is taken. Whose it was may be leaving just now: links of different actors
/// change side by side, and an earlier process may be ending.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);
/// How often it looks meanwhile.
pub(crate) const PATIENCE_STEP: Duration = Duration::from_millis(20);

/// How long a client may take for a TLS handshake: several round trips around the world.
pub(crate) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long a client may take to send the head of a request, and how long a connection may idle between two.
pub(crate) const HEAD_LIMIT: Duration = Duration::from_secs(20);
/// How long a client may pause within a body.
pub(crate) const BODY_PAUSE: Duration = Duration::from_secs(15);
/// How long a whole body may take: ten megabytes over a line of a megabit take a minute and a half.
pub(crate) const BODY_LIMIT: Duration = Duration::from_secs(300);
/// How long a client may take no byte of what is sent to it.
pub(crate) const WRITE_PAUSE: Duration = Duration::from_secs(30);

/// Bytes of a request's head. Servers in front of this one allow 8 to 32 KiB.
pub(crate) const HEAD: usize = 64 << 10;
/// Requests that one HTTP/2 connection may have open at once, as other servers have it.
pub(crate) const STREAMS: u32 = 256;
/// How often a silent HTTP/2 connection is asked whether it is still there.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(30);

/// How long requests may finish whose link is gone. Then they are told that the service is unavailable. With the next it
/// fits into the ten seconds that a provider has for its shutdown.
pub(crate) const DRAIN_LIMIT: Duration = Duration::from_secs(8);
/// How long those may take to be told.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);

/// A failure this close to a call's deadline is told as one of time: whose clock strikes first is chance.
pub(crate) const DEADLINE_MARGIN: Duration = Duration::from_millis(10);
