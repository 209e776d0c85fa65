//! [`Gate`]: at most so many at once, a bounded queue of those who wait, first come first served.
//!
//! A semaphore would do the counting, but not the bounded queue, the exact figures, and a limit that shrinks under those
//! who are inside.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

/// Counts who is inside and who waits. Costs grow with those who wait, never with the limit.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    idle: Notify,
}

#[derive(Debug)]
struct State {
    limit: usize,
    queue: usize,
    running: usize,
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
    next_ticket: u64,
    closed: bool,
}

/// Who is where at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) limit: usize,
    pub(crate) running: usize,
    pub(crate) waiting: usize,
}

/// Why somebody did not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// All places are taken, and waiting was not wanted.
    Busy(Census),
    /// All places are taken and the queue is full.
    Full(Census),
    /// No place became free in time.
    Late,
    /// The gate is closed.
    Closed,
}

/// A place inside; dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
}

/// A place in the queue; dropping it leaves the queue, or passes on the place that was just granted.
struct Waiter {
    gate: Arc<Gate>,
    ticket: Option<u64>,
    granted: oneshot::Receiver<()>,
}

enum Admission {
    Inside(Permit),
    Queued(Waiter),
}

impl Gate {
    pub(crate) fn new(limit: usize, queue: usize) -> Self {
        let state = State { limit, queue, running: 0, waiting: BTreeMap::new(), next_ticket: 0, closed: false };
        Self { state: Mutex::new(state), idle: Notify::new() }
    }

    /// Waits for a place until the deadline.
    pub(crate) async fn enter(self: &Arc<Self>, deadline: Instant) -> Result<Permit, Turned> {
        match self.admit()? {
            Admission::Inside(permit) => Ok(permit),
            Admission::Queued(waiter) => waiter.wait(deadline).await,
        }
    }

    /// Takes a place if there is one now.
    pub(crate) fn try_enter(self: &Arc<Self>) -> Result<Permit, Turned> {
        let mut state = self.lock();
        state.check_open()?;
        state.take_place().then(|| self.permit()).ok_or(Turned::Busy(state.census()))
    }

    /// Changes how many may be inside. More let the first of the queue in; fewer take effect as those inside leave.
    pub(crate) fn resize(&self, limit: usize) {
        let mut state = self.lock();
        state.limit = limit;
        state.let_in();
    }

    /// Refuses newcomers from now on; those in the queue still get their turn.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Waits until nobody is inside or in the queue.
    pub(crate) async fn wait_idle(&self) {
        let mut idle = std::pin::pin!(self.idle.notified());
        loop {
            // Registered before looking, so that a departure in between is not missed.
            idle.as_mut().enable();
            if self.lock().is_idle() {
                return;
            }
            idle.as_mut().await;
            idle.set(self.idle.notified());
        }
    }

    pub(crate) fn census(&self) -> Census {
        self.lock().census()
    }

    fn admit(self: &Arc<Self>) -> Result<Admission, Turned> {
        let mut state = self.lock();
        state.check_open()?;
        if state.take_place() {
            return Ok(Admission::Inside(self.permit()));
        }
        let (ticket, granted) = state.enqueue()?;
        Ok(Admission::Queued(Waiter { gate: Arc::clone(self), ticket: Some(ticket), granted }))
    }

    fn permit(self: &Arc<Self>) -> Permit {
        Permit { gate: Arc::clone(self) }
    }

    fn release(&self) {
        let mut state = self.lock();
        state.running -= 1;
        state.let_in();
        self.notice_idle(&state);
    }

    fn leave(&self, ticket: u64) {
        let mut state = self.lock();
        if state.waiting.remove(&ticket).is_none() {
            // Not in the queue any more: the place was granted and nobody came to take it.
            state.running -= 1;
            state.let_in();
        }
        self.notice_idle(&state);
    }

    fn notice_idle(&self, state: &State) {
        if state.is_idle() {
            self.idle.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check_open(&self) -> Result<(), Turned> {
        if self.closed { Err(Turned::Closed) } else { Ok(()) }
    }

    fn take_place(&mut self) -> bool {
        let free = self.running < self.limit;
        self.running += usize::from(free);
        free
    }

    fn enqueue(&mut self) -> Result<(u64, oneshot::Receiver<()>), Turned> {
        if self.waiting.len() >= self.queue {
            return Err(Turned::Full(self.census()));
        }
        let (grant, granted) = oneshot::channel();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.insert(ticket, grant);
        Ok((ticket, granted))
    }

    fn let_in(&mut self) {
        while self.running < self.limit
            && let Some((_, grant)) = self.waiting.pop_first()
        {
            self.running += 1;
            // The waiter holds the other end until it has left the queue, so somebody always takes the place.
            let _ = grant.send(());
        }
    }

    fn is_idle(&self) -> bool {
        self.running == 0 && self.waiting.is_empty()
    }

    fn census(&self) -> Census {
        Census { limit: self.limit, running: self.running, waiting: self.waiting.len() }
    }
}

impl Waiter {
    async fn wait(mut self, deadline: Instant) -> Result<Permit, Turned> {
        let outcome = timeout_at(deadline, &mut self.granted).await;
        outcome.map(|_| self.into_permit()).map_err(|_| Turned::Late)
    }

    fn into_permit(mut self) -> Permit {
        self.ticket = None;
        self.gate.permit()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.gate.leave(ticket);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.release();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    fn gate(limit: usize, queue: usize) -> Arc<Gate> {
        Arc::new(Gate::new(limit, queue))
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn figures(gate: &Gate) -> (usize, usize) {
        let census = gate.census();
        (census.running, census.waiting)
    }

    #[tokio::test]
    async fn those_who_wait_get_in_in_their_order() {
        let gate = gate(1, 2);
        let first = gate.enter(later()).await.unwrap();
        let mut second = Box::pin(gate.enter(later()));
        let mut third = Box::pin(gate.enter(later()));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.as_mut().now_or_never().is_none());
        let permit = second.await.unwrap();
        assert_eq!(figures(&gate), (1, 1));
        drop(permit);
        drop(third.await.unwrap());
        assert_eq!(figures(&gate), (0, 0));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_later_serves_again() {
        let gate = gate(1, 0);
        let permit = gate.enter(later()).await.unwrap();
        let full = Census { limit: 1, running: 1, waiting: 0 };
        assert_eq!(gate.enter(later()).await.unwrap_err(), Turned::Full(full));
        assert_eq!(gate.try_enter().unwrap_err(), Turned::Busy(full));
        drop(permit);
        gate.try_enter().unwrap();
    }

    #[tokio::test]
    async fn a_waiter_that_goes_away_leaves_no_trace() {
        let gate = gate(1, 1);
        let permit = gate.enter(later()).await.unwrap();
        let mut gone = Box::pin(gate.enter(later()));
        assert!(gone.as_mut().now_or_never().is_none());
        drop(gone);
        assert_eq!(figures(&gate), (1, 0));
        drop(permit);
        assert_eq!(figures(&gate), (0, 0));
    }

    #[tokio::test]
    async fn a_place_granted_to_one_who_left_goes_to_the_next() {
        let gate = gate(1, 2);
        let permit = gate.enter(later()).await.unwrap();
        let mut gone = Box::pin(gate.enter(later()));
        let mut next = Box::pin(gate.enter(later()));
        assert!(gone.as_mut().now_or_never().is_none());
        assert!(next.as_mut().now_or_never().is_none());
        drop(permit);
        drop(gone);
        drop(next.await.unwrap());
        assert_eq!(figures(&gate), (0, 0));
    }

    #[tokio::test]
    async fn nobody_waits_beyond_the_deadline() {
        let gate = gate(0, 1);
        assert_eq!(gate.enter(Instant::now()).await.unwrap_err(), Turned::Late);
        assert_eq!(figures(&gate), (0, 0));
    }

    #[tokio::test]
    async fn the_limit_grows_and_shrinks_under_those_inside() {
        let gate = gate(1, 8);
        let first = gate.enter(later()).await.unwrap();
        let mut second = Box::pin(gate.enter(later()));
        assert!(second.as_mut().now_or_never().is_none());
        gate.resize(2);
        let second = second.await.unwrap();
        gate.resize(1);
        let mut third = Box::pin(gate.enter(later()));
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.as_mut().now_or_never().is_none());
        drop(second);
        third.await.unwrap();
    }

    #[tokio::test]
    async fn a_closed_gate_serves_its_queue_and_then_is_idle() {
        let gate = gate(1, 1);
        let permit = gate.enter(later()).await.unwrap();
        let mut queued = Box::pin(gate.enter(later()));
        assert!(queued.as_mut().now_or_never().is_none());
        gate.close();
        assert_eq!(gate.enter(later()).await.unwrap_err(), Turned::Closed);
        let mut idle = Box::pin(gate.wait_idle());
        assert!(idle.as_mut().now_or_never().is_none());
        drop(permit);
        assert!(idle.as_mut().now_or_never().is_none());
        drop(queued.await.unwrap());
        idle.await;
    }
}
