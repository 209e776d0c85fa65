//! One entry of a bucket, as its stream holds it.

use std::fmt;

use async_nats::{HeaderMap, jetstream::message::StreamMessage};
use bytes::Bytes;
use lattice_protocol::{HostKey, OperationId};

/// The header that tells which host of this project wrote an entry. It says of the change what it means to others: that
/// host publishes the event, and the others need not.
const WRITER: &str = "Lattice-Host";
/// The header that tells for which operation an entry was written.
const OPERATION: &str = "Lattice-Operation";
/// The header by which clients of key-value buckets mark that a key is gone.
const KV_OPERATION: &str = "KV-Operation";
/// The header of markers that the server itself writes.
const MARKER_REASON: &str = "Nats-Marker-Reason";
/// How published hosts read a removal; they do not understand the other marker, `PURGE`.
const DELETED: &str = "DEL";
const PURGED: &str = "PURGE";

/// The latest that was said of a key. `Debug` does not show the value, for it may be or hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Its place among all changes of the bucket.
    pub(crate) revision: u64,
    /// The value; none where the key was deleted or purged.
    pub(crate) value: Option<Bytes>,
    /// The host of this project that wrote it.
    pub(crate) writer: Option<HostKey>,
    /// The operation for which that host wrote it.
    pub(crate) operation: Option<OperationId>,
}

impl Entry {
    /// Reads what was stored under a key.
    pub(super) fn read(key: &str, revision: u64, headers: Option<&HeaderMap>, payload: &Bytes) -> Self {
        let header = |name| headers.and_then(|headers| headers.get(name)).map(|value| value.as_str());
        let is_gone = matches!(header(KV_OPERATION), Some(DELETED | PURGED)) || header(MARKER_REASON).is_some();
        Self {
            key: key.to_owned(),
            revision,
            value: (!is_gone).then(|| payload.clone()),
            writer: header(WRITER).and_then(|text| text.parse().ok()),
            operation: header(OPERATION).and_then(|text| text.parse().ok()),
        }
    }

    pub(super) fn of_stored(key: &str, message: &StreamMessage) -> Self {
        Self::read(key, message.sequence, Some(&message.headers), &message.payload)
    }

    /// What stands for a key of which the stream holds nothing any more, and nobody knows why.
    pub(super) fn vanished(key: String) -> Self {
        Self { key, revision: 0, value: None, writer: None, operation: None }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_ref().map(|value| format!("{} bytes", value.len()));
        f.debug_struct("Entry")
            .field("key", &self.key)
            .field("revision", &self.revision)
            .field("value", &value)
            .field("writer", &self.writer)
            .field("operation", &self.operation)
            .finish()
    }
}

/// What a write says of itself: who does it and for what, and that the key is gone if it is.
pub(super) fn headers(writer: &HostKey, operation: Option<&OperationId>, is_removal: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(WRITER, writer.as_str());
    if let Some(operation) = operation {
        headers.insert(OPERATION, operation.as_str());
    }
    if is_removal {
        headers.insert(KV_OPERATION, DELETED);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";

    fn check(headers: &[(&'static str, &str)], is_there: bool) {
        let map = headers.iter().map(|(name, value)| (async_nats::HeaderName::from_static(name), (*value).into()));
        let map: HeaderMap = map.collect();
        let entry = Entry::read("key", 7, Some(&map), &"value".into());
        assert_eq!(entry.value.is_some(), is_there, "{headers:?}");
    }

    #[test]
    fn removals_are_known_by_whatever_marks_them() {
        check(&[], true);
        check(&[("KV-Operation", "PUT")], true);
        check(&[("KV-Operation", "DEL")], false);
        check(&[("KV-Operation", "PURGE"), ("Nats-Rollup", "sub")], false);
        // As hosts of the Elixir generation write it.
        check(&[("KV-Operation", "PURGE")], false);
        check(&[("Nats-Marker-Reason", "MaxAge")], false);
    }

    #[test]
    fn what_is_written_is_read() {
        let (host, operation): (HostKey, OperationId) = (HOST.parse().expect("a key"), "one".parse().expect("a word"));
        let removal = headers(&host, Some(&operation), true);
        let entry = Entry::read("key", 7, Some(&removal), &Bytes::new());
        assert_eq!((entry.writer, entry.operation, entry.value), (Some(host.clone()), Some(operation), None));
        let entry = Entry::read("key", 7, Some(&headers(&host, None, false)), &"value".into());
        assert_eq!((entry.writer, entry.operation, entry.value), (Some(host), None, Some("value".into())));
    }

    #[test]
    fn debug_keeps_the_value_to_itself() {
        let entry = Entry::read("key", 7, None, &"secret".into());
        assert!(!format!("{entry:?}").contains("secret"));
    }
}
