//! The response, as the contract's `HttpResponse` has it.

use super::header;
use crate::msgpack::{decode, Value};

/// What an HTTP provider is to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The names and values of the header fields; a name that has several values stands here several times.
    pub header: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response with a page.
    pub fn html(status: u16, page: impl Into<String>) -> Self {
        Self::with_body(status, "text/html; charset=utf-8", page.into())
    }

    /// A response with a JSON text; [`escape::json`](crate::escape::json) helps to write one.
    pub fn json(status: u16, json: impl Into<String>) -> Self {
        Self::with_body(status, "application/json", json.into())
    }

    /// A response with plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::with_body(status, "text/plain; charset=utf-8", text.into())
    }

    /// A response with a body of any type.
    pub fn with_body(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, header: Vec::new(), body: body.into() }.with_header("content-type", content_type)
    }

    /// The response with one more header field, or with one more value of it.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.header.push((name.into(), value.into()));
        self
    }

    /// The first value of the header field of this name, if there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.header.iter();
        fields.find(|(known, _)| header::same(known, name)).map(|(_, value)| value.as_str())
    }

    /// Returns the response that an actor answered `HttpServer.HandleRequest` with.
    ///
    /// # Errors
    /// If this is none.
    pub fn read(payload: &[u8]) -> Result<Self, String> {
        Self::of(&decode(payload)?).ok_or_else(|| String::from("the answer is not a map with `statusCode` and `body`"))
    }

    /// Returns the response as the contract writes it.
    pub fn encode(&self) -> Vec<u8> {
        let fields = self.header.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Value::map([
            ("statusCode", Value::Uint(self.status.into())),
            ("header", header::write(fields)),
            ("body", Value::Bin(&self.body)),
        ])
        .encode()
    }

    fn of(value: &Value<'_>) -> Option<Self> {
        let fields = header::read(value.get("header")).into_iter();
        Some(Self {
            status: value.get("statusCode")?.as_u64()?.try_into().ok()?,
            header: fields.map(|(name, value)| (name.into(), value.into())).collect(),
            body: value.get("body").map_or(Some(&[][..]), Value::as_bytes)?.into(),
        })
    }
}
