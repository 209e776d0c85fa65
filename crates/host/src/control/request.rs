//! A request as it came, before anything of it is believed.

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use lattice_protocol::{
    BID_HEADER, DecodeError, Encoding, FORCE_HEADER, Format, MERGE_HEADER, OFFSET_HEADER, OPERATION_HEADER,
    OperationId, PARTS_HEADER, PULL_HEADER, REQUESTER_HEADER, UPLOAD_HEADER, decode_command,
};

const ACCEPT: &str = "Accept";
const CONTENT_TYPE: &str = "Content-Type";
/// What a header says that is either there or not.
const YES: &str = "true";
/// Characters that are kept of what somebody says who they are.
const MAX_REQUESTER: usize = 200;

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    message: Message,
}

impl Request {
    pub(super) fn new(message: Message) -> Self {
        Self { message }
    }

    pub(super) fn subject(&self) -> &str {
        &self.message.subject
    }

    pub(super) fn reply_subject(&self) -> Option<&str> {
        self.message.reply.as_deref()
    }

    pub(super) fn body(&self) -> &Bytes {
        &self.message.payload
    }

    /// The operation that the client names.
    ///
    /// # Errors
    /// The header is there and no operation id.
    pub(super) fn operation_id(&self) -> Result<Option<OperationId>, lattice_protocol::IdError> {
        self.header(OPERATION_HEADER).map(str::parse).transpose()
    }

    /// Who sent it, by their own account.
    pub(super) fn requester(&self) -> Option<String> {
        let told = self.header(REQUESTER_HEADER)?.chars().filter(|c| !c.is_control());
        Some(told.take(MAX_REQUESTER).collect())
    }

    /// The bid that a start follows.
    pub(super) fn bid(&self) -> Option<&str> {
        self.header(BID_HEADER)
    }

    /// Whether it is to be done although it may be a mistake.
    pub(super) fn is_forced(&self) -> bool {
        self.header(FORCE_HEADER) == Some(YES)
    }

    /// The upload that the body is a part of, and the byte at which it begins there.
    pub(super) fn upload(&self) -> Option<(&str, u64)> {
        Some((self.header(UPLOAD_HEADER)?, self.header(OFFSET_HEADER)?.parse().ok()?))
    }

    /// When the source of its image is asked.
    pub(super) fn pull(&self) -> Option<&str> {
        self.header(PULL_HEADER)
    }

    /// Whether what it names changes and all else stays.
    pub(super) fn is_merge(&self) -> bool {
        self.header(MERGE_HEADER) == Some(YES)
    }

    /// Whether the answer may come in parts.
    pub(super) fn takes_parts(&self) -> bool {
        self.header(PARTS_HEADER) == Some(YES)
    }

    /// The format in which the answer is wanted, if the request tells: by its body, or without one by its headers.
    pub(super) fn wanted_format(&self) -> Option<Format> {
        let by_header = || {
            let wanted = |name| self.header(name).and_then(Encoding::of_media_type);
            wanted(ACCEPT).or_else(|| wanted(CONTENT_TYPE)).map(Format::from)
        };
        Format::of_request(self.body()).or_else(by_header)
    }

    /// The body as a command.
    pub(super) fn command<T: serde::de::DeserializeOwned>(&self, max: usize) -> Result<T, DecodeError> {
        match self.body().len() {
            size if size > max => Err(DecodeError::TooLarge { size, max }),
            _ => decode_command(self.body()),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.message.headers.as_ref().and_then(|headers: &HeaderMap| headers.get(name)).map(|value| value.as_str())
    }
}
