//! [`Calls`]: the way of one call, from its message to its answer.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_nats::{Message, PublishError, PublishErrorKind, Subject};
use bytes::Bytes;
use futures::FutureExt as _;
use lattice_protocol::error_chain;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    Handler, HandlerError, KeyLookup, PANICKED, RefusalKind, Refusals, Request, Service, TOO_LATE,
    admission::{Admission, Admitted, Elsewhere, Refusal},
    room::Place,
};
use crate::{
    chunks::{ChunkError, Chunks, Found, ObjectName},
    header,
    response::InvocationResponse,
};

/// What the calls of one service share.
pub(super) struct Calls<H> {
    nats: async_nats::Client,
    chunks: Chunks,
    admission: Admission,
    lookup: Option<Arc<dyn KeyLookup>>,
    handler: Arc<H>,
    refusals: Arc<Refusals>,
    /// Ends the calls that run.
    end: CancellationToken,
    /// How many it has ended.
    ended: AtomicUsize,
}

impl<H: Handler> Calls<H> {
    pub(super) fn new(nats: async_nats::Client, service: Service, handler: Arc<H>, end: CancellationToken) -> Self {
        let Service { subjects, entity, issuers, longest_call, largest_payload, refusals, lookup, .. } = service;
        let chunks = Chunks::new(nats.clone(), subjects);
        let admission = Admission { entity, issuers, longest_call, largest_payload };
        Self { nats, chunks, admission, lookup, handler, refusals, end, ended: AtomicUsize::new(0) }
    }

    /// Ends the calls that run.
    pub(super) fn end(&self) -> &CancellationToken {
        &self.end
    }

    /// How many calls were ended.
    pub(super) fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, kind: RefusalKind) {
        self.refusals.add(kind);
    }

    pub(super) async fn work_on(self: Arc<Self>, message: Message, place: Place) {
        match self.admit(&message).await {
            Err(refusal) => self.refuse(&message, refusal).await,
            Ok(Admitted { request, elsewhere: None }) => self.execute(&message, request).await,
            Ok(Admitted { request, elsewhere: Some(elsewhere) }) => {
                // What is rare lies on the heap: each call is a task of the size of its largest part.
                Box::pin(self.fetch_and_execute(&message, request, elsewhere, place)).await;
            }
        }
    }

    /// Admits a call; one that is signed with an unknown key after it was looked whether the key was lent just now.
    async fn admit(&self, message: &Message) -> Result<Admitted, Refusal> {
        match (self.admission.admit(message), &self.lookup) {
            (Err(Refusal { stranger: Some(key), .. }), Some(lookup)) if lookup.look_up(key.clone()).await => {
                self.admission.admit(message)
            }
            (admitted, _) => admitted,
        }
    }

    async fn fetch_and_execute(&self, message: &Message, request: Request, elsewhere: Elsewhere, mut place: Place) {
        match self.fetch(request, elsewhere, &mut place).await {
            // What is not genuine stays, for it may be the payload of another call.
            Err(refusal) => self.refuse(message, refusal).await,
            Ok((request, found)) => drop(tokio::join!(self.execute(message, request), found.discard())),
        }
    }

    /// The call with its payload, for which there must be room before any of it is read.
    async fn fetch(
        &self,
        request: Request,
        elsewhere: Elsewhere,
        place: &mut Place,
    ) -> Result<(Request, Found), Refusal> {
        let found = self.chunks.find(elsewhere.object.clone(), elsewhere.length);
        let found = self.read_for(&request, found).await?;
        let full = |error| Refusal::new(RefusalKind::Overloaded, request.id.clone(), error);
        place.grow(elsewhere.length).map_err(full)?;
        let payload = self.read_for(&request, found.read()).await?;
        Ok((elsewhere.verify(request, payload)?, found))
    }

    async fn read_for<T>(
        &self,
        request: &Request,
        work: impl Future<Output = Result<T, ChunkError>>,
    ) -> Result<T, Refusal> {
        let (id, deadline) = (request.id.clone(), request.deadline);
        match self.in_time(deadline, self.chunks.within(deadline, "read", work)).await {
            Ok(outcome) => outcome.map_err(|error| Refusal::of_chunks(id, &error)),
            Err(error) => Err(Refusal::new(RefusalKind::Chunked, id, error)),
        }
    }

    async fn execute(&self, message: &Message, request: Request) {
        let (id, deadline) = (request.id.clone(), request.deadline);
        match self.result(request).await {
            Ok(payload) if message.reply.is_some() => {
                let response = self.response(id, payload, deadline).await;
                self.answer(message.reply.clone(), response).await;
            }
            Ok(_) => {}
            Err(HandlerError::Overloaded(error)) => {
                self.refuse(message, Refusal::new(RefusalKind::Overloaded, id, error)).await;
            }
            Err(HandlerError::Unlinked(error)) => {
                self.refuse(message, Refusal::new(RefusalKind::Unlinked, id, error)).await;
            }
            Err(HandlerError::Failed(error)) => {
                self.answer(message.reply.clone(), InvocationResponse::failure(id, error)).await;
            }
        }
    }

    async fn result(&self, request: Request) -> Result<Bytes, HandlerError> {
        let deadline = request.deadline;
        // Pinned here, or each of those that it is handed to would have room for it of its own.
        let work = pin!(AssertUnwindSafe(self.handler.handle(request)).catch_unwind());
        match self.in_time(deadline, work).await {
            Err(error) => Err(HandlerError::Failed(error)),
            Ok(Err(_)) => Err(HandlerError::Failed(PANICKED.to_owned())),
            Ok(Ok(result)) => result,
        }
    }

    /// Does a part of a call while there is time, else says why there is none.
    async fn in_time<T>(&self, deadline: Instant, work: impl Future<Output = T>) -> Result<T, String> {
        match self.end.run_until_cancelled(timeout_at(deadline, work)).await {
            None => {
                self.ended.fetch_add(1, Ordering::Relaxed);
                Err("ended: what was called is being stopped".to_owned())
            }
            Some(outcome) => outcome.map_err(|_| TOO_LATE.to_owned()),
        }
    }

    /// The answer with this result, which is in the object store by then if it is too large for one message.
    async fn response(&self, id: String, result: Bytes, deadline: Instant) -> InvocationResponse {
        let (size, limit) = (result.len(), self.admission.largest_payload);
        if size > limit {
            return InvocationResponse::failure(id, format!("the answer has {size} bytes, at most {limit} are sent"));
        }
        if !self.chunks.are_needed(size) {
            return InvocationResponse::success(id, result);
        }
        match Box::pin(self.in_time(deadline, self.store(&id, &result, deadline))).await {
            Ok(Ok(())) => InvocationResponse::announcing(id, size),
            Ok(Err(error)) => InvocationResponse::failure(id, not_stored(size, &error)),
            Err(error) => InvocationResponse::failure(id, error),
        }
    }

    async fn store(&self, id: &str, result: &[u8], deadline: Instant) -> Result<(), ChunkError> {
        self.chunks.store(&ObjectName::of_response(id)?, result, deadline).await
    }

    pub(super) async fn refuse(&self, message: &Message, Refusal { kind, id, error, .. }: Refusal) {
        self.refusals.add(kind);
        tracing::debug!(subject = %message.subject, id, %kind, error, "refused an invocation");
        let Some(reply) = message.reply.clone() else { return };
        let response = InvocationResponse::failure(id, error);
        let sent = self.nats.publish_with_headers(reply, header::of_refusal(kind), response.encode()).await;
        log_unsent(sent);
    }

    async fn answer(&self, reply: Option<Subject>, response: InvocationResponse) {
        let Some(reply) = reply else { return };
        let body = response.encode();
        let size = body.len();
        match self.nats.publish(reply.clone(), body).await {
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                let error = too_large(size, self.nats.max_payload());
                let response = InvocationResponse::failure(response.invocation_id, error);
                log_unsent(self.nats.publish(reply, response.encode()).await);
            }
            sent => log_unsent(sent),
        }
    }
}

fn too_large(size: usize, limit: usize) -> String {
    format!("the answer has {size} bytes, the NATS server takes at most {limit}")
}

fn not_stored(size: usize, error: &ChunkError) -> String {
    format!("the answer of {size} bytes could not be put into the object store: {}", error_chain(error))
}

fn log_unsent(sent: Result<(), PublishError>) {
    if let Err(error) = sent {
        tracing::warn!(%error, "an answer could not be sent");
    }
}
