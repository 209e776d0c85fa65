//! Publishing events: one publisher numbers them, so that their order on the wire is their order in number.

use std::{
    sync::{Arc, Mutex},
    time::SystemTime,
};

use lattice_protocol::{
    EventSubjects, HostKey, OperationId,
    event::{CloudEvent, EventData},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Publishes the events of one start of a host; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    host: HostKey,
    epoch: String,
    subjects: EventSubjects,
    typed: bool,
    next: Mutex<u64>,
    queue: mpsc::UnboundedSender<Item>,
}

/// What goes through the queue.
#[derive(Debug)]
enum Item {
    Event(Box<CloudEvent>),
    /// Everything queued before was handed to the connection.
    Mark(oneshot::Sender<()>),
}

/// The task that hands events to the connection, in order.
pub(crate) struct Publisher {
    nats: async_nats::Client,
    events: Events,
    queue: mpsc::UnboundedReceiver<Item>,
}

/// The events of a host that starts now, and the task that publishes them.
pub(crate) fn channel(
    nats: async_nats::Client,
    host: HostKey,
    subjects: EventSubjects,
    typed: bool,
) -> (Events, Publisher) {
    // Unbounded, because the sender may hold no lock across an await and must not lose an event; what enters is bounded
    // by the commands that are taken on.
    let (sender, receiver) = mpsc::unbounded_channel();
    let epoch = Uuid::now_v7().to_string();
    let inner = Inner { host, epoch, subjects, typed, next: Mutex::new(1), queue: sender };
    let events = Events { inner: Arc::new(inner) };
    (events.clone(), Publisher { nats, events, queue: receiver })
}

impl Events {
    /// Which start of the host this is.
    pub(crate) fn epoch(&self) -> &str {
        &self.inner.epoch
    }

    /// Publishes an event that no operation caused.
    pub(crate) fn publish(&self, data: EventData) {
        self.publish_for(None, data);
    }

    /// Publishes an event that an operation caused.
    pub(crate) fn publish_for(&self, operation: Option<&OperationId>, data: EventData) {
        let event = CloudEvent::new(Uuid::now_v7(), self.inner.host.as_str(), SystemTime::now(), &data)
            .caused_by(operation.cloned());
        // The number is given and the event queued under one lock: otherwise two could overtake each other.
        let mut next = self.inner.next.lock().expect("nothing panics while it holds the number");
        let event = event.numbered(&self.inner.epoch, *next);
        *next += 1;
        if self.inner.queue.send(Item::Event(Box::new(event))).is_err() {
            tracing::debug!(event = data.name(), "event not published, the host has stopped");
        }
    }

    /// Returns when every event published so far was handed to the connection.
    pub(crate) async fn handed_over(&self) {
        let (mark, reached) = oneshot::channel();
        if self.inner.queue.send(Item::Mark(mark)).is_ok() {
            // An error means that the publisher has ended, and hands nothing over any more.
            let _ = reached.await;
        }
    }
}

impl Publisher {
    /// Publishes until told to stop, and then what is queued.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            // Cancel-safe: a received event is published before the next wait.
            tokio::select! {
                biased;
                item = self.queue.recv() => match item {
                    Some(item) => self.handle(item).await,
                    None => return,
                },
                () = stop.cancelled() => break,
            }
        }
        while let Ok(item) = self.queue.try_recv() {
            self.handle(item).await;
        }
    }

    async fn handle(&self, item: Item) {
        match item {
            Item::Event(event) => self.send(&event).await,
            // Nobody waits any more if this fails.
            Item::Mark(mark) => drop(mark.send(())),
        }
    }

    async fn send(&self, event: &CloudEvent) {
        let inner = &self.events.inner;
        let bytes = bytes::Bytes::from(event.to_bytes());
        let named = inner.typed.then(|| inner.subjects.named(event.name()));
        for subject in std::iter::once(inner.subjects.all()).chain(named) {
            if let Err(error) = self.nats.publish(subject, bytes.clone()).await {
                tracing::warn!(event = event.name(), %error, "event not published");
            }
        }
    }
}
