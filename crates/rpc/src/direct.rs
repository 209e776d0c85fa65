//! Calls of actors by a provider whose own host runs them, past the broker.
//!
//! A host opens a [`DirectDoor`], and tells each provider process that it starts where that is, and a ticket. Who enters with
//! a ticket is that provider: its calls need no signature, for it cannot call in another's name, and the door goes by the
//! same rules for everything else. What does not run on the host is said to be elsewhere, and then the call takes the usual
//! way over NATS; so does every call when there is no door, or no provider that knows of doors. The door is a Unix
//! socket without a file, which Linux has.

mod access;
mod client;
mod frame;
mod server;
mod socket;

pub use access::DirectPass;
pub use client::DirectClient;
pub(crate) use client::Outcome;
pub use server::{DirectDoor, Locals};
