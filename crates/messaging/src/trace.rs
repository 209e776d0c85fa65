//! The trace that a message belongs to, in the headers that W3C Trace Context names.

use async_nats::{HeaderMap, HeaderValue};
use lattice_provider::TraceContext;

const HEADERS: &[&str] = &["traceparent", "tracestate"];

/// The headers for a message, none if it belongs to no trace. The server's own services do not read messages with headers.
pub(crate) fn headers(trace: &TraceContext, subject: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let wanted = HEADERS.iter().filter(|_| !subject.starts_with("$SYS"));
    for (name, value) in wanted.filter_map(|name| Some((*name, trace.get(*name)?))) {
        if let Ok(value) = value.parse::<HeaderValue>() {
            headers.insert(name, value);
        }
    }
    headers
}

/// The trace that a message says it belongs to.
pub(crate) fn of(headers: Option<&HeaderMap>) -> TraceContext {
    let said = |name: &&str| Some(((*name).to_owned(), headers?.get(*name)?.to_string()));
    HEADERS.iter().filter_map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_goes_there_and_back() {
        let trace: TraceContext = [("traceparent".to_owned(), "00-1-2-01".to_owned())].into();
        assert_eq!(of(Some(&headers(&trace, "a"))), trace);
        assert_eq!(headers(&trace, "$SYS.REQ.x").len(), 0);
        assert_eq!(of(None), TraceContext::new());
        let broken: TraceContext = [("traceparent".to_owned(), "a\r\nb".to_owned())].into();
        assert_eq!(headers(&broken, "a").len(), 0);
    }
}
