//! Answers in parts: what is too large for one message is asked for again, in several, and put together.

use std::time::Duration;

use async_nats::{Message, StatusCode};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use lattice_protocol::{PART_HEADER, PARTS_HEADER, Part};
use serde::de::DeserializeOwned;

use super::{Outgoing, RequestError, closed, read_answer};
use crate::{client::Client, defaults::GATHER_BYTES};

impl Client {
    /// Sends a request whose answer may come in parts, to an inbox of its own.
    pub(super) async fn request_in_parts<T: DeserializeOwned>(&self, request: Outgoing) -> Result<T, RequestError> {
        let (subject, timeout) = (request.subject.clone(), request.timeout);
        let mut parts = Assembly::default();
        let whole = self.in_time(&subject, timeout, self.assemble(request, &mut parts)).await;
        let whole = match whole {
            Err(_) if parts.of > 0 => return Err(parts.missing(subject, timeout)),
            whole => whole??,
        };
        read_answer(&subject, &whole)
    }

    async fn assemble(&self, request: Outgoing, parts: &mut Assembly) -> Result<Bytes, RequestError> {
        let (subject, inbox) = (request.subject.clone(), self.nats().new_inbox());
        let mut messages = self.subscribe(inbox.clone(), &subject, request.timeout).await?;
        self.publish(request.header(PARTS_HEADER, "true"), inbox).await?;
        while let Some(message) = messages.next().await {
            match (message.status, part_of(&message)) {
                (Some(StatusCode::NO_RESPONDERS), _) => return Err(RequestError::NoResponders { subject }),
                // It fits by now, or it is a refusal.
                (_, None) => return Ok(message.payload),
                (_, Some(part)) => parts.add(part, message.payload),
            }
            if parts.bytes > GATHER_BYTES {
                return Err(RequestError::TooMuch { subject, max: GATHER_BYTES });
            }
            if parts.is_whole() {
                return Ok(parts.joined());
            }
        }
        Err(closed(subject))
    }
}

fn part_of(message: &Message) -> Option<Part> {
    message.headers.as_ref()?.get(PART_HEADER)?.as_str().parse().ok()
}

/// The parts of one answer, as they come.
#[derive(Debug, Default)]
struct Assembly {
    /// How many there are, as the first that came says; those that say otherwise are of another answer.
    of: u32,
    parts: Vec<Option<Bytes>>,
    bytes: usize,
}

impl Assembly {
    fn add(&mut self, part: Part, body: Bytes) {
        if self.of == 0 {
            self.of = part.of;
            self.parts = vec![None; usize::try_from(part.of).unwrap_or(usize::MAX)];
        }
        let Some(place) = usize::try_from(part.number - 1).ok().and_then(|index| self.parts.get_mut(index)) else {
            return;
        };
        if part.of == self.of && place.is_none() {
            self.bytes += body.len();
            *place = Some(body);
        }
    }

    fn is_whole(&self) -> bool {
        self.of > 0 && self.parts.iter().all(Option::is_some)
    }

    fn joined(&self) -> Bytes {
        let mut whole = BytesMut::with_capacity(self.bytes);
        self.parts.iter().flatten().for_each(|part| whole.extend_from_slice(part));
        whole.freeze()
    }

    fn missing(self, subject: String, timeout: Duration) -> RequestError {
        let missing = (1..).zip(&self.parts).filter(|(_, part)| part.is_none()).map(|(number, _)| number).collect();
        RequestError::PartsMissing { subject, missing, of: self.of, timeout }
    }
}

/// Numbers as people list them.
pub(super) fn listed(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts parts together, and tells the whole or which are missing.
    fn check(parts: &[(&str, &'static str)], expect: Result<&str, &[u32]>) {
        let mut assembly = Assembly::default();
        for (part, body) in parts {
            assembly.add(part.parse().expect("a part"), Bytes::from_static(body.as_bytes()));
        }
        let got = match assembly.is_whole() {
            true => Ok(String::from_utf8(assembly.joined().into()).expect("a text")),
            false => match assembly.missing("s".to_owned(), Duration::ZERO) {
                RequestError::PartsMissing { missing, .. } => Err(missing),
                other => panic!("{other:?}"),
            },
        };
        assert_eq!(got.as_deref().map_err(Vec::as_slice), expect);
    }

    #[test]
    fn parts_make_the_whole_in_whatever_order_they_come() {
        check(&[("1/1", "a")], Ok("a"));
        check(&[("3/3", "c"), ("1/3", "a"), ("2/3", "b")], Ok("abc"));
        check(&[("1/2", "a"), ("1/2", "again"), ("2/2", "b")], Ok("ab"));
    }

    #[test]
    fn what_is_missing_is_named() {
        check(&[("2/4", "b"), ("4/4", "d")], Err(&[1, 3]));
        // A part of another answer stands for none of this one.
        check(&[("1/2", "a"), ("2/3", "other"), ("3/3", "other")], Err(&[2]));
    }
}
