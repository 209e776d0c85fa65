//! Auctions: whether this host would run what somebody wants to start, and the bids that it makes.
//!
//! A host bids only if it would take on the start that follows. A bid holds nothing; its token makes a start that comes
//! too late a conflict with a name, and not one instance too many.

mod bidder;
mod memory;
mod objection;
mod tokens;

pub(crate) use bidder::{Bidder, Offer, Question};
pub(crate) use memory::Memory;
pub(crate) use objection::{Objection, label_objections};
pub(crate) use tokens::StaleBid;
