//! What a bucket's stream delivers, in order and without a gap; and if it no longer does, why.
//!
//! The client library's own ordered consumer resumes by itself after a reconnect, whatever has become of the stream in the
//! meantime: one that was made anew would be followed from where the old one stood. Here every break ends the feed, and
//! whoever follows looks first how the bucket stands.

use std::{sync::atomic::Ordering, time::Duration};

use async_nats::{
    HeaderMap, HeaderName, Message, StatusCode, Subscriber,
    header::NATS_LAST_CONSUMER,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, push},
    },
};
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::{AnyError, Bucket, Entry};
use crate::defaults::{FEED_HEARTBEAT, FEED_LOOK, FEED_SILENCE};

/// The header with which the server asks a reader who seems stuck for a sign.
const STALLED: HeaderName = HeaderName::from_static("Nats-Consumer-Stalled");
/// How long the server keeps a consumer that nobody listens to any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(5);

/// The entries of a bucket as they come.
pub(super) struct Feed {
    messages: Subscriber,
    jetstream: jetstream::Context,
    prefix: String,
    /// How often the client had connected when the feed began.
    connects: u64,
    /// How many messages came.
    delivered: u64,
    heard: Instant,
    look: Interval,
}

/// What came.
#[derive(Debug)]
pub(super) enum Heard {
    /// An entry, and how many are behind it.
    Entry(Entry, u64),
    /// That there is nothing else.
    Nothing,
}

/// Why a feed ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Break {
    #[error("the connection was lost and made again")]
    Reconnected,
    #[error("the connection is closed")]
    Closed,
    #[error("messages got lost")]
    Gap,
    #[error("nothing was heard for {FEED_SILENCE:?}")]
    Silent,
    #[error("the server ended it: {0}")]
    Ended(String),
    #[error("a message of the server is unreadable: {0}")]
    Unreadable(AnyError),
}

impl Feed {
    /// Has everything delivered from a point on, and tells how much is there already.
    pub(super) async fn open(bucket: &Bucket, from: DeliverPolicy) -> Result<(Self, u64), AnyError> {
        let nats = bucket.jetstream().client();
        let connects = nats.statistics().connects.load(Ordering::Relaxed);
        let inbox = nats.new_inbox();
        let messages = nats.subscribe(inbox.clone()).await?;
        let consumer = bucket.stream().create_consumer(consumer(inbox, bucket.prefix(), from)).await?;
        let mut look = interval(FEED_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let feed = Self {
            messages,
            jetstream: bucket.jetstream().clone(),
            prefix: bucket.prefix().to_owned(),
            connects,
            delivered: 0,
            heard: Instant::now(),
            look,
        };
        Ok((feed, consumer.cached_info().num_pending))
    }

    /// What comes next. Cancel-safe: a message is taken and handled without a wait in between, but for a sign of life to
    /// the server, which it asks for again.
    pub(super) async fn next(&mut self) -> Result<Heard, Break> {
        loop {
            // What has come is looked at first: after a pause of the machine it says that nothing is wrong.
            tokio::select! {
                biased;
                message = self.messages.next() => {
                    self.check_connection()?;
                    self.heard = Instant::now();
                    if let Some(heard) = self.take(message.ok_or(Break::Closed)?).await? {
                        return Ok(heard);
                    }
                }
                _ = self.look.tick() => {
                    self.check_connection()?;
                    if self.heard.elapsed() > FEED_SILENCE {
                        return Err(Break::Silent);
                    }
                }
            }
        }
    }

    /// Everything up to where nothing is left, of which so much is known to come.
    pub(super) async fn rest(&mut self, mut pending: u64) -> Result<Vec<Entry>, Break> {
        let mut entries = Vec::new();
        while pending > 0 {
            match self.next().await? {
                Heard::Entry(entry, left) => {
                    entries.push(entry);
                    pending = left;
                }
                Heard::Nothing => break,
            }
        }
        Ok(entries)
    }

    async fn take(&mut self, message: Message) -> Result<Option<Heard>, Break> {
        match message.status {
            None => self.entry(message).map(Some),
            Some(StatusCode::IDLE_HEARTBEAT) => self.heartbeat(message).await,
            Some(status) => Err(Break::Ended(format!("{status} {}", message.description.unwrap_or_default()))),
        }
    }

    fn entry(&mut self, message: Message) -> Result<Heard, Break> {
        let message = jetstream::Message { message, context: self.jetstream.clone() };
        let info = message.info().map_err(Break::Unreadable)?;
        if info.consumer_sequence != self.delivered + 1 {
            return Err(Break::Gap);
        }
        self.delivered = info.consumer_sequence;
        let key = message.subject.strip_prefix(&self.prefix).unwrap_or_default();
        let entry = Entry::read(key, info.stream_sequence, message.headers.as_ref(), &message.payload);
        Ok(Heard::Entry(entry, info.pending))
    }

    async fn heartbeat(&self, message: Message) -> Result<Option<Heard>, Break> {
        let header = |name| message.headers.as_ref().and_then(|headers| headers.get_last(name));
        let asked = message.reply.as_ref().map(|reply| reply.to_string());
        if let Some(reply) = asked.or_else(|| header(STALLED).map(|reply| reply.to_string())) {
            // If this is lost the server asks again.
            let _ = self.jetstream.client().publish(reply, Bytes::new()).await;
        }
        heartbeat_says(message.headers.as_ref(), self.delivered)
    }

    /// Ends the feed after a reconnect, also if the server goes on with it as if nothing had been: what has gathered in the
    /// meantime is to be seen all at once.
    fn check_connection(&self) -> Result<(), Break> {
        match self.jetstream.client().statistics().connects.load(Ordering::Relaxed) {
            connects if connects == self.connects => Ok(()),
            _ => Err(Break::Reconnected),
        }
    }
}

/// What a heartbeat says of what comes after so many messages. Of a reader who seems stuck the server holds messages back,
/// and then there being none on the way does not say that there are none.
fn heartbeat_says(headers: Option<&HeaderMap>, delivered: u64) -> Result<Option<Heard>, Break> {
    let header = |name| headers.and_then(|headers| headers.get_last(name));
    let is_stalled = header(STALLED).is_some();
    match header(NATS_LAST_CONSUMER).map(|sequence| sequence.as_str().parse::<u64>()) {
        Some(Ok(sequence)) if sequence != delivered => Err(Break::Gap),
        Some(Ok(_)) => Ok((!is_stalled).then_some(Heard::Nothing)),
        Some(Err(error)) => Err(Break::Unreadable(error.into())),
        None => Ok(None),
    }
}

/// A consumer of the server's memory, which goes when nobody listens.
fn consumer(inbox: String, prefix: &str, from: DeliverPolicy) -> push::Config {
    push::Config {
        deliver_subject: inbox,
        description: Some("a lattice host's copy".to_owned()),
        deliver_policy: from,
        ack_policy: AckPolicy::None,
        max_deliver: 1,
        filter_subject: format!("{prefix}>"),
        flow_control: true,
        idle_heartbeat: FEED_HEARTBEAT,
        num_replicas: 1,
        memory_storage: true,
        inactive_threshold: FORGOTTEN_AFTER,
        ..push::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(HeaderName, &str)], expect: &str) {
        let headers: HeaderMap = headers.iter().map(|(name, value)| (name.clone(), (*value).into())).collect();
        let said = heartbeat_says(Some(&headers), 3);
        let said = said.map_or_else(|reason| reason.to_string(), |heard| format!("{heard:?}"));
        assert_eq!(said, expect, "{headers:?}");
    }

    /// While the server held messages back for a reader that had been stuck, its heartbeat was taken to say that there were
    /// none: half of a bucket was shown, and the rest of it told of as gone.
    #[test]
    fn regression_what_is_held_back_is_still_to_come() {
        check(&[(NATS_LAST_CONSUMER, "3"), (STALLED, "$JS.FC.x")], "None");
        check(&[(NATS_LAST_CONSUMER, "4"), (STALLED, "$JS.FC.x")], "messages got lost");
        check(&[(NATS_LAST_CONSUMER, "3")], "Some(Nothing)");
        check(&[(NATS_LAST_CONSUMER, "2")], "messages got lost");
        check(&[], "None");
    }
}
