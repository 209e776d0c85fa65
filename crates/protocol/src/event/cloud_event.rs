//! The envelope of every event.

use std::{fmt, time::SystemTime};

use serde::{Deserialize, Serialize};

use super::data::EventData;
use crate::{id::OperationId, redaction::redacted};

/// What event types start with, before the event's name.
const TYPE_PREFIX: &str = "com.wasmcloud.lattice.";
const SPEC_VERSION: &str = "1.0";
const JSON: &str = "application/json";
/// Digits of a sequence number: enough for any 64-bit number, so that texts sort as numbers do.
const SEQUENCE_DIGITS: usize = 20;

/// An event in its envelope, as it stands on the wire.
///
/// Hosts of other projects tell the values of links, which may hold secrets, so `Debug` shows data of known kinds alone.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// The version of the CloudEvents specification, `1.0`.
    pub specversion: String,
    /// The event's id, unique by source.
    pub id: String,
    /// `com.wasmcloud.lattice.` and the event's name.
    #[serde(rename = "type")]
    pub kind: String,
    /// The host that says it, by its bare key.
    pub source: String,
    /// `application/json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// When it happened, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The operation that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operationid: Option<OperationId>,
    /// Which start of the host says it; changes with every start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostepoch: Option<String>,
    /// The event's number among those of this host and start, zero-padded. A gap is a lost event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// What happened.
    #[serde(default)]
    pub data: serde_json::Value,
}

impl fmt::Debug for CloudEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudEvent")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("source", &self.source)
            .field("time", &self.time)
            .field("operationid", &self.operationid)
            .field("hostepoch", &self.hostepoch)
            .field("sequence", &self.sequence)
            .field("data", &self.known_data())
            .finish_non_exhaustive()
    }
}

/// Why a message on an event subject is no event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The envelope could not be read.
    #[error("not a CloudEvent in structured JSON")]
    Envelope(#[source] serde_json::Error),
}

impl CloudEvent {
    /// An event of this kind with its envelope; `id` must be unique among the events of `source`.
    pub fn new(id: impl Into<String>, source: impl Into<String>, time: SystemTime, data: &EventData) -> Self {
        Self {
            specversion: SPEC_VERSION.to_owned(),
            id: id.into(),
            kind: format!("{TYPE_PREFIX}{}", data.name()),
            source: source.into(),
            datacontenttype: Some(JSON.to_owned()),
            time: Some(humantime::format_rfc3339_nanos(time).to_string()),
            operationid: None,
            hostepoch: None,
            sequence: None,
            data: data.to_value(),
        }
    }

    /// The same event, caused by an operation.
    #[must_use]
    pub fn caused_by(mut self, operation: Option<OperationId>) -> Self {
        self.operationid = operation;
        self
    }

    /// The same event with its place among those of one start of its host.
    #[must_use]
    pub fn numbered(mut self, epoch: impl Into<String>, sequence: u64) -> Self {
        self.hostepoch = Some(epoch.into());
        self.sequence = Some(format!("{sequence:0SEQUENCE_DIGITS$}"));
        self
    }

    /// Reads an event.
    ///
    /// # Errors
    /// [`EventError`] if the bytes are no CloudEvent. Unknown kinds and data of another shape are no errors, see
    /// [`data`](Self::known_data).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EventError> {
        serde_json::from_slice(bytes).map_err(|error| EventError::Envelope(redacted(error)))
    }

    /// The event's bytes.
    ///
    /// # Panics
    /// Never: the envelope has string keys and is written to memory.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an event has string keys and is written to memory")
    }

    /// The event's name, `host_started` for instance.
    pub fn name(&self) -> &str {
        self.kind.strip_prefix(TYPE_PREFIX).unwrap_or(&self.kind)
    }

    /// The event's data, if it is of a kind and shape that this crate knows.
    pub fn known_data(&self) -> Option<EventData> {
        EventData::from_value(self.name(), &self.data)
    }

    /// The sequence number, if the event has one.
    pub fn sequence_number(&self) -> Option<u64> {
        self.sequence.as_deref()?.parse().ok()
    }
}
