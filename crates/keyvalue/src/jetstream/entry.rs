//! [`Entry`]: a value and until when it counts, as a message of the bucket.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::HeaderMap;
use bytes::Bytes;

use super::value::Value;
use crate::{defaults::MARK_LIFE, storage::Kind};

/// Says that the value is a list or a set; a text has none.
const KIND: &str = "Lattice-Type";
/// When the value is over, in milliseconds since 1970.
const EXPIRES: &str = "Lattice-Expires";
/// What happened to a key, as every client of buckets has it.
const OPERATION: &str = "KV-Operation";
/// What the server notes where it removed something by itself.
const MARKER: &str = "Nats-Marker-Reason";
/// After how many seconds the server removes the message.
const TTL: &str = "Nats-TTL";
/// Removes what was under the subject before.
const ROLLUP: &str = "Nats-Rollup";

/// What is under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: Value,
    /// When it is over.
    pub(super) expires: Option<SystemTime>,
}

impl Entry {
    /// Reads a message of the bucket; `None` if it says that the key was removed, or is over.
    pub(super) fn read(headers: &HeaderMap, body: &[u8], now: SystemTime) -> Option<Self> {
        let header = |name: &str| headers.get(name).map(|value| value.as_str());
        if matches!(header(OPERATION), Some("DEL" | "PURGE")) || header(MARKER).is_some() {
            return None;
        }
        let expires = header(EXPIRES).and_then(read_time);
        if expires.is_some_and(|expires| expires <= now) {
            return None;
        }
        let value = match header(KIND) {
            None => text(body).map(Value::Text),
            Some("list") => serde_json::from_slice(body).ok().map(Value::List),
            Some("set") => serde_json::from_slice(body).ok().map(Value::Set),
            Some(_) => None,
        };
        Some(Self { value: value.unwrap_or(Value::Foreign), expires })
    }

    /// The headers, with a time after which the server removes the message if it can.
    pub(super) fn headers(&self, server_expires: bool, now: SystemTime) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.value.kind() != Kind::Text {
            headers.insert(KIND, self.value.kind().to_string());
        }
        if let Some(expires) = self.expires {
            headers.insert(EXPIRES, milliseconds(expires).to_string());
            if server_expires {
                headers.insert(TTL, seconds_until(expires, now).to_string());
            }
        }
        headers
    }

    pub(super) fn body(&self) -> Bytes {
        match &self.value {
            Value::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Value::List(items) => json(items),
            Value::Set(members) => json(members),
            Value::Foreign => Bytes::new(),
        }
    }
}

/// The headers of a message that says that the key was removed.
pub(super) fn removal(server_expires: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(OPERATION, "PURGE");
    headers.insert(ROLLUP, "sub");
    if server_expires {
        headers.insert(TTL, MARK_LIFE.as_secs().to_string());
    }
    headers
}

fn text(body: &[u8]) -> Option<String> {
    std::str::from_utf8(body).ok().map(str::to_owned)
}

fn json(texts: &impl serde::Serialize) -> Bytes {
    serde_json::to_vec(texts).expect("texts serialize, and memory is written").into()
}

fn read_time(text: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(text.parse().ok()?))
}

fn milliseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// Not less than is left: the header with the time decides, and the server only cleans up.
fn seconds_until(expires: SystemTime, now: SystemTime) -> u64 {
    expires.duration_since(now).unwrap_or_default().as_secs() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + NOW + Duration::from_secs(seconds)
    }

    fn texts<C: FromIterator<String>>(texts: &[&str]) -> C {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn entries_are_read_as_they_were_written() {
        for value in
            [Value::Text("[1]".to_owned()), Value::List(texts(&["b", "\"", "b"])), Value::Set(texts(&["b", "a"]))]
        {
            for (expires, server) in [(None, true), (Some(at(5)), true), (Some(at(5)), false)] {
                let entry = Entry { value: value.clone(), expires };
                let headers = entry.headers(server, at(0));
                assert_eq!(headers.get(TTL).map(|ttl| ttl.as_str()), (expires.is_some() && server).then_some("6"));
                let read = |now| Entry::read(&headers, &entry.body(), now);
                assert_eq!(read(at(4)), Some(entry.clone()));
                assert_eq!(read(at(5)).is_some(), expires.is_none());
            }
        }
    }

    #[test]
    fn what_other_programs_write_is_text_or_foreign() {
        let read = |headers: &[(&str, &str)], body: &[u8]| {
            let mut map = HeaderMap::new();
            headers.iter().for_each(|(name, value)| map.insert(*name, *value));
            Entry::read(&map, body, at(0)).map(|entry| entry.value)
        };
        assert_eq!(read(&[], b"plain"), Some(Value::Text("plain".to_owned())));
        for removed in [(OPERATION, "DEL"), (OPERATION, "PURGE"), (MARKER, "MaxAge")] {
            assert_eq!(read(&[removed], b""), None);
        }
        for (headers, body) in [
            (&[][..], b"\xff".as_slice()),
            (&[(KIND, "list")], b"no JSON"),
            (&[(KIND, "set")], b"[1]"),
            (&[(KIND, "tree")], b"[]"),
        ] {
            assert_eq!(read(headers, body), Some(Value::Foreign), "{headers:?}");
        }
        assert_eq!(read(&[(EXPIRES, "soon")], b"x"), Some(Value::Text("x".to_owned())));
        assert_eq!(Entry::read(&removal(true), b"", at(0)), None);
    }
}
