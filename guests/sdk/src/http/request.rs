//! The request, as the contract's `HttpRequest` has it.

use super::header;
use crate::escape::decode_query;
use crate::msgpack::{argument, Value};

/// A request that came to an HTTP provider. By default it is `GET /` with nothing else in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// What stands behind the `?` of the URL, as it stands there; empty if there is none.
    pub query: &'a str,
    /// The names and values of the header fields; a name that has several values stands here several times.
    pub header: Vec<(&'a str, &'a str)>,
    /// The body, in any encoding.
    pub body: &'a [u8],
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self { method: "GET", path: "/", query: "", header: Vec::new(), body: &[] }
    }
}

impl<'a> Request<'a> {
    /// Returns the request that a provider hands over as the payload of `HttpServer.HandleRequest`.
    ///
    /// What is not said, or left empty, is as in the default one: so any caller gets a page without saying much.
    ///
    /// # Errors
    /// If this is no request.
    pub fn read(payload: &'a [u8]) -> Result<Self, String> {
        let request = argument(payload)?;
        match request {
            Value::Nil | Value::Map(_) => {}
            other => return Err(format!("the argument must be a map with `method` and `path`, not {}", other.kind())),
        }
        Ok(Self {
            method: text(&request, "method", "GET")?,
            path: text(&request, "path", "/")?,
            query: text(&request, "queryString", "")?,
            header: header::read(request.get("header")),
            body: body(&request)?,
        })
    }

    /// Returns the request as the contract writes it.
    pub fn encode(&self) -> Vec<u8> {
        Value::map([
            ("method", self.method.into()),
            ("path", self.path.into()),
            ("queryString", self.query.into()),
            ("header", header::write(self.header.iter().copied())),
            ("body", self.body.into()),
        ])
        .encode()
    }

    /// The first value of the header field of this name, if there is one.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.header_values(name).next()
    }

    /// All values of the header field of this name.
    pub fn header_values<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'a str> + 'r {
        self.header.iter().filter(move |(known, _)| header::same(known, name)).map(|(_, value)| *value)
    }

    /// The first value of the query parameter of this name, decoded, if there is one.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.parameters().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The names and values of all query parameters, decoded; one without `=` has an empty value.
    pub fn parameters(&self) -> impl Iterator<Item = (String, String)> + 'a {
        self.query.split('&').filter(|parameter| !parameter.is_empty()).map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            (decode_query(name), decode_query(value))
        })
    }
}

fn text<'a>(request: &Value<'a>, key: &str, default: &'a str) -> Result<&'a str, String> {
    match request.get(key) {
        None | Some(Value::Str("")) => Ok(default),
        Some(Value::Str(text)) => Ok(text),
        Some(other) => Err(format!("`{}` must be a string, not {}", key, other.kind())),
    }
}

fn body<'a>(request: &Value<'a>) -> Result<&'a [u8], String> {
    match request.get("body") {
        None => Ok(&[]),
        Some(value) => value.as_bytes().ok_or_else(|| format!("`body` must be a binary, not {}", value.kind())),
    }
}
