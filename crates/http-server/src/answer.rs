//! From a request to its response: the actor is called, and what goes wrong has a status.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use lattice_protocol::{contract::http_server::HANDLE_REQUEST, error_chain};
use lattice_provider::{CallError, RefusalKind, TraceContext};
use tokio::time::Instant;

use crate::{defaults::DEADLINE_MARGIN, listener::Site, request, response, routes::Route};

/// What stands in headers and invocations alike: W3C trace context.
const TRACE: [&str; 2] = ["traceparent", "tracestate"];
/// The type of what this server says itself.
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";
/// The answer on the health path.
const HEALTHY: &str = "alive";

/// Why a request is not answered by its actor, as the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) status: StatusCode,
    pub(crate) text: &'static str,
}

impl Rejection {
    pub(crate) const BAD_BODY: Self = Self::new(StatusCode::BAD_REQUEST, "the body cannot be read");
    pub(crate) const SLOW_BODY: Self = Self::new(StatusCode::REQUEST_TIMEOUT, "the body took too long");
    pub(crate) const TOO_LARGE: Self = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
    pub(crate) const BUSY: Self = Self::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once");
    pub(crate) const BAD_ANSWER: Self = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be used");
    const NOBODY: Self = Self::new(StatusCode::NOT_FOUND, "nothing answers for this path");
    const CONNECT: Self = Self::new(StatusCode::NOT_IMPLEMENTED, "this is no proxy");
    const STOPPING: Self = Self::new(StatusCode::SERVICE_UNAVAILABLE, "the service is being stopped");
    const LATE: Self = Self::new(StatusCode::SERVICE_UNAVAILABLE, "the service did not answer in time");
    const GONE: Self = Self::new(StatusCode::SERVICE_UNAVAILABLE, "the service does not run now");
    const FAILED: Self = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the service failed");

    const fn new(status: StatusCode, text: &'static str) -> Self {
        Self { status, text }
    }

    fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(format!("{}\n", self.text)));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PLAIN_TEXT));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Answers one request. Dropping the future drops the call.
pub(crate) async fn answer(site: &Site, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.method() == Method::CONNECT {
        return Rejection::CONNECT.response();
    }
    let Some(route) = site.route(request.uri().path()) else { return Rejection::NOBODY.response() };
    if route.health_path.as_deref() == Some(request.uri().path()) {
        return health();
    }
    let answered = route_to(site, &route, request).await;
    answered.unwrap_or_else(Rejection::response)
}

/// What those who watch over servers are told: connections are taken here, and the link is in force.
fn health() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(HEALTHY));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PLAIN_TEXT));
    response
}

async fn route_to(site: &Site, route: &Route, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Rejection> {
    let _place = route.places.try_acquire().map_err(|_| Rejection::BUSY)?;
    let (head, body) = request.into_parts();
    let body = request::body(body, route).await?;
    let (method, trace) = (head.method.clone(), trace(&head.headers));
    let payload = request::encode(head, &body.bytes, route);
    drop(body);
    let called = route.ended.run_until_cancelled(call(site, route, payload, trace)).await;
    let answer = called.ok_or(Rejection::STOPPING)??;
    response::decode(&answer, &method).map_err(|problem| {
        tracing::warn!(actor = %route.actor(), problem, "an actor's response cannot be used");
        Rejection::BAD_ANSWER
    })
}

async fn call(site: &Site, route: &Route, payload: Bytes, trace: TraceContext) -> Result<Bytes, Rejection> {
    let deadline = Instant::now() + route.timeout.unwrap_or_else(|| site.context.call_timeout());
    let call = site.context.call(&route.link, HANDLE_REQUEST, payload);
    call.with_deadline(deadline).with_trace(trace).send().await.map_err(|error| {
        tracing::warn!(actor = %route.actor(), error = error_chain(&error), "a request was not answered");
        rejection(&error, deadline)
    })
}

/// As the published provider has it: what takes too long is unavailable, any other error is the server's. Besides, what is
/// likely to go better soon is unavailable too.
fn rejection(error: &CallError, deadline: Instant) -> Rejection {
    let is_late = || Instant::now() + DEADLINE_MARGIN >= deadline;
    match error {
        CallError::TimedOut { .. } => Rejection::LATE,
        CallError::Failed { .. } if is_late() => Rejection::LATE,
        CallError::NoResponders { .. } => Rejection::GONE,
        CallError::Refused { kind: RefusalKind::Overloaded, .. } => Rejection::BUSY,
        CallError::TooLarge { .. } | CallError::PayloadTooLarge { .. } => Rejection::TOO_LARGE,
        _ => Rejection::FAILED,
    }
}

fn trace(headers: &HeaderMap) -> TraceContext {
    let value = |name: &str| Some((name.to_owned(), headers.get(name)?.to_str().ok()?.to_owned()));
    TRACE.into_iter().filter_map(value).collect()
}
