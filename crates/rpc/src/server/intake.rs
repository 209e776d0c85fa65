//! The task of a service: takes messages in, runs one task for each call, and answers.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_nats::{Message, PublishError, PublishErrorKind, Subject, Subscriber};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use lattice_protocol::is_reply_subject;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Handler, HandlerError, RefusalKind, Refusals, Request, Service,
    admission::{Admission, Refusal, overloaded},
    room::{Place, Room},
};
use crate::{
    defaults::{BUSY, RETREAT_CALLS, RETREAT_LIMIT, RETREAT_SILENCE},
    header,
    response::InvocationResponse,
};

pub(super) struct Intake<H> {
    shared: Arc<Shared<H>>,
    room: Room,
    running: JoinSet<()>,
    inbox_prefixes: Vec<String>,
    /// Messages that the subscription has delivered.
    taken: u64,
    last_taken: Option<Instant>,
}

struct Shared<H> {
    nats: async_nats::Client,
    admission: Admission,
    handler: Arc<H>,
    refusals: Arc<Refusals>,
    /// Ends the calls that run.
    end: CancellationToken,
    /// How many it has ended.
    ended: AtomicUsize,
}

impl<H: Handler> Intake<H> {
    pub(super) fn new(nats: async_nats::Client, service: Service, handler: Arc<H>, end: CancellationToken) -> Self {
        let Service { entity, issuers, longest_call, refusals, .. } = service;
        let admission = Admission { entity, issuers, longest_call };
        Self {
            shared: Arc::new(Shared { nats, admission, handler, refusals, end, ended: AtomicUsize::new(0) }),
            room: Room::new(service.in_flight),
            running: JoinSet::new(),
            inbox_prefixes: service.inbox_prefixes,
            taken: 0,
            last_taken: None,
        }
    }

    /// Serves until it is told to stop, then finishes what it has. Returns how many calls it was told to end instead.
    pub(super) async fn run(mut self, mut subscriber: Subscriber, stop: CancellationToken) -> usize {
        self.serve(&mut subscriber, &stop).await;
        let end = self.shared.end.clone();
        end.run_until_cancelled(self.finish(&mut subscriber)).await;
        while self.running.join_next().await.is_some() {}
        self.shared.ended.load(Ordering::Relaxed)
    }

    async fn serve(&mut self, subscriber: &mut Subscriber, stop: &CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(_) = self.running.join_next() => {}
                message = subscriber.next() => match message {
                    Some(message) => self.take(message).await,
                    None => return stop.cancelled().await,
                },
            }
        }
    }

    /// What the NATS server has already handed over is this server's to answer.
    async fn finish(&mut self, subscriber: &mut Subscriber) {
        if self.last_taken.is_some_and(|last| last.elapsed() < BUSY) {
            let _ = timeout(RETREAT_LIMIT, self.retreat(subscriber)).await;
        }
        if subscriber.drain().await.is_ok() {
            while let Some(message) = subscriber.next().await {
                self.take(message).await;
            }
        }
        while self.running.join_next().await.is_some() {}
    }

    /// Gives up a subscription on which calls arrive: it takes a few more of them, a number on which server and client
    /// agree.
    ///
    /// Unsubscribing at once would lose those that are on their way, because the NATS client forgets a subscription
    /// before the server does and then drops what still comes. Their callers would wait in vain. Only if none comes
    /// for a while is that as good as impossible.
    async fn retreat(&mut self, subscriber: &mut Subscriber) {
        let last = self.taken + self.running.len() as u64 + RETREAT_CALLS;
        if subscriber.unsubscribe_after(last).await.is_err() {
            return;
        }
        while let Ok(Some(message)) = timeout(RETREAT_SILENCE, subscriber.next()).await {
            self.take(message).await;
        }
    }

    async fn take(&mut self, message: Message) {
        self.taken += 1;
        self.last_taken = Some(Instant::now());
        if !self.may_be_answered(&message) {
            self.shared.refusals.add(RefusalKind::ReplySubject);
            return tracing::debug!(subject = %message.subject, reply = ?message.reply, "refused: no reply subject");
        }
        match self.room.place(message.length) {
            Ok(place) => drop(self.running.spawn(self.shared.clone().work_on(message, place))),
            Err(error) => self.shared.refuse(&message, overloaded(&message, error)).await,
        }
    }

    fn may_be_answered(&self, message: &Message) -> bool {
        message.reply.as_ref().is_none_or(|reply| is_reply_subject(reply, &self.inbox_prefixes))
    }
}

impl<H: Handler> Shared<H> {
    async fn work_on(self: Arc<Self>, message: Message, _place: Place) {
        match self.admission.admit(&message) {
            Err(refusal) => self.refuse(&message, refusal).await,
            Ok(request) => self.execute(message, request).await,
        }
    }

    async fn execute(&self, message: Message, request: Request) {
        let id = request.id.clone();
        match self.result(request).await {
            Ok(payload) => self.answer(message.reply, InvocationResponse::success(id, payload)).await,
            Err(HandlerError::Overloaded(error)) => {
                self.refuse(&message, Refusal { kind: RefusalKind::Overloaded, id, error }).await;
            }
            Err(HandlerError::Unlinked(error)) => {
                self.refuse(&message, Refusal { kind: RefusalKind::Unlinked, id, error }).await;
            }
            Err(HandlerError::Failed(error)) => {
                self.answer(message.reply, InvocationResponse::failure(id, error)).await;
            }
        }
    }

    async fn result(&self, request: Request) -> Result<Bytes, HandlerError> {
        let deadline = request.deadline;
        let work = AssertUnwindSafe(self.handler.handle(request)).catch_unwind();
        let failed = |text: &str| Err(HandlerError::Failed(text.to_owned()));
        match self.end.run_until_cancelled(timeout_at(deadline, work)).await {
            None => {
                self.ended.fetch_add(1, Ordering::Relaxed);
                failed("ended: what was called is being stopped")
            }
            Some(Err(_)) => failed("the call took longer than its deadline"),
            Some(Ok(Err(_))) => failed("what was called panicked"),
            Some(Ok(Ok(result))) => result,
        }
    }

    async fn refuse(&self, message: &Message, Refusal { kind, id, error }: Refusal) {
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

fn log_unsent(sent: Result<(), PublishError>) {
    if let Err(error) = sent {
        tracing::warn!(%error, "an answer could not be sent");
    }
}
