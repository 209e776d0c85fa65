//! Published actor code steers a lattice through `builtin://lattice-controller`.
//!
//! The published sender writes every argument and reads every answer, the published client signs the calls as an actor's;
//! what comes of them is seen by the program, which is a client of its own.

mod actors;
mod auctions;
mod credentials;
mod first_contract;
mod gathering;
mod grants;
mod hosts;
mod links;
mod providers;
mod stage;
mod transport;
