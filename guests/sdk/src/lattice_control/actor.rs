//! Auctions and commands about actors.

use super::answer::Fields;
use super::argument::{argument, number, pairs, pairs_if_any, text, Pairs};
use crate::msgpack::Value;

argument! {
    /// Asks which hosts would start an actor.
    #[derive(Debug)]
    ActorAuction {
        /// The actor's image.
        actor_ref: &'a str = "" => text("actorRef"),
        /// Labels that a host must have to bid.
        constraints: Pairs<'a> = &[] => pairs("constraints"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
    }
}

argument! {
    /// Starts instances of an actor on a host; they add to what runs there.
    #[derive(Debug)]
    StartActor {
        /// The actor's image.
        actor_ref: &'a str = "" => text("actorRef"),
        /// What is noted on the instances; those with other notes are others.
        annotations: Pairs<'a> = &[] => pairs_if_any("annotations"),
        /// How many to start; 0 means 1.
        count: u16 = 1 => number("count"),
        /// The host.
        host_id: &'a str = "" => text("hostId"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
    }
}

argument! {
    /// Sets how many instances of an actor run on a host with exactly these annotations.
    #[derive(Debug)]
    ScaleActor {
        /// The actor's key.
        actor_id: &'a str = "" => text("actorId"),
        /// The actor's image, from which more of it are started.
        actor_ref: &'a str = "" => text("actorRef"),
        /// The annotations of the instances that are meant.
        annotations: Pairs<'a> = &[] => pairs_if_any("annotations"),
        /// How many shall run; 0 means none.
        count: u16 = 1 => number("count"),
        /// The host.
        host_id: &'a str = "" => text("hostId"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
    }
}

argument! {
    /// Stops instances of an actor on a host.
    #[derive(Debug)]
    StopActor {
        /// The actor's key.
        actor_id: &'a str = "" => text("actorId"),
        /// Annotations that an instance must have to be meant.
        annotations: Pairs<'a> = &[] => pairs_if_any("annotations"),
        /// How many to stop; 0 means all that are meant.
        count: u16 = 1 => number("count"),
        /// The host.
        host_id: &'a str = "" => text("hostId"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
    }
}

argument! {
    /// Replaces an actor that runs on a host by another image of it.
    #[derive(Debug)]
    UpdateActor {
        /// The actor's key.
        actor_id: &'a str = "" => text("actorId"),
        /// The annotations of the instances that are meant.
        annotations: Pairs<'a> = &[] => pairs_if_any("annotations"),
        /// The host.
        host_id: &'a str = "" => text("hostId"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
        /// The image that takes over.
        new_actor_ref: &'a str = "" => text("newActorRef"),
    }
}

/// A host that would start an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorBid {
    /// The actor's image, as the auction named it.
    pub actor_ref: String,
    /// The host.
    pub host_id: String,
}

impl ActorBid {
    pub(super) fn read(bid: &Value<'_>) -> Option<Self> {
        let fields = Fields::of(bid);
        let read = Self { actor_ref: fields.text("actorRef"), host_id: fields.needed_text("hostId") };
        fields.made(read)
    }
}
