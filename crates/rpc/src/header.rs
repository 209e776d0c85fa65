//! NATS headers that carry what invocations have no field for. Published hosts and providers ignore them.

use std::time::Duration;

use async_nats::HeaderMap;

use crate::server::RefusalKind;

/// Milliseconds that were left for the call when it was sent. A span needs no clocks that agree.
pub const DEADLINE_HEADER: &str = "Lattice-Deadline-Ms";
/// How many calls this one is nested in.
pub const DEPTH_HEADER: &str = "Lattice-Depth";
/// `1` where the target waits for the end of this call: it is called back by whom it called.
pub const BACK_HEADER: &str = "Lattice-Back";
/// On an answer: the invocation was refused, nothing was executed, and why.
pub const REFUSED_HEADER: &str = "Lattice-Refused";

/// What a call is made within, as far as its caller knows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nesting {
    /// How many calls it is nested in.
    pub(crate) depth: u32,
    /// Whether what it calls waits for its end.
    pub(crate) back: bool,
}

pub(crate) fn of_call(left: Duration, nesting: Nesting) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(DEADLINE_HEADER, milliseconds(left).to_string());
    headers.insert(DEPTH_HEADER, nesting.depth.to_string());
    if nesting.back {
        headers.insert(BACK_HEADER, "1");
    }
    headers
}

/// What is left for a call, rounded up: of two who stop at the same time it is the caller who is to say so.
pub(crate) fn milliseconds(left: Duration) -> u64 {
    u64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

pub(crate) fn of_refusal(kind: RefusalKind) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(REFUSED_HEADER, kind.as_str());
    headers
}

/// What is left for a call; `None` if its caller did not say.
pub(crate) fn time_left(headers: Option<&HeaderMap>) -> Option<Duration> {
    number(headers, DEADLINE_HEADER).map(Duration::from_millis)
}

/// What a call is made within; within nothing if its caller did not say.
pub(crate) fn nesting(headers: Option<&HeaderMap>) -> Nesting {
    let depth = number(headers, DEPTH_HEADER).map_or(0, |depth| depth.try_into().unwrap_or(u32::MAX));
    Nesting { depth, back: number(headers, BACK_HEADER) == Some(1) }
}

/// Why an answer is a refusal; `None` if it is none, or for no reason that is known here.
pub(crate) fn refusal(headers: Option<&HeaderMap>) -> Option<RefusalKind> {
    RefusalKind::from_text(headers?.get(REFUSED_HEADER)?.as_str())
}

fn number(headers: Option<&HeaderMap>, name: &str) -> Option<u64> {
    headers?.get(name)?.as_str().parse().ok()
}
