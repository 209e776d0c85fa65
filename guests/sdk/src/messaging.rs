//! Contract `wasmcloud:messaging`: publishing messages, asking for answers, and reading what was subscribed to.
//!
//! A provider hands a message to the actor with `MessageSubscriber.HandleMessage`, whose answer is empty:
//!
//! ```
//! use lattice_guest::messaging::{Message, Messaging};
//!
//! fn handle(payload: &[u8]) -> Result<Vec<u8>, String> {
//!     let message = Message::read(payload)?;
//!     if let Some(subject) = message.reply_to {
//!         Messaging::default().publish(&Message { subject, reply_to: None, body: message.body })?;
//!     }
//!     Ok(Vec::new())
//! }
//!
//! lattice_guest::actor! {
//!     "MessageSubscriber.HandleMessage" => handle,
//! }
//! # fn main() {}
//! ```
//!
//! Operations, keys and types are those of github.com/wasmCloud/interfaces at a418af8, `messaging/rust/src/messaging.rs`.

use crate::contract::{Contract, DEFAULT_LINK};
use crate::msgpack::{argument, Value};

/// A message: `PubMessage` on its way out, `SubMessage` on its way in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// Where it goes to or came from.
    pub subject: &'a str,
    /// Where an answer is expected, if one is.
    pub reply_to: Option<&'a str>,
    /// What it says, in any encoding.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Returns the message that a provider hands over as the payload of `MessageSubscriber.HandleMessage`.
    ///
    /// # Errors
    /// If this is none.
    pub fn read(payload: &'a [u8]) -> Result<Self, String> {
        Self::of(&argument(payload)?)
            .ok_or_else(|| String::from("the argument must be a map with `subject` and `body`"))
    }

    /// Returns the message as the contract writes it.
    pub fn encode(&self) -> Vec<u8> {
        let reply_to = self.reply_to.map(|subject| ("replyTo", subject.into()));
        let entries = [Some(("subject", self.subject.into())), reply_to, Some(("body", self.body.into()))];
        Value::Map(entries.into_iter().flatten().map(|(key, value)| (Value::Str(key), value)).collect()).encode()
    }

    /// Where no answer is expected some writers leave the key out, others write nil, and others an empty text.
    fn of(value: &Value<'a>) -> Option<Self> {
        let reply_to = value.get("replyTo").map_or(Some(""), Value::as_str)?;
        Some(Self {
            subject: value.get("subject")?.as_str()?,
            reply_to: Some(reply_to).filter(|subject| !subject.is_empty()),
            body: value.get("body").map_or(Some(&[][..]), Value::as_bytes)?,
        })
    }
}

/// A way to send messages: what stands behind one of the actor's links to a provider of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Messaging<'a>(Contract<'a>);

/// The way behind the link `default`.
impl Default for Messaging<'_> {
    fn default() -> Self {
        Self::linked(DEFAULT_LINK)
    }
}

impl<'a> Messaging<'a> {
    /// The way behind the link of this name.
    pub const fn linked(link: &'a str) -> Self {
        Self(Contract { id: "wasmcloud:messaging", link })
    }
}

impl Messaging<'_> {
    /// Sends a message. It is sent when this returns; whether anybody got it, nobody knows.
    ///
    /// # Errors
    /// The host's text, where it refuses the call or the provider fails.
    pub fn publish(&self, message: &Message<'_>) -> Result<(), String> {
        self.0.call("Messaging.Publish", &message.encode()).map(|_nothing| ())
    }

    /// Sends `body` to `subject` and returns the body of the first answer that comes within so many milliseconds.
    ///
    /// # Errors
    /// The host's text, where it refuses the call, the provider fails, or no answer came; or that the answer is none.
    pub fn request(&self, subject: &str, body: &[u8], timeout_ms: u32) -> Result<Vec<u8>, String> {
        let request =
            Value::map([("subject", subject.into()), ("body", body.into()), ("timeoutMs", timeout_ms.into())]);
        let answer = self.0.call("Messaging.Request", &request.encode())?;
        answer.read("a map with `subject` and `body`", |value| Message::of(value).map(|message| message.body.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{with_host, HostCall};

    fn check(record: &[HostCall], operation: &str, payload: &[u8]) {
        let call = HostCall {
            binding: "default".into(),
            namespace: "wasmcloud:messaging".into(),
            operation: operation.into(),
            payload: payload.into(),
        };
        assert_eq!(record, [call]);
    }

    #[test]
    fn publishes_with_and_without_a_subject_for_the_answer() {
        let mut message = Message { subject: "news", reply_to: None, body: b"\x00\xff" };
        let (sent, record) = with_host(|_| Ok(Vec::new()), || Messaging::default().publish(&message));
        assert_eq!(sent, Ok(()));
        check(&record.calls, "Messaging.Publish", b"\x82\xa7subject\xa4news\xa4body\xc4\x02\x00\xff");
        message.reply_to = Some("me");
        let (sent, record) = with_host(|_| Ok(vec![0xc0]), || Messaging::default().publish(&message));
        assert_eq!(sent, Ok(()));
        check(&record.calls, "Messaging.Publish", b"\x83\xa7subject\xa4news\xa7replyTo\xa2me\xa4body\xc4\x02\x00\xff");
    }

    #[test]
    fn requests_and_gets_the_body_of_the_answer() {
        let ask = || Messaging::default().request("time", b"?", 2_000);
        let (answer, record) = with_host(|_| Ok(b"\x82\xa7subject\xa1i\xa4body\xc4\x01\xff".to_vec()), ask);
        assert_eq!(answer, Ok(b"\xff".to_vec()));
        check(&record.calls, "Messaging.Request", b"\x83\xa7subject\xa4time\xa4body\xc4\x01?\xa9timeoutMs\xcd\x07\xd0");
        let (answer, _) = with_host(|_| Ok(Vec::new()), ask);
        assert_eq!(answer, Err("the answer to `Messaging.Request` is not a map with `subject` and `body`".into()));
        let (answer, _) = with_host(|_| Err("no responders".into()), ask);
        assert_eq!(answer, Err("no responders".into()));
    }

    #[test]
    fn the_link_can_be_chosen() {
        let message = Message { subject: "news", ..Message::default() };
        let (_, record) = with_host(|_| Ok(Vec::new()), || Messaging::linked("wire").publish(&message));
        assert_eq!(record.calls[0].binding, "wire");
    }

    #[test]
    fn reads_what_any_sdk_hands_over() {
        let with = |reply_to| Ok(Message { subject: "s", reply_to, body: b"b" });
        assert_eq!(Message::read(b"\x82\xa7subject\xa1s\xa4body\xc4\x01b"), with(None));
        assert_eq!(Message::read(b"\x83\xa7subject\xa1s\xa7replyTo\xc0\xa4body\xc4\x01b"), with(None));
        assert_eq!(Message::read(b"\x83\xa7subject\xa1s\xa7replyTo\xa0\xa4body\xa1b"), with(None));
        assert_eq!(Message::read(b"\x83\xa7subject\xa1s\xa7replyTo\xa1r\xa4body\xc4\x01b"), with(Some("r")));
        assert_eq!(Message::read(b"\x81\xa7subject\xa1s").map(|message| message.body), Ok(&b""[..]));
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for payload in [&b""[..], b"\xa1s", b"\x81\xa4body\xc4\x00", b"\x82\xa7subject\xa1s\xa4body\x01"] {
            assert_eq!(
                Message::read(payload),
                Err("the argument must be a map with `subject` and `body`".into()),
                "{:02x?}",
                payload
            );
        }
        assert_eq!(Message::read(b"\x82\xa7sub"), Err("the MessagePack ends early at byte 2".into()));
    }
}
