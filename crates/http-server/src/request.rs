//! A request as its actor gets it.

use std::{borrow::Cow, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::{
    HeaderMap,
    body::{Body as _, Frame, Incoming},
    header::{GetAll, HOST, HeaderName, HeaderValue},
    http::request::Parts,
};
use lattice_protocol::contract::http_server::HttpRequest;
use lattice_provider::encode as payload;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, timeout},
};

use crate::{
    answer::Rejection,
    defaults::{BODY_LIMIT, BODY_PAUSE},
    routes::Route,
};

/// A whole body, and the room that it takes.
#[derive(Default)]
pub(crate) struct Body<'a> {
    pub(crate) bytes: Bytes,
    room: Option<SemaphorePermit<'a>>,
}

/// Reads a body to its end, within the limits of its route.
pub(crate) async fn body(mut incoming: Incoming, route: &Route) -> Result<Body<'_>, Rejection> {
    if incoming.is_end_stream() {
        return Ok(Body::default());
    }
    if incoming.size_hint().lower() > route.max_content as u64 {
        return Err(Rejection::TOO_LARGE);
    }
    let end = Instant::now() + BODY_LIMIT;
    let mut body = Body::default();
    // Joined when a second part comes; most bodies are one, and are not copied.
    let mut joined = BytesMut::new();
    while let Some(frame) = next(&mut incoming, end).await? {
        let Ok(part) = frame.into_data() else { continue };
        body.make_room(part.len(), route)?;
        if body.bytes.is_empty() && joined.is_empty() {
            body.bytes = part;
            continue;
        }
        if joined.is_empty() {
            joined.reserve(expected(&incoming, &body.bytes, &part, route));
            joined.extend_from_slice(&std::mem::take(&mut body.bytes));
        }
        joined.extend_from_slice(&part);
    }
    if !joined.is_empty() {
        body.bytes = joined.freeze();
    }
    Ok(body)
}

/// Bytes that the whole body will have, as far as that is known.
fn expected(incoming: &Incoming, first: &Bytes, second: &Bytes, route: &Route) -> usize {
    let rest = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
    (first.len() + second.len()).saturating_add(rest).min(route.max_content)
}

async fn next(incoming: &mut Incoming, end: Instant) -> Result<Option<Frame<Bytes>>, Rejection> {
    let pause = BODY_PAUSE.min(end.saturating_duration_since(Instant::now()));
    match within(pause, incoming.frame()).await? {
        None => Ok(None),
        Some(Ok(frame)) => Ok(Some(frame)),
        Some(Err(error)) => {
            tracing::debug!(%error, "a body ended early");
            Err(Rejection::BAD_BODY)
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Rejection> {
    timeout(limit, work).await.map_err(|_| Rejection::SLOW_BODY)
}

impl<'a> Body<'a> {
    fn make_room(&mut self, bytes: usize, route: &'a Route) -> Result<(), Rejection> {
        let taken = self.room.as_ref().map_or(0, SemaphorePermit::num_permits);
        if taken + bytes > route.max_content {
            return Err(Rejection::TOO_LARGE);
        }
        let share = u32::try_from(bytes).map_err(|_| Rejection::TOO_LARGE)?;
        let room = route.bodies.try_acquire_many(share).map_err(|_| Rejection::BUSY)?;
        match &mut self.room {
            Some(taken) => taken.merge(room),
            none => *none = Some(room),
        }
        Ok(())
    }
}

/// The payload of the call.
pub(crate) fn encode(mut head: Parts, body: &Bytes, route: &Route) -> Bytes {
    complete(&mut head, &route.headers);
    payload(&HttpRequest {
        method: Cow::Borrowed(head.method.as_str()),
        path: Cow::Borrowed(head.uri.path()),
        query_string: Cow::Borrowed(head.uri.query().unwrap_or_default()),
        header: Fields(&head.headers),
        body: Cow::Borrowed(body),
    })
}

/// Adds what the link says, and what HTTP/2 writes elsewhere.
fn complete(head: &mut Parts, fixed: &[(HeaderName, HeaderValue)]) {
    if !head.headers.contains_key(HOST)
        && let Some(host) = head.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok())
    {
        head.headers.insert(HOST, host);
    }
    for (name, value) in fixed {
        head.headers.insert(name.clone(), value.clone());
    }
}

/// Writes fields as the contract has them, without first making it of them. Values that are no plain text are left out,
/// as by the published provider.
struct Fields<'a>(&'a HeaderMap);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = || self.0.keys().map(|name| (name, Values(self.0.get_all(name)))).filter(|(_, values)| values.any());
        let mut map = serializer.serialize_map(Some(all().count()))?;
        for (name, values) in all() {
            map.serialize_entry(name.as_str(), &values)?;
        }
        map.end()
    }
}

/// The values of one field.
struct Values<'a>(GetAll<'a, HeaderValue>);

impl Values<'_> {
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|value| value.to_str().ok())
    }

    fn any(&self) -> bool {
        self.texts().next().is_some()
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Counted first, because the length is written first.
        let mut texts = serializer.serialize_seq(Some(self.texts().count()))?;
        for text in self.texts() {
            texts.serialize_element(text)?;
        }
        texts.end()
    }
}
