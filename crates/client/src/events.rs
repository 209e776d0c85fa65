//! The events of a lattice as a stream that says when it has a hole.

mod tracker;

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use async_nats::Subscriber;
use futures::{Stream, StreamExt};
use lattice_protocol::event::{self, CloudEvent};
use tokio::{
    sync::mpsc::{
        self,
        error::{SendError, TrySendError},
    },
    task::JoinHandle,
};

use crate::{client::Client, connect::cause, defaults::EVENT_QUEUE, request::RequestError};
use tracker::Tracker;

/// What a stream of events holds besides events: everything that makes it incomplete. The stream goes on after each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// A message on the event subject is no event.
    #[error("a message on the event subject cannot be read")]
    Unreadable(#[from] event::EventError),
    /// The numbers of a host's events have a gap: so many were lost before the event that follows.
    #[error("{count} events of host {host} were lost")]
    Lost {
        /// The host, as its events name it.
        host: String,
        /// How many.
        count: u64,
    },
    /// This stream was read too slowly: so many events were dropped here.
    #[error("{count} events were dropped because they were not read in time")]
    Dropped {
        /// How many.
        count: u64,
    },
    /// The connection broke and was restored since the last event. Hosts that do not number their events may have said
    /// something meanwhile.
    #[error("the connection was restored; events may have been lost")]
    Reconnected,
}

/// The events of a lattice, each once.
///
/// A task moves events from the connection into a bounded queue; it ends when the stream is dropped. The stream ends
/// when the connection is closed for good.
#[derive(Debug)]
pub struct EventStream {
    queue: mpsc::Receiver<Item>,
    pump: JoinHandle<()>,
}

type Item = Result<CloudEvent, EventError>;

impl Client {
    /// The events of the lattice, from now on: whatever is sent next over the same connection has its events here. What
    /// goes over other connections at the same moment may come before the server has the subscription.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use futures::StreamExt;
    ///
    /// let mut events = client.events().await?;
    /// while let Some(item) = events.next().await {
    ///     match item {
    ///         Ok(event) => println!("{} {}", event.source, event.name()),
    ///         Err(hole) => println!("{hole}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RequestError::Connection`] if the connection is closed, [`RequestError::Disconnected`] if it is down and not
    /// restored within the client's timeout.
    pub async fn events(&self) -> Result<EventStream, RequestError> {
        let events = self.subscribe_events().await?;
        let subject = self.event_subjects().all();
        let flushed = self.in_time(&subject, self.settings().timeout, self.nats().flush()).await?;
        flushed.map_err(|error| RequestError::Connection { subject, source: cause(&error) })?;
        Ok(events)
    }

    /// The events that follow whatever is sent next over the same connection.
    pub(crate) async fn subscribe_events(&self) -> Result<EventStream, RequestError> {
        let subject = self.event_subjects().all();
        let events = self.subscribe(subject.clone(), &subject, self.settings().timeout).await?;
        Ok(self.stream(events))
    }

    fn stream(&self, events: Subscriber) -> EventStream {
        let (sender, queue) = mpsc::channel(EVENT_QUEUE);
        let client = self.clone();
        let connections = move || client.connections();
        let payloads = events.map(|message| message.payload);
        let pump = tokio::spawn(Pump::new(sender, connections).run(payloads));
        EventStream { queue, pump }
    }
}

impl Stream for EventStream {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        self.queue.poll_recv(context)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Moves events into the queue and never waits for its reader, so that the connection never has to drop any.
struct Pump<C> {
    queue: mpsc::Sender<Item>,
    tracker: Tracker,
    missed: Missed,
    /// Tells how often the connection came about.
    connections: C,
    connected: u64,
}

impl<C: Fn() -> u64 + Send> Pump<C> {
    fn new(queue: mpsc::Sender<Item>, connections: C) -> Self {
        let connected = connections();
        Self { queue, tracker: Tracker::default(), missed: Missed::default(), connections, connected }
    }

    async fn run<P: AsRef<[u8]> + Send>(mut self, payloads: impl Stream<Item = P> + Send) {
        let mut payloads = std::pin::pin!(payloads);
        loop {
            // Cancel-safe: each arm takes something only when it completes, a place in the queue or a message. The place
            // comes first, or a flood of messages could keep the reader from learning of it.
            tokio::select! {
                biased;
                told = tell(&self.queue, self.missed.hole()), if self.missed.is_any() => match told {
                    Ok(()) => self.missed.forget_hole(),
                    Err(_) => return,
                },
                payload = payloads.next() => match payload {
                    Some(payload) => self.take(payload.as_ref()),
                    None => break,
                },
            }
        }
        while self.missed.is_any() && tell(&self.queue, self.missed.hole()).await.is_ok() {
            self.missed.forget_hole();
        }
    }

    fn take(&mut self, payload: &[u8]) {
        let connected = (self.connections)();
        if connected != self.connected {
            self.connected = connected;
            self.offer(Err(EventError::Reconnected));
        }
        match CloudEvent::from_bytes(payload) {
            Err(error) => self.offer(Err(error.into())),
            Ok(event) => self.take_event(event),
        }
    }

    fn take_event(&mut self, event: CloudEvent) {
        if self.tracker.is_duplicate(&event) {
            return;
        }
        if let Some(count) = self.tracker.missing_before(&event) {
            self.offer(Err(EventError::Lost { host: event.source.clone(), count }));
        }
        self.offer(Ok(event));
    }

    fn offer(&mut self, item: Item) {
        // What was missed is told before anything that came later.
        if self.missed.is_any() {
            self.missed.add(&item);
        } else if let Err(TrySendError::Full(item)) = self.queue.try_send(item) {
            self.missed.add(&item);
        }
    }
}

/// What the reader was too slow for and has not been told of.
#[derive(Debug, Default)]
struct Missed {
    events: u64,
    reconnected: bool,
}

impl Missed {
    fn is_any(&self) -> bool {
        self.events > 0 || self.reconnected
    }

    fn add(&mut self, item: &Item) {
        match item {
            Err(EventError::Lost { count, .. }) => self.events += count,
            Err(EventError::Reconnected) => self.reconnected = true,
            _ => self.events += 1,
        }
    }

    /// What to tell the reader first.
    fn hole(&self) -> EventError {
        match self.events {
            0 => EventError::Reconnected,
            count => EventError::Dropped { count },
        }
    }

    /// Forgets what [`hole`](Self::hole) returned.
    fn forget_hole(&mut self) {
        match self.events {
            0 => self.reconnected = false,
            _ => self.events = 0,
        }
    }
}

/// Tells the reader, as soon as it makes room, what it missed.
async fn tell(queue: &mpsc::Sender<Item>, hole: EventError) -> Result<(), SendError<Item>> {
    queue.send(Err(hole)).await
}

#[cfg(test)]
mod tests;
