//! How much a host runs and how much it may: what commands are admitted against, and what a bid depends on.
//!
//! Room is taken when a command is taken on, for as many instances as it can add, and goes over to the instances that it
//! starts. It comes back when its holder is dropped, however a command, a group of instances or a worker ends.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard},
};

use super::command::Refusal;
use crate::{auction::StaleBid, defaults::UNFINISHED_COMMANDS};

/// What a host can still take on; cheap to clone, the same for all clones.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: Option<u32>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Instances that run or for which room is taken.
    taken: u64,
    /// Commands that are taken on and not done.
    commands: usize,
    closed: bool,
    version: u64,
}

/// A command's place among those that are taken on; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    capacity: Capacity,
}

/// Room for instances; dropping it gives the room back.
#[derive(Debug)]
pub(crate) struct Room {
    capacity: Capacity,
    instances: u32,
}

impl Capacity {
    /// The capacity of a host that may run so many instances of all actors together; without a limit as many as come.
    pub(crate) fn new(limit: Option<u32>) -> Self {
        Self { shared: Arc::new(Shared { limit, state: Mutex::default() }) }
    }

    /// Whether a start of so many instances would be taken on now; nothing is kept for it.
    ///
    /// # Errors
    /// The [`Refusal`] that the start would get.
    pub(crate) fn would_admit(&self, instances: u32) -> Result<(), Refusal> {
        let state = self.lock();
        state.check_place()?;
        state.check_room(self.shared.limit, instances)
    }

    /// A number that is another one after anything has changed on which a bid depends.
    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    /// Says that something has changed on which a bid depends.
    pub(crate) fn bump(&self) {
        self.lock().version += 1;
    }

    /// Instances that run or are about to.
    pub(crate) fn instances(&self) -> u64 {
        self.lock().taken
    }

    /// Takes no more commands on: the host stops.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.version += 1;
    }

    /// Takes a place for a command.
    pub(crate) fn place(&self) -> Result<Place, Refusal> {
        let mut state = self.lock();
        state.check_place()?;
        state.take_place();
        Ok(Place { capacity: self.clone() })
    }

    /// Takes room for so many instances.
    pub(super) fn reserve(&self, instances: u32) -> Result<Room, Refusal> {
        let mut state = self.lock();
        state.check_room(self.shared.limit, instances)?;
        state.take(instances);
        Ok(Room { capacity: self.clone(), instances })
    }

    /// Takes a place and room for a start that follows a bid, if nothing has changed since the bid was made.
    pub(crate) fn reserve_as_of(&self, version: u64, instances: u32) -> Result<(Place, Room), Refusal> {
        let mut state = self.lock();
        if state.version != version {
            return Err(StaleBid::Changed.into());
        }
        state.check_place()?;
        state.check_room(self.shared.limit, instances)?;
        state.take_place();
        state.take(instances);
        Ok((Place { capacity: self.clone() }, Room { capacity: self.clone(), instances }))
    }

    /// No room at all, for a command that takes none or that will see when its turn comes.
    pub(super) fn no_room(&self) -> Room {
        Room { capacity: self.clone(), instances: 0 }
    }

    /// Whether there could be room for so many if nothing else ran.
    pub(super) fn could_hold(&self, instances: u32) -> bool {
        self.shared.limit.is_none_or(|limit| instances <= limit)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("nothing panics while it holds the figures")
    }
}

impl State {
    fn check_place(&self) -> Result<(), Refusal> {
        match self.commands {
            _ if self.closed => Err(Refusal::Stopping),
            unfinished if unfinished >= UNFINISHED_COMMANDS => Err(Refusal::TooMany { unfinished }),
            _ => Ok(()),
        }
    }

    fn check_room(&self, limit: Option<u32>, wanted: u32) -> Result<(), Refusal> {
        match limit {
            // Asked for nothing, a host never says that it is full.
            Some(limit) if wanted > 0 && self.taken + u64::from(wanted) > u64::from(limit) => {
                Err(Refusal::Full { limit, taken: self.taken, wanted })
            }
            _ => Ok(()),
        }
    }

    fn take_place(&mut self) {
        self.commands += 1;
        // What bids depend on is only whether there is a place at all.
        self.version += u64::from(self.commands == UNFINISHED_COMMANDS);
    }

    fn take(&mut self, instances: u32) {
        self.taken += u64::from(instances);
        self.version += u64::from(instances > 0);
    }

    fn give_back(&mut self, instances: u32) {
        self.taken -= u64::from(instances);
        self.version += u64::from(instances > 0);
    }
}

impl Room {
    /// Parts with room for so many instances; what is missing is taken from the host.
    ///
    /// # Errors
    /// The host has no room for what is missing; nothing has changed then.
    pub(super) fn part(&mut self, instances: u32) -> Result<Room, Refusal> {
        let missing = self.capacity.reserve(instances.saturating_sub(self.instances))?;
        self.join(missing);
        self.instances -= instances;
        Ok(Room { capacity: self.capacity.clone(), instances })
    }

    /// Adds other room to this.
    pub(super) fn join(&mut self, mut other: Room) {
        self.instances += mem::take(&mut other.instances);
    }

    /// Gives room for so many instances back, or all if that is less.
    pub(super) fn give_back(&mut self, instances: u32) {
        let less = instances.min(self.instances);
        self.instances -= less;
        self.capacity.lock().give_back(less);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.give_back(self.instances);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.capacity.lock();
        state.version += u64::from(state.commands == UNFINISHED_COMMANDS);
        state.commands -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(taken: u64, wanted: u32) -> Refusal {
        Refusal::Full { limit: 10, taken, wanted }
    }

    #[test]
    fn room_is_taken_and_comes_back() {
        let capacity = Capacity::new(Some(10));
        let mut room = capacity.reserve(7).expect("there is room");
        assert_eq!(capacity.would_admit(4), Err(full(7, 4)));
        assert_eq!(capacity.would_admit(3), Ok(()));
        room.give_back(2);
        assert_eq!(capacity.would_admit(5), Ok(()));
        let part = room.part(4).expect("it is there");
        drop(room);
        assert_eq!(capacity.instances(), 4);
        drop(part);
        assert_eq!(capacity.would_admit(10), Ok(()));
    }

    #[test]
    fn what_is_missing_is_taken_from_the_host_or_nothing_changes() {
        let capacity = Capacity::new(Some(10));
        let mut room = capacity.reserve(2).expect("there is room");
        assert_eq!(room.part(11).unwrap_err(), full(2, 9));
        let mut group = room.part(5).expect("there is room");
        assert_eq!(capacity.instances(), 5);
        group.join(capacity.reserve(5).expect("there is room"));
        drop(room);
        assert_eq!(capacity.instances(), 10);
        assert_eq!(capacity.would_admit(0), Ok(()));
        drop(group);
        assert_eq!(capacity.instances(), 0);
    }

    #[test]
    fn without_a_limit_there_is_always_room() {
        let capacity = Capacity::new(None);
        let rooms: Vec<_> = (0..3).map(|_| capacity.reserve(u32::MAX).expect("no limit")).collect();
        assert_eq!(capacity.would_admit(u32::MAX), Ok(()));
        assert_eq!(capacity.instances(), 3 * u64::from(u32::MAX));
        drop(rooms);
    }

    #[test]
    fn the_version_tells_what_bids_depend_on() {
        let capacity = Capacity::new(Some(10));
        let mut last = capacity.version();
        let mut has_changed = || {
            let before = mem::replace(&mut last, capacity.version());
            before != last
        };
        let room = capacity.reserve(1).expect("there is room");
        assert!(has_changed());
        let (place, nothing) = (capacity.place().expect("there is one"), capacity.reserve(0));
        drop((place, nothing));
        assert!(!has_changed(), "nothing that matters to a bid");
        drop(room);
        assert!(has_changed());
        capacity.bump();
        assert!(has_changed());
        capacity.close();
        assert!(has_changed());
    }

    #[test]
    fn a_bid_can_be_followed_while_nothing_has_changed() {
        let capacity = Capacity::new(Some(10));
        let version = capacity.version();
        assert_eq!(capacity.reserve_as_of(version + 1, 1).unwrap_err(), StaleBid::Changed.into());
        assert_eq!(capacity.reserve_as_of(version, 11).unwrap_err(), full(0, 11));
        let held = capacity.reserve_as_of(version, 4).expect("there is room");
        assert_eq!(capacity.instances(), 4);
        assert_eq!(capacity.reserve_as_of(version, 4).unwrap_err(), StaleBid::Changed.into());
        drop(held);
        assert_eq!(capacity.instances(), 0);
        assert_eq!(capacity.reserve_as_of(version, 4).unwrap_err(), StaleBid::Changed.into());
    }

    #[test]
    fn places_run_out_and_come_back() {
        let capacity = Capacity::new(None);
        let mut places: Vec<_> = (1..UNFINISHED_COMMANDS).map(|_| capacity.place().expect("there is one")).collect();
        let version = capacity.version();
        places.push(capacity.place().expect("the last"));
        let refusal = Refusal::TooMany { unfinished: UNFINISHED_COMMANDS };
        assert_eq!(capacity.would_admit(1), Err(refusal.clone()));
        assert_eq!(capacity.place().unwrap_err(), refusal);
        assert_ne!(capacity.version(), version);
        places.pop();
        assert_eq!(capacity.would_admit(1), Ok(()));
    }

    #[test]
    fn a_host_that_stops_takes_nothing_on() {
        let capacity = Capacity::new(None);
        capacity.close();
        assert_eq!(capacity.would_admit(1), Err(Refusal::Stopping));
        assert_eq!(capacity.place().unwrap_err(), Refusal::Stopping);
    }
}
