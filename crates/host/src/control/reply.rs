//! Sending answers: where they may go, in which format, and how large.

use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use lattice_protocol::{
    Ack, BYTES_TYPE, ControlSubject, ControlSubjects, Encoding, Format, MAX_PARTS, PART_HEADER, POSITION_HEADER, Part,
    RefusalCode, encode, is_reply_subject,
};
use serde::Serialize;

use super::request::Request;
use crate::config::Mode;

const CONTENT_TYPE: &str = "Content-Type";
/// What the headers of an answer take of the bytes that a server carries, generously.
const HEADERS_ROOM: usize = 256;

/// The content of an answer, whatever it is.
pub(super) struct Reply(Said);

enum Said {
    Message(Box<dyn Content>),
    /// Bytes as they are, and where those begin that follow.
    Part(Bytes, u64),
}

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
        Self(Said::Message(Box::new(content)))
    }

    /// Bytes of something larger, and where the next of them begin.
    pub(super) fn part(bytes: Bytes, next: u64) -> Self {
        Self(Said::Part(bytes, next))
    }

    /// The body and what is told of it.
    fn write(&self, format: Format) -> (Bytes, HeaderMap) {
        let mut headers = HeaderMap::new();
        match &self.0 {
            Said::Message(content) => {
                headers.insert(CONTENT_TYPE, format.encoding.media_type());
                (content.encode(format).into(), headers)
            }
            Said::Part(bytes, next) => {
                headers.insert(CONTENT_TYPE, BYTES_TYPE);
                headers.insert(POSITION_HEADER, next.to_string());
                (bytes.clone(), headers)
            }
        }
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
        for (body, headers) in self.messages(&reply, request) {
            if let Err(error) = self.nats.publish_with_headers(Subject::from(subject), headers, body).await {
                tracing::warn!(request = request.subject(), %error, "answer not sent");
            }
        }
    }

    /// The answer as the server carries it: whole, or in parts if that is wanted, or else an error that says so.
    fn messages(&self, reply: &Reply, request: &Request) -> Vec<(Bytes, HeaderMap)> {
        let format = self.format(request);
        let (body, headers) = reply.write(format);
        let limit = self.nats.server_info().max_payload;
        let room = limit.saturating_sub(HEADERS_ROOM);
        if limit == 0 || body.len() <= room {
            return vec![(body, headers)];
        }
        match split(&body, room) {
            Some(parts) if request.takes_parts() => {
                parts.into_iter().map(|(part, body)| (body, with_part(headers.clone(), part))).collect()
            }
            _ => vec![Reply::from(too_large(body.len(), limit)).write(format)],
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
}

fn with_part(mut headers: HeaderMap, part: Part) -> HeaderMap {
    headers.insert(PART_HEADER, part.to_string());
    headers
}

fn too_large(size: usize, limit: usize) -> Ack {
    let error = format!("the answer has {size} bytes, more than the {limit} that the NATS server carries");
    Ack::refused(error).with_code(RefusalCode::TooLarge)
}

/// The body in parts of this size; `None` if that would be more than an answer may have.
fn split(body: &Bytes, size: usize) -> Option<Vec<(Part, Bytes)>> {
    let of = u32::try_from(body.len().div_ceil(size.max(1))).ok().filter(|of| *of <= MAX_PARTS)?;
    let part = |(number, chunk)| (Part { number, of }, body.slice_ref(chunk));
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
        assert_eq!(parts[3].0, Part { number: 4, of: 4 });
        let whole: Vec<u8> = parts.into_iter().flat_map(|(_, part)| part).collect();
        assert_eq!(whole, body);
        assert!(split(&body, 1).is_none(), "more than 64 parts");
    }
}
