//! Making bids and taking their tokens back, next to where commands are taken on: nothing comes in between.

use lattice_artifact::{Digest, Reference};
use lattice_protocol::ActorKey;
use tokio::{sync::oneshot, time::Instant};

use super::{objection::Objection, tokens::Tokens};
use crate::actors::{Board, Capacity, Images, KnownImage, Place, Refusal, Room, Start};

/// Asks whether a start would be taken on.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) start: Start,
    /// The version of the host before anything of the auction was looked at.
    pub(crate) version: u64,
    /// What speaks against it already.
    pub(crate) objections: Vec<Objection>,
    pub(crate) answer: oneshot::Sender<Result<Offer, Vec<Objection>>>,
}

/// What a bid tells of the host as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) token: String,
    /// Instances of all actors that run or are about to.
    pub(crate) instances: u64,
    /// Instances of this actor, if it is known whose the image is.
    pub(crate) actor_instances: u64,
    /// What the image was when it was last fetched.
    pub(crate) digest: Option<Digest>,
    /// Whether that runs.
    pub(crate) runs: bool,
}

/// Makes the bids of a host.
#[derive(Debug)]
pub(crate) struct Bidder {
    board: Board,
    images: Images,
    capacity: Capacity,
    tokens: Tokens,
}

impl Bidder {
    pub(crate) fn new(board: Board, images: Images, capacity: Capacity) -> Self {
        Self { board, images, capacity, tokens: Tokens::default() }
    }

    /// Why a start would fail after it was taken on, as far as that is known without fetching.
    pub(crate) fn objection(&self, start: &Start) -> Option<Objection> {
        let KnownImage { actor, digest } = self.known(&start.reference)?;
        let view = self.board.get(&actor)?;
        let group = view.groups.iter().find(|group| group.annotations == start.annotations)?;
        let (running, added) = (group.count, start.count);
        match running.checked_add(added) {
            _ if group.digest != digest => Some(Objection::OtherImage { actor, running: group.reference.to_string() }),
            None => Some(Objection::TooManyInstances { running, added }),
            Some(_) => None,
        }
    }

    /// A bid for a start that nothing speaks against.
    pub(crate) fn offer(&mut self, start: &Start, version: u64) -> Offer {
        let known = self.known(&start.reference);
        let running = known.as_ref().and_then(|image| self.board.get(&image.actor));
        let groups = running.as_ref().map(|view| view.groups.as_slice()).unwrap_or_default();
        let digest = known.map(|image| image.digest);
        Offer {
            token: self.tokens.issue(version, Instant::now()),
            instances: self.capacity.instances(),
            actor_instances: groups.iter().map(|group| u64::from(group.count)).sum(),
            runs: groups.iter().any(|group| Some(group.digest) == digest),
            digest,
        }
    }

    /// Uses the token of a bid up for a place and room for so many instances, if the bid can still be followed.
    pub(crate) fn redeem(&mut self, token: &str, instances: u16) -> Result<(Place, Room), Refusal> {
        let version = self.tokens.version(token, Instant::now())?;
        let reserved = self.capacity.reserve_as_of(version, instances.into())?;
        self.tokens.use_up(token);
        Ok(reserved)
    }

    /// What an image is, as far as that is known without fetching.
    fn known(&self, reference: &Reference) -> Option<KnownImage> {
        self.images.known(reference).or_else(|| self.running(reference))
    }

    fn running(&self, reference: &Reference) -> Option<KnownImage> {
        let actor: ActorKey = self.board.running_from(reference)?;
        let view = self.board.get(&actor)?;
        let group = view.groups.iter().find(|group| group.reference == *reference)?;
        Some(KnownImage { digest: group.digest, actor })
    }
}
