//! A gather under way, as a stream of what comes.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::{Stream, StreamExt};

use super::{Boxed, Gathered, Missing, Summary};
use crate::request::RequestError;

/// A gather under way: what is answered, as it comes, and then how it ended.
///
/// Dropping it ends the gather.
///
/// ```no_run
/// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use futures::StreamExt;
///
/// let mut hosts = client.hosts_stream().await?;
/// while let Some(answer) = hosts.next().await {
///     match answer {
///         Ok(host) => println!("{} {}", host.id, host.friendly_name),
///         Err(error) => println!("one answer is no good: {error}"),
///     }
/// }
/// for host in &hosts.summary().missing {
///     println!("{host} did not answer");
/// }
/// # Ok(())
/// # }
/// ```
pub struct GatherStream<T> {
    events: Boxed<Event<T>>,
    summary: Summary,
    /// Whether all is well so far with what the summary does not know of.
    sound: bool,
    ended: bool,
    /// Whether there is no result at all.
    failed: bool,
}

/// What happens in a gather.
#[derive(Debug)]
pub(crate) enum Event<T> {
    Part(Part<T>),
    /// There is no result.
    Failed(RequestError),
    /// It is over; parts that are still being made may follow.
    Ended(Summary),
}

/// What becomes of one host's answer.
#[derive(Debug)]
pub(crate) enum Part<T> {
    Item(T),
    Error(RequestError),
    Missing(Missing),
    /// The host has gone meanwhile.
    Gone,
}

impl<T> GatherStream<T> {
    pub(crate) fn new(events: impl Stream<Item = Event<T>> + Send + 'static) -> Self {
        let summary = Summary::default();
        Self { events: Box::pin(events.fuse()), summary, sound: true, ended: false, failed: false }
    }

    /// How it ended: complete only once the stream has.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Waits for the rest, and returns what comes until then.
    pub async fn finish(mut self) -> Gathered<T> {
        let mut gathered = Gathered::default();
        while let Some(answer) = self.next().await {
            match answer {
                Ok(item) => gathered.items.push(item),
                Err(error) => gathered.errors.push(error),
            }
        }
        Gathered { missing: self.summary.missing, complete: self.summary.complete, ..gathered }
    }

    /// As [`finish`](Self::finish), but that there is no result is an error.
    pub(crate) async fn into_gathered(mut self) -> Result<Gathered<T>, RequestError> {
        let mut gathered = Gathered::default();
        while let Some(answer) = self.next().await {
            match answer {
                Ok(item) => gathered.items.push(item),
                Err(error) if self.failed && gathered.items.is_empty() && gathered.errors.is_empty() => {
                    return Err(error);
                }
                Err(error) => gathered.errors.push(error),
            }
        }
        Ok(Gathered { missing: self.summary.missing, complete: self.summary.complete, ..gathered })
    }

    /// The same gather, with each item made into another by asking on, for so many at once.
    pub(crate) fn then<U, F>(self, at_once: usize, ask: impl Fn(T) -> F + Send + 'static) -> GatherStream<U>
    where
        T: Send + 'static,
        U: Send + 'static,
        F: Future<Output = Part<U>> + Send + 'static,
    {
        let asked = self.events.map(move |event| {
            let asked = match event {
                Event::Part(Part::Item(item)) => Ok(ask(item)),
                Event::Part(Part::Error(error)) => Err(Event::Part(Part::Error(error))),
                Event::Part(Part::Missing(missing)) => Err(Event::Part(Part::Missing(missing))),
                Event::Part(Part::Gone) => Err(Event::Part(Part::Gone)),
                Event::Failed(error) => Err(Event::Failed(error)),
                Event::Ended(summary) => Err(Event::Ended(summary)),
            };
            async move {
                match asked {
                    Ok(ask) => Event::Part(ask.await),
                    Err(event) => event,
                }
            }
        });
        GatherStream::new(asked.buffer_unordered(at_once))
    }

    fn note(&mut self, event: Event<T>) -> Option<Result<T, RequestError>> {
        match event {
            Event::Part(Part::Item(item)) => return Some(Ok(item)),
            Event::Part(Part::Error(error)) => {
                self.sound = false;
                return Some(Err(error));
            }
            Event::Failed(error) => {
                (self.sound, self.failed) = (false, true);
                return Some(Err(error));
            }
            Event::Part(Part::Missing(missing)) => {
                self.sound = false;
                self.summary.missing.push(missing);
            }
            Event::Part(Part::Gone) => {}
            Event::Ended(summary) => {
                self.ended = summary.complete;
                self.summary.missing.extend(summary.missing);
            }
        }
        None
    }
}

impl<T> Stream for GatherStream<T> {
    /// What one host answered, or what is wrong with that.
    type Item = Result<T, RequestError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(event) = ready!(self.events.poll_next_unpin(context)) else {
                self.summary.complete = self.ended && self.sound;
                return Poll::Ready(None);
            };
            if let Some(answer) = self.note(event) {
                return Poll::Ready(Some(answer));
            }
        }
    }
}

impl<T> fmt::Debug for GatherStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherStream").field("summary", &self.summary).finish_non_exhaustive()
    }
}
