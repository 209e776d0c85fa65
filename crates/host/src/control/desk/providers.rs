//! Questions about the providers of this host: which links they have got, what they have printed.

use lattice_protocol::{LinkDeliveries, LogLine, LogLines, LogQuery, RefusalCode};

use super::{Answer, Desk, read_as, refused};
use crate::{
    control::{reply::Reply, request::Request},
    defaults::LINES_AT_ONCE,
    providers::{InstanceKey, Line},
};

impl Desk {
    pub(super) fn deliveries(&self, request: &Request) -> Answer {
        self.query(request, || {
            let links = &self.parts.shared.links;
            let deliveries = self.parts.providers.deliveries().all(|id| links.standing(id));
            Reply::of(LinkDeliveries { deliveries: deliveries.into(), host_id: self.parts.host.clone() })
        })
    }

    pub(super) fn logs(&self, request: &Request) -> Answer {
        let query: LogQuery = match read_as("query of a provider's output", request) {
            Ok(query) => query,
            Err(refusal) => return refusal.into(),
        };
        let key = InstanceKey { provider: query.provider_id.clone(), link: query.link_name.clone() };
        let Some(output) = self.parts.providers.output(&key) else {
            let text = format!("provider {key} has not run since the host started");
            return refused(RefusalCode::NotFound, text).into();
        };
        let limit = (query.limit as usize).min(LINES_AT_ONCE);
        let (lines, lost) = match query.after {
            Some(number) => output.after(number, limit),
            None => (output.last(limit), 0),
        };
        let lines: Vec<_> = lines.into_iter().map(line).collect();
        Answer::Now(Reply::of(LogLines { host_id: self.parts.host.clone(), lines: lines.into(), lost }))
    }
}

fn line(line: Line) -> LogLine {
    LogLine {
        number: line.number,
        stream: line.stream.as_str().to_owned(),
        text: line.text,
        time: humantime::format_rfc3339_millis(line.time).to_string(),
    }
}
