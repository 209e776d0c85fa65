//! One request and its answer: headers, limits, refusals, and why there is no answer.

mod parts;

use std::{io, time::Duration};

use async_nats::{HeaderMap, Message, PublishErrorKind, RequestErrorKind, Subscriber, connection::State};
use bytes::Bytes;
use futures::{StreamExt as _, stream::FuturesUnordered};
use lattice_protocol::{Ack, DecodeError, Encoding, Format, ProviderKey, RefusalCode, decode_command};
use serde::de::DeserializeOwned;
use tokio::time;

use crate::{
    client::Client,
    connect::{Cause, cause},
};

/// The header that tells the encoding of a body.
pub(crate) const CONTENT_TYPE: &str = "Content-Type";
/// The header that tells which encoding the answer shall have.
const ACCEPT: &str = "Accept";

/// Why a control request got no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Nobody listens on the subject: the host is gone or was never there.
    #[error("no responders on `{subject}`")]
    NoResponders {
        /// Where the request was sent.
        subject: String,
    },
    /// No answer in time. The host may still act on the request.
    #[error("no answer on `{subject}` within {timeout:?}")]
    TimedOut {
        /// Where the request was sent.
        subject: String,
        /// How long the caller waited.
        timeout: Duration,
    },
    /// An answer came that is none to this request.
    #[error("the answer on `{subject}` cannot be read")]
    Unreadable {
        /// Where the request was sent.
        subject: String,
        /// What is wrong with the answer.
        source: DecodeError,
    },
    /// The host said no.
    #[error("refused on `{subject}`: {error}")]
    Refused {
        /// Where the request was sent.
        subject: String,
        /// Why, in the host's words.
        error: String,
        /// What kind of refusal it is; hosts of other projects do not tell.
        code: Option<RefusalCode>,
        /// The provider of the link that stands, where a link is refused for it.
        provider_id: Option<ProviderKey>,
    },
    /// The answer came in parts, and some of them did not come.
    #[error(
        "of the {of} parts of the answer on `{subject}` did not come within {timeout:?}: {}",
        parts::listed(missing)
    )]
    PartsMissing {
        /// Where the request was sent.
        subject: String,
        /// The numbers of those that did not come, from 1.
        missing: Vec<u32>,
        /// How many there are.
        of: u32,
        /// How long the caller waited.
        timeout: Duration,
    },
    /// The request is larger than what the server carries; it was not sent.
    #[error("the request on `{subject}` has {size} bytes, the server carries at most {max}, headers included")]
    TooLarge {
        /// Where the request was to be sent.
        subject: String,
        /// Bytes of the request's body.
        size: usize,
        /// Bytes that the server carries.
        max: usize,
    },
    /// No answer in time, and no connection to the server either; it is restored as soon as it can be.
    ///
    /// Like one that timed out, the request may have arrived. It may also be sent yet, once the connection is restored.
    #[error("no answer on `{subject}` within {timeout:?}, for the connection is down")]
    Disconnected {
        /// Where the request was to be sent.
        subject: String,
        /// How long the caller waited.
        timeout: Duration,
    },
    /// More answers came than are kept; the others were not read.
    #[error("the answers on `{subject}` take more than {max} bytes")]
    TooMuch {
        /// Where the request was sent.
        subject: String,
        /// Bytes that are kept.
        max: usize,
    },
    /// A key of configuration that is not one or more tokens of a subject; nothing was sent.
    #[error(
        "`{key}` is no key for configuration: it has to be made of subject tokens, without white space and wildcards"
    )]
    Key {
        /// The key.
        key: String,
    },
    /// The connection is closed for good, or does not take the request.
    #[error("the connection does not take a request on `{subject}`")]
    Connection {
        /// Where the request was to be sent.
        subject: String,
        /// What went wrong.
        source: Cause,
    },
}

impl RequestError {
    /// What kind of refusal it is, if it is one and the host tells.
    pub fn refusal_code(&self) -> Option<RefusalCode> {
        match self {
            RequestError::Refused { code, .. } => *code,
            _ => None,
        }
    }

    /// Whether the request may have been acted on although no answer came.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, RequestError::TimedOut { .. } | RequestError::Disconnected { .. })
    }
}

impl Client {
    /// Sends a request and reads its answer.
    pub(crate) async fn request<T: DeserializeOwned>(&self, request: Outgoing) -> Result<T, RequestError> {
        let subject = request.subject.clone();
        let message = self.exchange(request).await?;
        read_answer(&subject, &message.payload)
    }

    /// Sends a request that changes nothing and reads its answer, which is asked for again in parts if it is too large
    /// for one message.
    pub(crate) async fn query<T: DeserializeOwned>(&self, request: Outgoing) -> Result<T, RequestError> {
        match self.request(request.clone()).await {
            Err(error) if error.refusal_code() == Some(RefusalCode::TooLarge) => self.request_in_parts(request).await,
            answer => answer,
        }
    }

    /// Sends a request that changes nothing to whichever host takes it, and returns what the first one tells. A host that does
    /// not answer costs a moment: another one is asked besides. A refusal counts where nobody who was asked tells more.
    pub(crate) async fn query_any<T: DeserializeOwned>(
        &self,
        request: Outgoing,
        again: Again,
    ) -> Result<T, RequestError> {
        let (mut asked, mut refused) = (FuturesUnordered::new(), None);
        let mut times = time::interval(again.after);
        loop {
            // Cancel-safe: what is asked stays in its set, and answers wait there.
            let answer = tokio::select! {
                _ = times.tick(), if asked.len() < again.at_most && refused.is_none() => {
                    asked.push(self.query(request.clone()));
                    continue;
                }
                Some(answer) = asked.next() => answer,
            };
            match answer {
                Err(error @ RequestError::Refused { .. }) if !asked.is_empty() => refused = refused.or(Some(error)),
                Err(error) => return Err(refused.unwrap_or(error)),
                answer => return answer,
            }
        }
    }

    /// Sends a request and returns its answer, whatever it says.
    pub(crate) async fn exchange(&self, request: Outgoing) -> Result<Message, RequestError> {
        let Outgoing { subject, headers, body, timeout } = request;
        let size = body.len();
        let sent = async_nats::Request::new().headers(headers).payload(body).timeout(None);
        let answer = self.in_time(&subject, timeout, self.nats().send_request(subject.clone(), sent)).await?;
        answer.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => RequestError::NoResponders { subject },
            RequestErrorKind::TimedOut => self.silence(subject, timeout),
            RequestErrorKind::MaxPayloadExceeded => self.too_large(subject, size),
            RequestErrorKind::InvalidSubject | RequestErrorKind::Other => {
                RequestError::Connection { subject, source: cause(&error) }
            }
        })
    }

    /// Publishes a request whose answers go to `inbox`.
    pub(crate) async fn publish(&self, request: Outgoing, inbox: String) -> Result<(), RequestError> {
        let Outgoing { subject, headers, body, timeout } = request;
        let size = body.len();
        let sending = self.nats().publish_with_reply_and_headers(subject.clone(), inbox, headers, body);
        let sent = self.in_time(&subject, timeout, sending).await?;
        sent.map_err(|error| match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => self.too_large(subject, size),
            _ => RequestError::Connection { subject, source: cause(&error) },
        })
    }

    /// Bounds what the transport does not: while the connection is down, its queue may be full and stay so.
    pub(crate) async fn in_time<T>(
        &self,
        subject: &str,
        timeout: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, RequestError> {
        time::timeout(timeout, work).await.map_err(|_| self.silence(subject.to_owned(), timeout))
    }

    /// Subscribes for what has to do with `subject`.
    pub(crate) async fn subscribe(
        &self,
        to: String,
        subject: &str,
        timeout: Duration,
    ) -> Result<Subscriber, RequestError> {
        let subscribed = self.in_time(subject, timeout, self.nats().subscribe(to)).await?;
        subscribed.map_err(|error| RequestError::Connection { subject: subject.to_owned(), source: cause(&error) })
    }

    /// Why nothing came: no connection, or no answer over one.
    pub(crate) fn silence(&self, subject: String, timeout: Duration) -> RequestError {
        match self.nats().connection_state() {
            State::Connected => RequestError::TimedOut { subject, timeout },
            _ => RequestError::Disconnected { subject, timeout },
        }
    }

    fn too_large(&self, subject: String, size: usize) -> RequestError {
        RequestError::TooLarge { subject, size, max: self.nats().max_payload() }
    }
}

/// When a question that any host answers is asked again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Again {
    /// How long after the last time.
    pub(crate) after: Duration,
    /// How often in all.
    pub(crate) at_most: usize,
}

/// A request as it goes out.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) subject: String,
    headers: HeaderMap,
    body: Bytes,
    pub(crate) timeout: Duration,
}

impl Outgoing {
    /// A request without a body, which wants its answer in the client's format.
    pub(crate) fn query(client: &Client, subject: String) -> Self {
        let settings = client.settings();
        Self { subject, headers: headers(settings.format), body: Bytes::new(), timeout: settings.timeout }
    }

    /// A request with a body in the client's format.
    pub(crate) fn with_body<T: serde::Serialize>(client: &Client, subject: String, body: &T) -> Self {
        let format = client.settings().format;
        Self { body: lattice_protocol::encode(body, format).into(), ..Self::query(client, subject) }
            .header(CONTENT_TYPE, format.encoding.media_type())
    }

    /// A request with these bytes for its body, whatever they are.
    pub(crate) fn with_bytes(client: &Client, subject: String, body: Bytes) -> Self {
        Self { body, ..Self::query(client, subject) }
    }

    /// With a header, whose value is given on one line.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.replace(|c: char| c.is_control(), " "));
        self
    }

    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

fn headers(format: Format) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, Encoding::media_type(format.encoding));
    headers
}

/// What to say when a subscription ends, which it does with its connection.
pub(crate) fn closed(subject: String) -> RequestError {
    RequestError::Connection { subject, source: io::Error::from(io::ErrorKind::NotConnected).into() }
}

/// Reads an answer; a refusal is recognised first, because it would pass for an empty answer of most types.
pub(crate) fn read_answer<T: DeserializeOwned>(subject: &str, body: &[u8]) -> Result<T, RequestError> {
    if let Ok(Ack { accepted: false, error, code, provider_id, .. }) = lattice_protocol::decode(body) {
        return Err(RequestError::Refused { subject: subject.to_owned(), error, code, provider_id });
    }
    decode_command(body).map_err(|source| RequestError::Unreadable { subject: subject.to_owned(), source })
}

#[cfg(test)]
mod tests;
