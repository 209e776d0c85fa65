//! Sending answers: where they may go, in which format, and how large.

use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::{HeaderMap, Subject};
use lattice_protocol::{Ack, ControlSubject, ControlSubjects, Encoding, Format, encode, is_reply_subject};

use super::{desk::Reply, request::Request};
use crate::config::Mode;

/// Sends answers.
pub(crate) struct Replier {
    nats: async_nats::Client,
    subjects: ControlSubjects,
    mode: Mode,
    inbox_prefixes: Vec<String>,
    dropped: AtomicU64,
}

impl Replier {
    pub(crate) fn new(
        nats: async_nats::Client,
        subjects: ControlSubjects,
        mode: Mode,
        inbox_prefixes: Vec<String>,
    ) -> Self {
        Self { nats, subjects, mode, inbox_prefixes, dropped: AtomicU64::new(0) }
    }

    /// Answers a request, if it asked for an answer at a place where hosts answer.
    pub(super) async fn reply(&self, request: &Request, reply: Reply) {
        let Some(subject) = request.reply_subject() else { return };
        if !is_reply_subject(subject, &self.inbox_prefixes) {
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(
                request = request.subject(),
                subject,
                dropped,
                "not answered, the reply subject is no inbox"
            );
            return;
        }
        let format = self.format(request);
        let body = self.within_limit(reply.encode(format), format);
        let mut headers = HeaderMap::new();
        headers.insert("Content-Type", format.encoding.media_type());
        if let Err(error) = self.nats.publish_with_headers(Subject::from(subject), headers, body.into()).await {
            tracing::warn!(request = request.subject(), %error, "answer not sent");
        }
    }

    fn format(&self, request: &Request) -> Format {
        request.wanted_format().unwrap_or_else(|| match self.subjects.parse(request.subject()) {
            Ok(ControlSubject::GetHosts) => Format::MESSAGE_PACK,
            Ok(ControlSubject::PingHosts) => Format::JSON,
            _ => match self.mode {
                Mode::Own => Encoding::MessagePack.into(),
                Mode::Mixed => Encoding::Json.into(),
            },
        })
    }

    /// An answer that the server would not carry becomes one that says so.
    fn within_limit(&self, body: Vec<u8>, format: Format) -> Vec<u8> {
        let limit = self.nats.server_info().max_payload;
        if limit == 0 || body.len() <= limit {
            return body;
        }
        let error = format!("the answer has {} bytes, more than the {limit} that the NATS server carries", body.len());
        encode(&Ack::refused(error), format)
    }
}
