//! Sending answers: where they may go, in which format, and how large.

use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use lattice_protocol::{
    Ack, ControlSubject, ControlSubjects, Encoding, Format, MAX_PARTS, PART_HEADER, Part, RefusalCode, encode,
    is_reply_subject,
};
use serde::Serialize;

use super::request::Request;
use crate::config::Mode;

/// What the headers of an answer take of the bytes that a server carries, generously.
const HEADERS_ROOM: usize = 256;

/// The content of an answer, whatever it is.
pub(super) struct Reply(Box<dyn Content>);

/// What can be written in any format.
trait Content: Send + Sync {
    fn encode(&self, format: Format) -> Vec<u8>;
}

impl<T: Serialize + Send + Sync> Content for T {
    fn encode(&self, format: Format) -> Vec<u8> {
        encode(self, format)
    }
}

impl Reply {
    pub(super) fn of(content: impl Serialize + Send + Sync + 'static) -> Self {
        Self(Box::new(content))
    }
}

impl From<Ack> for Reply {
    fn from(ack: Ack) -> Self {
        Self::of(ack)
    }
}

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
        let body = Bytes::from(reply.0.encode(format));
        for (part, body) in self.parts(body, request, format) {
            let mut headers = HeaderMap::new();
            headers.insert("Content-Type", format.encoding.media_type());
            if let Some(part) = part {
                headers.insert(PART_HEADER, part.to_string());
            }
            if let Err(error) = self.nats.publish_with_headers(Subject::from(subject), headers, body).await {
                tracing::warn!(request = request.subject(), %error, "answer not sent");
            }
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

    /// The answer as the server carries it: whole, or in parts if that is wanted, or else an error that says so.
    fn parts(&self, body: Bytes, request: &Request, format: Format) -> Vec<(Option<Part>, Bytes)> {
        let limit = self.nats.server_info().max_payload;
        let room = limit.saturating_sub(HEADERS_ROOM);
        if limit == 0 || body.len() <= room {
            return vec![(None, body)];
        }
        match split(&body, room) {
            Some(parts) if request.takes_parts() => parts,
            _ => vec![(None, encode(&too_large(body.len(), limit), format).into())],
        }
    }
}

fn too_large(size: usize, limit: usize) -> Ack {
    let error = format!("the answer has {size} bytes, more than the {limit} that the NATS server carries");
    Ack::refused(error).with_code(RefusalCode::TooLarge)
}

/// The body in parts of this size; `None` if that would be more than an answer may have.
fn split(body: &Bytes, size: usize) -> Option<Vec<(Option<Part>, Bytes)>> {
    let of = u32::try_from(body.len().div_ceil(size.max(1))).ok().filter(|of| *of <= MAX_PARTS)?;
    let part = |(number, chunk)| (Some(Part { number, of }), body.slice_ref(chunk));
    Some((1..).zip(body.chunks(size)).map(part).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        let body = Bytes::from((0..100u8).collect::<Vec<_>>());
        let parts = split(&body, 30).expect("four parts");
        assert_eq!(parts.len(), 4);
        assert_eq!(parts[3].0, Some(Part { number: 4, of: 4 }));
        let whole: Vec<u8> = parts.into_iter().flat_map(|(_, part)| part).collect();
        assert_eq!(whole, body);
        assert!(split(&body, 1).is_none(), "more than 64 parts");
    }
}
