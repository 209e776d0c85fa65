//! What the worker of an actor does next: the earliest command that is known and can be carried out.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    task::{Context, Poll},
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::{mpsc, oneshot, watch};

/// What the coordinator tells a worker.
#[derive(Debug)]
pub(crate) enum Told<J> {
    /// A command to carry out, with its number.
    Job(u64, J),
    /// A command that was taken on under this number and is made ready meanwhile. It may come to nothing.
    Coming(u64, oneshot::Receiver<J>),
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<J> {
    /// This is to be carried out.
    Job(J),
    /// Something that was coming has come to nothing.
    Nothing,
}

/// The commands for one actor that were taken on and are not done.
#[derive(Debug)]
pub(super) struct Inbox<J> {
    told: mpsc::UnboundedReceiver<Told<J>>,
    /// All commands whose actor is not known were taken on at this number or later.
    horizon: watch::Receiver<u64>,
    /// The horizon before which everything for this actor has been heard.
    heard: u64,
    waiting: BTreeMap<u64, J>,
    /// What cannot be done as things are, but perhaps after an earlier command that is not here yet.
    put_back: BTreeMap<u64, J>,
    coming: FuturesUnordered<Coming<J>>,
    coming_numbers: BTreeSet<u64>,
}

/// A command that is made ready.
#[derive(Debug)]
struct Coming<J> {
    number: u64,
    job: oneshot::Receiver<J>,
}

impl<J> Future for Coming<J> {
    /// The number, and the command unless it has come to nothing.
    type Output = (u64, Option<J>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let number = self.number;
        self.job.poll_unpin(context).map(|job| (number, job.ok()))
    }
}

impl<J> Inbox<J> {
    pub(super) fn new(told: mpsc::UnboundedReceiver<Told<J>>, horizon: watch::Receiver<u64>) -> Self {
        let heard = *horizon.borrow();
        Self {
            told,
            horizon,
            heard,
            waiting: BTreeMap::new(),
            put_back: BTreeMap::new(),
            coming: FuturesUnordered::new(),
            coming_numbers: BTreeSet::new(),
        }
    }

    /// The earliest command that is there: one that was taken on earlier may have become known later.
    ///
    /// `None` when the coordinator has let go, which it does with commands left only when the host stops: what waits
    /// then is not begun any more, and its operations tell.
    pub(super) async fn next(&mut self) -> Option<Next<J>> {
        loop {
            self.listen();
            if self.told.is_closed() {
                return None;
            }
            while let Some(Some(arrived)) = self.coming.next().now_or_never() {
                if self.is_nothing(arrived) {
                    return Some(Next::Nothing);
                }
            }
            if let Some((_, job)) = self.waiting.pop_first() {
                return Some(Next::Job(job));
            }
            // Every arm is cancel-safe: what it takes is put where the next turn finds it.
            tokio::select! {
                told = self.told.recv() => self.hear(told?),
                Some(arrived) = self.coming.next() => if self.is_nothing(arrived) {
                    return Some(Next::Nothing);
                },
                Ok(()) = self.horizon.changed(), if !self.put_back.is_empty() => self.try_again(),
            }
        }
    }

    /// Puts a command back that cannot be done as things are.
    pub(super) fn put_back(&mut self, number: u64, job: J) {
        self.put_back.insert(number, job);
    }

    /// Has what was put back tried again, for something has changed.
    pub(super) fn try_again(&mut self) {
        self.waiting.append(&mut self.put_back);
    }

    /// Whether a command that is not here yet may still matter to the one with this number.
    pub(super) fn may_change(&self, number: u64) -> bool {
        self.heard < number || !self.coming_numbers.is_empty()
    }

    /// Up to which number nothing has to be remembered any more, when this one is carried out next.
    pub(super) fn forgettable(&self, number: u64) -> u64 {
        let late = [self.coming_numbers.first(), self.put_back.keys().next()].into_iter().flatten();
        late.copied().chain([self.heard, number]).min().expect("two at least")
    }

    fn listen(&mut self) {
        // Before the channel: what belongs to this horizon was sent before the horizon moved.
        let has_moved = self.horizon.has_changed().unwrap_or(false);
        self.heard = *self.horizon.borrow_and_update();
        while let Ok(told) = self.told.try_recv() {
            self.hear(told);
        }
        if has_moved {
            self.try_again();
        }
    }

    fn hear(&mut self, told: Told<J>) {
        match told {
            Told::Job(number, job) => drop(self.waiting.insert(number, job)),
            Told::Coming(number, job) => {
                self.coming_numbers.insert(number);
                self.coming.push(Coming { number, job });
            }
        }
    }

    /// Takes in what was coming, and tells whether it came to nothing.
    fn is_nothing(&mut self, (number, job): (u64, Option<J>)) -> bool {
        self.coming_numbers.remove(&number);
        let is_nothing = job.is_none();
        self.waiting.extend(job.map(|job| (number, job)));
        is_nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Coordinator {
        told: mpsc::UnboundedSender<Told<u64>>,
        horizon: watch::Sender<u64>,
    }

    fn inbox() -> (Coordinator, Inbox<u64>) {
        let (told, receiver) = mpsc::unbounded_channel();
        let (horizon, horizons) = watch::channel(u64::MAX);
        (Coordinator { told, horizon }, Inbox::new(receiver, horizons))
    }

    impl Coordinator {
        fn job(&self, number: u64) {
            self.told.send(Told::Job(number, number)).expect("the inbox is there");
        }

        fn coming(&self, number: u64) -> oneshot::Sender<u64> {
            let (sender, receiver) = oneshot::channel();
            self.told.send(Told::Coming(number, receiver)).expect("the inbox is there");
            sender
        }
    }

    fn now(inbox: &mut Inbox<u64>) -> Option<Option<Next<u64>>> {
        inbox.next().now_or_never()
    }

    #[tokio::test]
    async fn the_earliest_comes_first() {
        let (coordinator, mut inbox) = inbox();
        assert_eq!(now(&mut inbox), None);
        for number in [3, 1, 2] {
            coordinator.job(number);
        }
        for number in [1, 2, 3] {
            assert_eq!(now(&mut inbox), Some(Some(Next::Job(number))));
        }
        drop(coordinator);
        assert_eq!(now(&mut inbox), Some(None));
    }

    #[tokio::test]
    async fn nothing_waits_for_what_is_coming() {
        let (coordinator, mut inbox) = inbox();
        let (first, second) = (coordinator.coming(1), coordinator.coming(2));
        coordinator.job(3);
        assert_eq!(now(&mut inbox), Some(Some(Next::Job(3))));
        assert_eq!(inbox.forgettable(3), 1);
        assert!(inbox.may_change(3));
        drop(first);
        assert_eq!(now(&mut inbox), Some(Some(Next::Nothing)));
        coordinator.job(4);
        second.send(2).expect("the inbox is there");
        assert_eq!(now(&mut inbox), Some(Some(Next::Job(2))));
        assert_eq!(now(&mut inbox), Some(Some(Next::Job(4))));
        assert!(!inbox.may_change(4));
    }

    #[tokio::test]
    async fn what_was_put_back_is_tried_again_when_something_has_changed() {
        let (coordinator, mut inbox) = inbox();
        coordinator.horizon.send_replace(1);
        coordinator.job(2);
        assert_eq!(now(&mut inbox), Some(Some(Next::Job(2))));
        assert!(inbox.may_change(2));
        inbox.put_back(2, 2);
        assert_eq!(now(&mut inbox), None);
        coordinator.job(3);
        assert_eq!(now(&mut inbox), Some(Some(Next::Job(3))));
        assert_eq!(inbox.forgettable(3), 1);
        inbox.try_again();
        assert_eq!(now(&mut inbox), Some(Some(Next::Job(2))));
        inbox.put_back(2, 2);
        // What was before the horizon is another actor's, or is heard before the horizon is.
        coordinator.job(1);
        coordinator.horizon.send_replace(9);
        assert_eq!(now(&mut inbox), Some(Some(Next::Job(1))));
        assert_eq!(now(&mut inbox), Some(Some(Next::Job(2))));
        assert!(!inbox.may_change(2));
    }
}
