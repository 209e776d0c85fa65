//! The task of a service: takes messages in and runs one task for each call.

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use futures::StreamExt as _;
use lattice_protocol::is_reply_subject;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Handler, RefusalKind, Service, admission::overloaded, calls::Calls, room::Room};
use crate::defaults::{BUSY, RETREAT_CALLS, RETREAT_LIMIT, RETREAT_SILENCE};

pub(super) struct Intake<H> {
    calls: Arc<Calls<H>>,
    room: Room,
    running: JoinSet<()>,
    inbox_prefixes: Vec<String>,
    /// Messages that the subscription has delivered.
    taken: u64,
    last_taken: Option<Instant>,
}

impl<H: Handler> Intake<H> {
    pub(super) fn new(nats: async_nats::Client, service: Service, handler: Arc<H>, end: CancellationToken) -> Self {
        let (room, inbox_prefixes) = (Room::new(service.in_flight), service.inbox_prefixes.clone());
        Self {
            calls: Arc::new(Calls::new(nats, service, handler, end)),
            room,
            running: JoinSet::new(),
            inbox_prefixes,
            taken: 0,
            last_taken: None,
        }
    }

    /// Serves until it is told to stop, then finishes what it has. Returns how many calls it was told to end instead.
    pub(super) async fn run(mut self, mut subscriber: Subscriber, stop: CancellationToken) -> usize {
        self.serve(&mut subscriber, &stop).await;
        let end = self.calls.end().clone();
        end.run_until_cancelled(self.finish(&mut subscriber)).await;
        while self.running.join_next().await.is_some() {}
        self.calls.ended()
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
            self.calls.count(RefusalKind::ReplySubject);
            return tracing::debug!(subject = %message.subject, reply = ?message.reply, "refused: no reply subject");
        }
        match self.room.place(message.length) {
            Ok(place) => drop(self.running.spawn(self.calls.clone().work_on(message, place))),
            Err(error) => self.calls.refuse(&message, overloaded(&message, error)).await,
        }
    }

    fn may_be_answered(&self, message: &Message) -> bool {
        message.reply.as_ref().is_none_or(|reply| is_reply_subject(reply, &self.inbox_prefixes))
    }
}
