//! [`Room`]: how many calls are worked on at once, and how many bytes they have together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::defaults::IN_FLIGHT_BYTES;

pub(crate) struct Room {
    limit: usize,
    calls: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// A call's share of the room, free again when this is dropped.
pub(crate) struct Place {
    _call: OwnedSemaphorePermit,
    bytes: OwnedSemaphorePermit,
}

impl Room {
    pub(crate) fn new(limit: usize) -> Self {
        let bytes = Arc::new(Semaphore::new(IN_FLIGHT_BYTES as usize));
        Self { limit, calls: Arc::new(Semaphore::new(limit)), bytes }
    }

    /// A place for a call of so many bytes, or what its caller is told if there is none. A call that is larger than the
    /// whole room fits into an empty one.
    pub(crate) fn place(&self, bytes: usize) -> Result<Place, String> {
        let call = Arc::clone(&self.calls).try_acquire_owned();
        let call = call.map_err(|_| format!("overloaded: {} calls are being worked on", self.limit))?;
        Ok(Place { _call: call, bytes: take(&self.bytes, bytes, IN_FLIGHT_BYTES)? })
    }
}

impl Place {
    /// As many bytes more for the same call, or what its caller is told if they are not there. As with a place, all that is
    /// left of an otherwise empty room is enough.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), String> {
        let left = IN_FLIGHT_BYTES.saturating_sub(u32::try_from(self.bytes.num_permits()).unwrap_or(u32::MAX));
        let more = take(self.bytes.semaphore(), bytes, left)?;
        self.bytes.merge(more);
        Ok(())
    }
}

fn take(room: &Arc<Semaphore>, bytes: usize, most: u32) -> Result<OwnedSemaphorePermit, String> {
    let share = u32::try_from(bytes).unwrap_or(u32::MAX).min(most);
    let taken = Arc::clone(room).try_acquire_many_owned(share);
    taken.map_err(|_| "overloaded: the calls being worked on are too large together".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_bounded_in_number_and_in_bytes() {
        let room = Room::new(2);
        let largest = room.place(usize::MAX).expect("an empty room has room for any call");
        let error = room.place(1).map(drop).expect_err("no bytes are left");
        assert!(error.contains("too large together"), "{error}");
        let small = room.place(0).expect("a call without bytes needs none");
        let error = room.place(0).map(drop).expect_err("two calls are all");
        assert_eq!(error, "overloaded: 2 calls are being worked on");
        drop((largest, small));
        let half = IN_FLIGHT_BYTES as usize / 2;
        let halves = [room.place(half), room.place(half)];
        assert!(halves.iter().all(Result::is_ok));
    }

    #[test]
    fn what_a_call_fetches_counts_too() {
        let room = Room::new(3);
        let mut first = room.place(1000).expect("the room is empty");
        first.grow(usize::MAX).expect("all that is left is enough");
        let mut second = room.place(0).expect("a call without bytes needs none");
        let error = second.grow(1).expect_err("no bytes are left");
        assert!(error.contains("too large together"), "{error}");
        drop(first);
        second.grow(IN_FLIGHT_BYTES as usize).expect("the first gave back all that it had");
        assert!(room.place(1).is_err());
    }
}
