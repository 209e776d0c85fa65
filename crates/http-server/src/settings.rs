//! [`Settings`]: what the values of a link say.
//!
//! Source of the keys: `wasmCloud/capability-providers` `httpserver-rs/src/settings.rs`: `config_b64`, `config_json`,
//! `address`, `port`, the later above the earlier, in upper or lower case; in the JSON `address`, `tls`, `timeout_ms`,
//! `max_content_len`. The other keys are of this project.

mod size;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use data_encoding::BASE64_NOPAD;
use hyper::header::{HeaderName, HeaderValue};
use lattice_provider::LinkValues;
use serde::{Deserialize, de::IgnoredAny};

use crate::{
    defaults::{ADDRESS, LONGEST_TIMEOUT, MAX_CONTENT, MAX_REQUESTS, MOST_REQUESTS, PORT_HOST},
    error::SettingsError,
    routes::Prefix,
};

/// What keys of request header fields begin with.
const HEADER: &str = "request_header.";

/// How a link's requests come and are treated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) path: Prefix,
    /// The path that is answered without the actor.
    pub(crate) health_path: Option<String>,
    /// Set on every request, instead of what the client sent.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Bytes of a body.
    pub(crate) max_content: usize,
    /// How long the actor may take, instead of what the host says.
    pub(crate) timeout: Option<Duration>,
    /// Requests at once.
    pub(crate) max_requests: usize,
}

/// Where certificate and key lie, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Settings {
    pub(crate) fn read(values: &LinkValues) -> Result<Self, SettingsError> {
        let values = lower_case(values)?;
        if values.contains_key("config_file") {
            return Err(SettingsError::File);
        }
        let mut layers = Vec::new();
        if let Some(base64) = values.get("config_b64") {
            let bytes = BASE64_NOPAD.decode(base64.trim().trim_end_matches('=').as_bytes());
            layers.push(json("config_b64", &bytes.map_err(|_| SettingsError::Base64)?)?);
        }
        if let Some(value) = values.get("config_json") {
            layers.push(json("config_json", value.as_bytes())?);
        }
        layers.push(Text::plain(&values));
        let headers = headers(&values)?;
        layers.into_iter().try_fold(Text::default(), Text::under)?.parse(headers)
    }
}

/// The settings as they were written.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Text {
    address: Option<String>,
    port: Option<Scalar>,
    path: Option<String>,
    health_path: Option<String>,
    tls: Option<TlsText>,
    timeout_ms: Option<Scalar>,
    max_content_len: Option<Scalar>,
    max_requests: Option<Scalar>,
    cors: Option<IgnoredAny>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct TlsText {
    cert_file: Option<PathBuf>,
    priv_key_file: Option<PathBuf>,
}

/// JSON's number, or the same as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Number(u64),
    Text(String),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Scalar::Number(number) => number.to_string(),
            Scalar::Text(text) => text,
        }
    }
}

impl Text {
    /// The keys that stand beside each other in the link.
    fn plain(values: &BTreeMap<String, &str>) -> Self {
        let value = |key| values.get(key).map(|value| (*value).to_owned());
        let scalar = |key| value(key).map(Scalar::Text);
        Self {
            address: value("address"),
            port: scalar("port"),
            path: value("path"),
            health_path: value("health_path"),
            tls: None,
            timeout_ms: scalar("timeout_ms"),
            max_content_len: scalar("max_content_len"),
            max_requests: scalar("max_requests"),
            cors: None,
        }
    }

    /// Both together, of which `other` counts more. A port in it is an address too.
    fn under(self, other: Self) -> Result<Self, SettingsError> {
        if other.cors.is_some() {
            tracing::warn!("`cors` is ignored: actors answer for other origins themselves");
        }
        Ok(Self {
            address: address(other.address, other.port)?.map(|address| address.to_string()).or(self.address),
            port: None,
            path: other.path.or(self.path),
            health_path: other.health_path.or(self.health_path),
            tls: other.tls.or(self.tls),
            timeout_ms: other.timeout_ms.or(self.timeout_ms),
            max_content_len: other.max_content_len.or(self.max_content_len),
            max_requests: other.max_requests.or(self.max_requests),
            cors: None,
        })
    }

    fn parse(self, headers: Vec<(HeaderName, HeaderValue)>) -> Result<Settings, SettingsError> {
        let timeout = self.timeout_ms.map(|value| timeout(value.text())).transpose()?;
        let max_content = self.max_content_len.map(|value| size::parse(value.text())).transpose()?;
        let max_requests = self.max_requests.map(|value| requests(value.text())).transpose()?;
        let path = self.path.as_deref().map_or(Ok(Prefix::default()), Prefix::parse)?;
        let health_path = self.health_path.map(|text| health_path(text, &path)).transpose()?;
        Ok(Settings {
            address: address(self.address, self.port)?.unwrap_or(ADDRESS),
            tls: self.tls.map(tls).transpose()?.flatten(),
            path,
            health_path,
            headers,
            max_content: max_content.unwrap_or(MAX_CONTENT),
            timeout,
            max_requests: max_requests.unwrap_or(MAX_REQUESTS),
        })
    }
}

fn lower_case(values: &LinkValues) -> Result<BTreeMap<String, &str>, SettingsError> {
    let mut lower = BTreeMap::new();
    for (key, value) in values {
        if lower.insert(key.to_lowercase(), value.as_str()).is_some() {
            return Err(SettingsError::Twice { key: key.to_lowercase() });
        }
    }
    Ok(lower)
}

fn json(key: &'static str, text: &[u8]) -> Result<Text, SettingsError> {
    // What the reader says may quote the text.
    serde_json::from_slice(text).map_err(|error| SettingsError::Json {
        key,
        line: error.line(),
        column: error.column(),
    })
}

fn address(address: Option<String>, port: Option<Scalar>) -> Result<Option<SocketAddr>, SettingsError> {
    if let Some(value) = port.map(Scalar::text) {
        let port = value.trim().parse();
        let expected = "a port, 0 to 65535";
        let port = port.map_err(|_| SettingsError::Number { key: "port", expected, value })?;
        return Ok(Some(SocketAddr::new(PORT_HOST, port)));
    }
    let Some(value) = address else { return Ok(None) };
    value.trim().parse().map(Some).map_err(|_| SettingsError::Address { key: "address", value })
}

fn tls(text: TlsText) -> Result<Option<TlsFiles>, SettingsError> {
    match (text.cert_file, text.priv_key_file) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        _ => Err(SettingsError::HalfTls),
    }
}

fn health_path(text: String, prefix: &Prefix) -> Result<String, SettingsError> {
    match text.starts_with('/') && Prefix::parse(&text).is_ok() && prefix.covers(&text) {
        true => Ok(text),
        false => Err(SettingsError::HealthPath { value: text, prefix: prefix.shown().to_owned() }),
    }
}

fn timeout(value: String) -> Result<Duration, SettingsError> {
    let expected = "milliseconds from 1 to a day's";
    let parsed = value.trim().parse().ok().map(Duration::from_millis);
    let parsed = parsed.filter(|timeout| !timeout.is_zero() && *timeout <= LONGEST_TIMEOUT);
    parsed.ok_or(SettingsError::Number { key: "timeout_ms", expected, value })
}

fn requests(value: String) -> Result<usize, SettingsError> {
    let parsed = value.trim().parse().ok().filter(|requests| (1..=MOST_REQUESTS).contains(requests));
    parsed.ok_or(SettingsError::Number { key: "max_requests", expected: "from 1 to 1048576", value })
}

fn headers(values: &BTreeMap<String, &str>) -> Result<Vec<(HeaderName, HeaderValue)>, SettingsError> {
    let fields = values.iter().filter_map(|(key, value)| Some((key, key.strip_prefix(HEADER)?, value)));
    fields
        .map(|(key, name, value)| {
            let refused = || SettingsError::Header { key: key.clone() };
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
            // Actors get texts, so that what is no plain one would be lost.
            let value = HeaderValue::from_str(value).ok().filter(|value| value.to_str().is_ok());
            Ok((name, value.ok_or_else(refused)?))
        })
        .collect()
}

#[cfg(test)]
mod tests;
