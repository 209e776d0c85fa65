//! Keeping a copy equal to a bucket: what the bucket holds is shown all at once, then each change as it comes. After a break
//! the changes since the last known one are shown, all at once too; if they cannot be had, everything is read anew, and until
//! then the copy stays as it is.

use std::{collections::HashSet, convert::Infallible};

use async_nats::jetstream::consumer::DeliverPolicy;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    AnyError, Bucket, Entry,
    error::Cause,
    feed::{Feed, Heard},
    handle::Standing,
};
use crate::defaults::{RESYNC_PAUSE, START_TIMEOUT};

/// What a follower keeps equal to its bucket.
pub(crate) trait View: Send + 'static {
    /// Makes changes visible to readers, all of these at once and in this order.
    ///
    /// The same entry may come again, and an entry that says that a key is gone also for a key that never was there.
    fn show(&mut self, changes: Vec<Entry>);

    /// Does what is to be done about the changes once they are visible. The follower waits for it.
    fn shown(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// Keeps a view equal to a bucket.
pub(crate) struct Follower<V> {
    bucket: Bucket,
    view: V,
    feed: Feed,
    position: Position,
}

/// How far a follower has come.
#[derive(Debug)]
struct Position {
    /// The bucket as it was found.
    bucket: Standing,
    revision: u64,
    /// Every key that the bucket holds something of, be it that it is gone.
    keys: HashSet<String>,
}

/// What a follower reads at once.
struct Batch {
    feed: Feed,
    bucket: Standing,
    changes: Vec<Entry>,
    /// Whether this is all that the bucket holds, and not only what is new.
    is_all: bool,
}

impl<V: View> Follower<V> {
    /// Reads everything that a bucket holds.
    pub(crate) async fn open(bucket: Bucket, mut view: V) -> Result<Self, AnyError> {
        let read = timeout(START_TIMEOUT, async { read_all(&bucket, bucket.standing().await?).await });
        let Batch { feed, bucket: standing, changes, .. } = read.await??;
        let mut position = Position { bucket: standing, revision: 0, keys: HashSet::new() };
        position.advance(standing, &changes);
        view.show(changes);
        bucket.now_shows(position.revision);
        Ok(Self { bucket, view, feed, position })
    }

    /// What it keeps.
    pub(crate) fn view(&mut self) -> &mut V {
        &mut self.view
    }

    /// Follows the bucket until told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow_for_ever()).await;
    }

    async fn follow_for_ever(&mut self) -> Infallible {
        loop {
            let reason = self.follow().await;
            tracing::debug!(bucket = self.bucket.name(), reason = %reason, "the copy of a bucket is behind");
            self.catch_up_at_last().await;
        }
    }

    /// Shows what comes, until nothing comes any more.
    async fn follow(&mut self) -> String {
        loop {
            // Cancel-safe both: what was heard is shown before the next wait.
            let heard = tokio::select! {
                heard = self.feed.next() => heard,
                () = self.bucket.missed() => return "somebody found it missing".to_owned(),
            };
            match heard {
                Ok(Heard::Entry(entry, _)) => self.show(vec![entry], self.position.bucket).await,
                Ok(Heard::Nothing) => {}
                Err(reason) => return reason.to_string(),
            }
        }
    }

    /// Catches up, as often as it takes.
    async fn catch_up_at_last(&mut self) {
        let mut failing = false;
        let mut is_missing = false;
        while let Err(cause) = self.catch_up(is_missing).await {
            // One that is missing is looked for once more, for somebody may be about to make it anew in his own way.
            is_missing = cause.is_missing();
            if !failing {
                let bucket = self.bucket.name();
                tracing::warn!(bucket, %cause, "a bucket cannot be followed, what is known of it may be outdated");
            }
            failing = true;
            sleep(RESYNC_PAUSE).await;
        }
        if failing {
            tracing::info!(bucket = self.bucket.name(), "the bucket is followed again");
        }
    }

    async fn catch_up(&mut self, may_make: bool) -> Result<(), Cause> {
        let standing = match self.bucket.standing().await {
            Err(Cause::Missing) if may_make => {
                self.bucket.make().await?;
                self.bucket.standing().await?
            }
            standing => standing?,
        };
        let batch = match self.read_news(standing).await? {
            Some(news) => news,
            None => read_all(&self.bucket, standing).await?,
        };
        self.feed = batch.feed;
        let changes = match batch.is_all {
            true => self.position.start_anew(&batch.changes).chain(batch.changes).collect(),
            false => batch.changes,
        };
        self.show(changes, batch.bucket).await;
        Ok(())
    }

    /// What is new since the last known revision; none if it cannot be told.
    async fn read_news(&self, standing: Standing) -> Result<Option<Batch>, AnyError> {
        if !self.position.is_in(&standing) {
            return Ok(None);
        }
        let from = DeliverPolicy::ByStartSequence { start_sequence: self.position.revision + 1 };
        let (mut feed, pending) = Feed::open(&self.bucket, from).await?;
        let changes = feed.rest(pending).await?;
        let is_explained = self.position.explains(standing.keys, &changes);
        Ok(is_explained.then_some(Batch { feed, bucket: standing, changes, is_all: false }))
    }

    async fn show(&mut self, changes: Vec<Entry>, bucket: Standing) {
        self.position.advance(bucket, &changes);
        self.view.show(changes);
        self.bucket.now_shows(self.position.revision);
        self.view.shown().await;
    }
}

impl Position {
    /// Whether what came after it can be asked of the bucket.
    fn is_in(&self, bucket: &Standing) -> bool {
        self.bucket.created == bucket.created && self.revision <= bucket.last
    }

    /// Whether the changes account for every key of the bucket, which holds so many. They do not where entries were removed without a trace, by
    /// their age for instance.
    fn explains(&self, keys: u64, news: &[Entry]) -> bool {
        let new: HashSet<_> = news.iter().map(|entry| &entry.key).filter(|key| !self.keys.contains(*key)).collect();
        u64::try_from(self.keys.len() + new.len()) == Ok(keys)
    }

    /// Starts with a bucket that was read as a whole, whose revisions may be lower than those known: it may have been put
    /// back from a backup. Returns the keys of which it holds nothing any more.
    fn start_anew(&mut self, all: &[Entry]) -> impl Iterator<Item = Entry> + use<> {
        self.revision = 0;
        let present: HashSet<_> = all.iter().map(|entry| &entry.key).collect();
        let gone: Vec<_> = self.keys.extract_if(|key| !present.contains(key)).collect();
        gone.into_iter().map(Entry::vanished)
    }

    fn advance(&mut self, bucket: Standing, changes: &[Entry]) {
        self.bucket = bucket;
        self.keys.extend(changes.iter().map(|entry| entry.key.clone()));
        let newest = changes.iter().map(|entry| entry.revision).max().unwrap_or(0);
        // The bucket was looked at before the changes were read, so that they hold all of it; its last revisions may be of
        // entries that are gone.
        self.revision = self.revision.max(bucket.last).max(newest);
    }
}

/// Everything that a bucket holds, and what changes from there on.
async fn read_all(bucket: &Bucket, standing: Standing) -> Result<Batch, AnyError> {
    let (mut feed, pending) = Feed::open(bucket, DeliverPolicy::LastPerSubject).await?;
    let changes = feed.rest(pending).await?;
    Ok(Batch { feed, bucket: standing, changes, is_all: true })
}

#[cfg(test)]
mod tests {
    use async_nats::datetime;

    use super::*;

    fn bucket(created: i128, last: u64, keys: u64) -> Standing {
        Standing { created: datetime::from_nanos(created).expect("a time"), last, keys }
    }

    fn entry(key: &str, revision: u64) -> Entry {
        Entry { revision, ..Entry::vanished(key.to_owned()) }
    }

    /// A follower that has read keys `a` and `b` of a bucket whose last revision, 9, is of an entry that is gone.
    fn position() -> Position {
        let standing = bucket(1, 9, 2);
        let mut position = Position { bucket: standing, revision: 0, keys: HashSet::new() };
        position.advance(standing, &[entry("a", 3), entry("b", 7)]);
        position
    }

    #[test]
    fn it_goes_on_in_the_same_bucket_alone() {
        let position = position();
        assert_eq!(position.revision, 9);
        assert!(position.is_in(&bucket(1, 9, 2)));
        assert!(!position.is_in(&bucket(1, 8, 2)), "restored from an old backup");
        assert!(!position.is_in(&bucket(2, 20, 2)), "made anew");
    }

    #[test]
    fn what_went_without_a_trace_is_noticed() {
        let check = |keys: u64, news: &[Entry], expect: bool| {
            let explained = position().explains(bucket(1, 12, keys).keys, news);
            assert_eq!(explained, expect, "{keys} keys, {news:?}");
        };
        check(2, &[], true);
        check(2, &[entry("a", 10)], true);
        check(3, &[entry("c", 10), entry("c", 11)], true);
        check(1, &[], false);
        check(2, &[entry("c", 10)], false);
    }

    #[test]
    fn what_vanished_is_told_once() {
        let mut position = position();
        let vanished: Vec<_> = position.start_anew(&[entry("b", 12)]).map(|entry| (entry.key, entry.value)).collect();
        assert_eq!(vanished, [("a".to_owned(), None)]);
        assert_eq!(position.start_anew(&[entry("b", 12)]).count(), 0);
    }

    #[test]
    fn a_bucket_that_was_made_anew_counts_from_its_own_start() {
        let mut position = position();
        drop(position.start_anew(&[entry("a", 4)]));
        position.advance(bucket(2, 4, 1), &[entry("a", 4)]);
        assert_eq!(position.revision, 4);
        position.advance(bucket(2, 4, 1), &[entry("a", 5)]);
        assert_eq!(position.revision, 5);
    }

    /// It counted on from the revision it had, so that changes up to there were missed after the next break.
    #[test]
    fn regression_a_bucket_that_was_put_back_from_a_backup_counts_from_there() {
        let mut position = position();
        drop(position.start_anew(&[entry("a", 3)]));
        position.advance(bucket(1, 5, 1), &[entry("a", 3)]);
        assert_eq!(position.revision, 5);
        assert!(position.is_in(&bucket(1, 9, 1)));
    }
}
