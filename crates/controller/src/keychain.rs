//! [`Keychain`]: the credentials that actors have set, each its own for each lattice, as all instances of the provider know them.
//!
//! Of two pieces of news about the same the later counts, by a version that grows with every change; so whatever comes twice or
//! late changes nothing. That something is forgotten stays known, or what comes late would bring it back.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use lattice_protocol::{ActorKey, LatticeName, contract::lattice_control::ErrorCode};
use lattice_provider::{Failure, Shared};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    credentials::Credentials,
    defaults::{LATTICES, LATTICES_KNOWN, UNLINKED},
    error::Refusal,
};

/// Which of two pieces of news is the later: by time, and should two be of the same, by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Version {
    micros: u64,
    chance: u64,
}

/// What is known of one actor's credentials for one lattice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) version: Version,
    pub(crate) state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Set(Credentials),
    /// They expired, in this second since 1970.
    Expired(u64),
    /// There are none.
    Forgotten,
}

/// Bytes of all that is in a piece beside secrets, and more.
const AROUND: usize = 1024;

/// A piece of news, as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Piece {
    actor: ActorKey,
    lattice: LatticeName,
    known: Known,
}

#[derive(Debug, Default)]
struct Ring {
    lattices: BTreeMap<LatticeName, Known>,
    /// Since when the actor has no link here, if it has none.
    unlinked: Option<Instant>,
}

impl Ring {
    /// Whether there is room for credentials of one more lattice, if it is one more.
    fn require_room(&self, lattice: &LatticeName) -> Result<(), Refusal> {
        let others = self.lattices.iter().filter(|(other, _)| *other != lattice);
        let set = others.filter(|(_, known)| matches!(known.state, State::Set(_))).count();
        if set >= LATTICES || (self.lattices.len() >= LATTICES_KNOWN && !self.lattices.contains_key(lattice)) {
            let text = format!(
                "the actor has credentials for {LATTICES} lattices, or had for {LATTICES_KNOWN}: no more are kept"
            );
            return Err(Refusal::new(ErrorCode::TooLarge, text));
        }
        Ok(())
    }

    fn put(&mut self, actor: &ActorKey, lattice: &LatticeName, state: State) -> Piece {
        let before = self.lattices.get(lattice).map(|known| known.version);
        self.put_known(actor, lattice, Known { version: Version::after(before), state })
    }

    fn put_known(&mut self, actor: &ActorKey, lattice: &LatticeName, known: Known) -> Piece {
        self.lattices.insert(lattice.clone(), known.clone());
        Piece { actor: actor.clone(), lattice: lattice.clone(), known }
    }

    /// Forgets what others may keep.
    fn forget(&mut self) {
        self.lattices.values_mut().for_each(|known| known.state = State::Forgotten);
    }

    /// Forgets what nobody is to keep.
    fn forget_for_all(&mut self) {
        for known in self.lattices.values_mut().filter(|known| known.state != State::Forgotten) {
            *known = Known { version: known.version.forgotten(), state: State::Forgotten };
        }
    }

    /// Whether what another instance knows counts more. Where it is of the same version, this one has forgotten it because it
    /// got the actor's link late, if the actor is linked.
    fn is_behind(&self, lattice: &LatticeName, theirs: &Known) -> bool {
        let Some(ours) = self.lattices.get(lattice) else { return true };
        match ours.version.cmp(&theirs.version) {
            Ordering::Less => true,
            Ordering::Equal => ours.state == State::Forgotten && self.unlinked.is_none(),
            Ordering::Greater => false,
        }
    }
}

/// The credentials of all actors.
#[derive(Debug, Default)]
pub(crate) struct Keychain {
    rings: Mutex<BTreeMap<ActorKey, Ring>>,
}

impl Keychain {
    /// What is known of an actor's credentials for a lattice.
    pub(crate) fn get(&self, actor: &ActorKey, lattice: &LatticeName) -> Option<Known> {
        self.lock().get(actor)?.lattices.get(lattice).cloned()
    }

    /// Changes them, if the actor is linked; returns what the other instances are to be told. An actor that is unlinked at the
    /// same moment ends up with none: who unlinks tells so before it has them forgotten. `is_linked` is asked while the keys are
    /// held, so that who holds the links must not ask for keys.
    pub(crate) fn set(
        &self,
        actor: &ActorKey,
        lattice: &LatticeName,
        state: State,
        is_linked: impl Fn() -> bool,
    ) -> Result<Piece, Refusal> {
        let mut rings = self.lock();
        if !is_linked() {
            return Err(Refusal::unlinked(actor));
        }
        let ring = rings.entry(actor.clone()).or_default();
        ring.require_room(lattice)?;
        Ok(ring.put(actor, lattice, state))
    }

    /// Changes them back, if nothing came after this change.
    pub(crate) fn undo(&self, made: &Piece, state: State, is_linked: impl Fn() -> bool) -> Option<Piece> {
        let Piece { actor, lattice, known } = made;
        let mut rings = self.lock();
        let ring = rings.get_mut(actor)?;
        let is_latest = ring.lattices.get(lattice).is_some_and(|latest| latest.version == known.version);
        let undone = || Known { version: known.version.undone(), state };
        (is_latest && is_linked()).then(|| ring.put_known(actor, lattice, undone()))
    }

    /// Whether these are the credentials that count.
    pub(crate) fn is_current(&self, (actor, lattice): &(ActorKey, LatticeName), version: Version) -> bool {
        let known = self.get(actor, lattice);
        known.is_some_and(|known| known.version == version && matches!(known.state, State::Set(_)))
    }

    /// The actor is linked here.
    pub(crate) fn linked(&self, actor: &ActorKey) {
        if let Some(ring) = self.lock().get_mut(actor) {
            ring.unlinked = None;
        }
    }

    /// The actor is no longer linked: every instance learns that by itself, and forgets what it set. One that learns only that
    /// there is a new link hears it from the others.
    pub(crate) fn unlinked(&self, actor: &ActorKey) {
        if let Some(ring) = self.lock().get_mut(actor) {
            ring.unlinked = Some(Instant::now());
            ring.forget_for_all();
        }
    }

    /// Forgets what has expired, and what actors without a link have here that got none for a while. Tells whose credentials went.
    /// That there were some stays known, or what comes late would bring them back.
    pub(crate) fn sweep(&self, is_linked: impl Fn(&ActorKey) -> bool, now: SystemTime) -> Vec<(ActorKey, LatticeName)> {
        let mut gone = Vec::new();
        for (actor, ring) in self.lock().iter_mut() {
            for (lattice, known) in &mut ring.lattices {
                if expire(known, now) {
                    gone.push((actor.clone(), lattice.clone()));
                }
            }
            match (is_linked(actor), ring.unlinked) {
                (true, _) => ring.unlinked = None,
                (false, None) => ring.unlinked = Some(Instant::now()),
                (false, Some(since)) if since.elapsed() >= UNLINKED => ring.forget(),
                (false, Some(_)) => {}
            }
        }
        gone
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ActorKey, Ring>> {
        self.rings.lock().expect("nothing panics while it holds the keys")
    }
}

/// Whether credentials went because they expired.
fn expire(known: &mut Known, now: SystemTime) -> bool {
    let State::Set(credentials) = &known.state else { return false };
    match credentials.expires() {
        Some(at) if credentials.is_expired(now) => {
            known.state = State::Expired(at);
            true
        }
        _ => false,
    }
}

impl Version {
    /// Now, and in any case later than what is known.
    fn after(before: Option<Self>) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let now = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        Self::at(now.max(before.map_or(0, |before| before.micros.saturating_add(1))))
    }

    /// That it is undone counts more, and less than any change after it, whatever the clocks of others say.
    fn undone(self) -> Self {
        Self { chance: self.chance.saturating_add(1), ..self }
    }

    /// That it is forgotten with its link counts more, also than that it is undone; it is the same for all who do so.
    fn forgotten(self) -> Self {
        Self { chance: self.chance.saturating_add(2), ..self }
    }

    fn at(micros: u64) -> Self {
        let chance = std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), micros);
        Self { micros, chance }
    }
}

impl Piece {
    pub(crate) fn version(&self) -> Version {
        self.known.version
    }

    /// The bytes that travel. They are overwritten when they go, and have room from the beginning, so that none are left
    /// behind where they grow.
    pub(crate) fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let secrets = match &self.known.state {
            State::Set(credentials) => credentials.size(),
            State::Expired(_) | State::Forgotten => 0,
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(secrets + AROUND));
        rmp_serde::encode::write_named(&mut *bytes, self).expect("a piece has text keys, and memory is written");
        bytes
    }
}

impl Shared for Keychain {
    fn pieces(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let rings = self.lock();
        let all = rings.iter().flat_map(|(actor, ring)| ring.lattices.iter().map(move |one| (actor, one)));
        all.map(|(actor, (lattice, known))| {
            Piece { actor: actor.clone(), lattice: lattice.clone(), known: known.clone() }.bytes()
        })
        .collect()
    }

    fn take(&self, piece: &[u8]) -> Result<(), Failure> {
        // What the reader says could repeat a part of it.
        let piece: Piece = rmp_serde::from_slice(piece).map_err(|_| Failure::new("it is of another form"))?;
        let Piece { actor, lattice, known } = piece;
        let mut rings = self.lock();
        let ring = rings.entry(actor).or_default();
        if ring.is_behind(&lattice, &known) {
            ring.lattices.insert(lattice, known);
            // Another instance may have been told of a new link a little earlier.
            ring.unlinked = ring.unlinked.map(|_| Instant::now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lattice_claims::{ModuleSeed, UserSeed};

    use super::*;
    use crate::credentials::tests::{set, token};

    const FAR: u64 = 1 << 40;

    fn lattice(name: &str) -> LatticeName {
        name.parse().expect("a name")
    }

    fn credentials(expires: u64) -> Credentials {
        let seed = UserSeed::generate();
        let set = set(Some(token(&seed, expires)), Some(seed.secret_text()));
        Credentials::read(set, UNIX_EPOCH).expect("credentials")
    }

    fn taken(keychain: &Keychain, pieces: &[Zeroizing<Vec<u8>>]) {
        pieces.iter().for_each(|piece| keychain.take(piece).expect("a piece"));
    }

    #[test]
    fn each_actor_has_its_own_for_each_lattice() {
        let (keychain, [one, other]) = (Keychain::default(), [(); 2].map(|()| ModuleSeed::generate().public()));
        let mine = State::Set(credentials(FAR));
        keychain.set(&one, &lattice("a"), mine.clone(), || true).expect("there is room");
        assert_eq!(keychain.get(&one, &lattice("a")).expect("they are set").state, mine);
        assert_eq!(keychain.get(&one, &lattice("b")), None);
        assert_eq!(keychain.get(&other, &lattice("a")), None);
    }

    #[test]
    fn the_later_counts_however_it_comes() {
        let (here, there) = (Keychain::default(), Keychain::default());
        let (actor, prod) = (ModuleSeed::generate().public(), lattice("prod"));
        let versions = [FAR, FAR + 1, FAR + 2].map(|at| State::Set(credentials(at)));
        let pieces =
            versions.clone().map(|state| here.set(&actor, &prod, state, || true).expect("there is room").bytes());
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 2, 0]] {
            taken(&there, &order.map(|index| pieces[index].clone()));
            assert_eq!(there.get(&actor, &prod).expect("they are set").state, versions[2], "{order:?}");
        }
        let fresh = Keychain::default();
        taken(&fresh, &here.pieces());
        assert_eq!(fresh.get(&actor, &prod), here.get(&actor, &prod));
        assert!(fresh.take(b"\x81").is_err() && fresh.take(b"").is_err());
    }

    #[test]
    fn what_is_forgotten_is_not_brought_back_by_what_comes_late() {
        let (here, there) = (Keychain::default(), Keychain::default());
        let (actor, prod) = (ModuleSeed::generate().public(), lattice("prod"));
        let piece = here.set(&actor, &prod, State::Set(credentials(FAR)), || true).expect("there is room").bytes();
        taken(&there, std::slice::from_ref(&piece));
        there.unlinked(&actor);
        taken(&there, std::slice::from_ref(&piece));
        assert_eq!(there.get(&actor, &prod).expect("that is known").state, State::Forgotten);
        let again = here.set(&actor, &prod, State::Set(credentials(FAR + 1)), || true).expect("there is room").bytes();
        taken(&there, &[again]);
        assert!(matches!(there.get(&actor, &prod).expect("they are set anew").state, State::Set(_)));
    }

    /// Made before a later change, and undone after it.
    #[test]
    fn what_is_undone_does_not_undo_what_came_later() {
        let (keychain, actor, prod) = (Keychain::default(), ModuleSeed::generate().public(), lattice("prod"));
        let [before, failed, later] = [FAR, FAR + 1, FAR + 2].map(|at| State::Set(credentials(at)));
        keychain.set(&actor, &prod, before.clone(), || true).expect("there is room");
        let piece = keychain.set(&actor, &prod, failed, || true).expect("there is room");
        let undone = keychain.undo(&piece, before.clone(), || true).expect("nothing came later");
        assert!(undone.version() > piece.version());
        assert_eq!(keychain.get(&actor, &prod).expect("they are set").state, before);
        keychain.set(&actor, &prod, later.clone(), || true).expect("there is room");
        assert!(keychain.undo(&piece, before, || true).is_none());
        assert_eq!(keychain.get(&actor, &prod).expect("they are set").state, later);
    }

    /// An instance may get a link long after the others.
    #[test]
    fn who_forgot_for_want_of_a_link_is_told_again() {
        let (here, there) = (Keychain::default(), Keychain::default());
        let (actor, prod) = (ModuleSeed::generate().public(), lattice("prod"));
        let piece = here.set(&actor, &prod, State::Set(credentials(FAR)), || true).expect("there is room").bytes();
        taken(&there, std::slice::from_ref(&piece));
        there.lock().get_mut(&actor).expect("it is known").forget();
        there.linked(&actor);
        taken(&here, &there.pieces());
        taken(&there, &here.pieces());
        assert_eq!(there.get(&actor, &prod), here.get(&actor, &prod));
        assert!(matches!(there.get(&actor, &prod).expect("they are known").state, State::Set(_)));
    }

    /// An instance that is cut off while a link is removed and put anew learns of the end of that alone.
    #[test]
    fn who_has_not_heard_that_a_link_ended_brings_nothing_back() {
        let (here, there) = (Keychain::default(), Keychain::default());
        let (actor, prod) = (ModuleSeed::generate().public(), lattice("prod"));
        let piece = here.set(&actor, &prod, State::Set(credentials(FAR)), || true).expect("there is room");
        taken(&there, &[piece.bytes()]);
        here.unlinked(&actor);
        here.linked(&actor);
        taken(&here, &there.pieces());
        taken(&there, &here.pieces());
        for keychain in [&here, &there] {
            assert_eq!(keychain.get(&actor, &prod).expect("that is known").state, State::Forgotten);
        }
        // It counts more than that the same change is undone elsewhere, and less than the next.
        let undone = there.undo(&piece, State::Set(credentials(FAR + 1)), || true);
        assert!(undone.is_none());
        let next = there.set(&actor, &prod, State::Set(credentials(FAR + 2)), || true).expect("there is room");
        taken(&here, &[next.bytes()]);
        assert_eq!(here.get(&actor, &prod), there.get(&actor, &prod));
    }

    #[test]
    fn a_piece_is_written_into_the_room_that_it_has() {
        let (keychain, actor) = (Keychain::default(), ModuleSeed::generate().public());
        let state = State::Set(credentials(FAR));
        let State::Set(set) = &state else { unreachable!("they are set") };
        let room = set.size() + AROUND;
        let piece = keychain.set(&actor, &lattice("a"), state.clone(), || true).expect("there is room");
        assert_eq!(piece.bytes().capacity(), room);
    }

    #[test]
    fn who_is_not_linked_sets_none() {
        let (keychain, actor) = (Keychain::default(), ModuleSeed::generate().public());
        let refused =
            keychain.set(&actor, &lattice("a"), State::Set(credentials(FAR)), || false).expect_err("unlinked");
        assert_eq!((refused.code, keychain.get(&actor, &lattice("a"))), (ErrorCode::Unlinked, None));
    }

    #[test]
    fn what_expires_goes_and_says_when() {
        let keychain = Keychain::default();
        let (actor, prod) = (ModuleSeed::generate().public(), lattice("prod"));
        keychain.set(&actor, &prod, State::Set(credentials(100)), || true).expect("there is room");
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(keychain.sweep(|_| true, at(99)), []);
        assert_eq!(keychain.sweep(|_| true, at(100)), [(actor.clone(), prod.clone())]);
        assert_eq!(keychain.get(&actor, &prod).expect("that is known").state, State::Expired(100));
        assert_eq!(keychain.sweep(|_| true, at(101)), []);
    }

    #[test]
    fn an_actor_has_credentials_for_so_many_lattices() {
        let (keychain, actor) = (Keychain::default(), ModuleSeed::generate().public());
        for number in 0..LATTICES {
            let name = lattice(&format!("l{number}"));
            keychain.set(&actor, &name, State::Set(Credentials::default()), || true).expect("there is room");
        }
        let refused =
            keychain.set(&actor, &lattice("more"), State::Set(Credentials::default()), || true).expect_err("no room");
        assert_eq!(refused.code, ErrorCode::TooLarge);
        keychain.set(&actor, &lattice("l0"), State::Set(Credentials::default()), || true).expect("it is one of them");
    }

    #[test]
    fn debug_shows_no_secret() {
        let keychain = Keychain::default();
        let seed = UserSeed::generate();
        let set_by = set(Some(token(&seed, FAR)), Some(seed.secret_text()));
        let read = Credentials::read(set_by, UNIX_EPOCH).expect("credentials");
        let piece =
            keychain.set(&ModuleSeed::generate().public(), &lattice("a"), State::Set(read), || true).expect("room");
        for text in [format!("{keychain:?}"), format!("{piece:?}")] {
            assert!(!text.contains(&seed.secret_text()), "{text}");
        }
    }
}
