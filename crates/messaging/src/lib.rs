//! The capability provider for `wasmcloud:messaging`: actors publish and ask on NATS, and are handed what others publish.
//!
//! # Links
//!
//! What a link does not say is taken from the JSON object that the provider was started with, if there is one. Names may be
//! in upper case, as published providers have them.
//!
//! | link value | means | without it |
//! |---|---|---|
//! | `subscriptions`, `subscription` | subjects between commas; `subject\|queue` shares them with others of that queue | nothing is handed to the actor |
//! | `cluster_uris`, `uri` | another NATS, URLs between commas | the lattice's own |
//! | `auth_jwt`, `client_jwt` | the user's JWT there, with the seed | – |
//! | `auth_seed`, `client_seed` | the user's seed there, or an nkey's | no credentials |
//! | `allow_lattice_subjects` | `true` lifts what is said below | it stands |
//!
//! # The lattice's own NATS
//!
//! **Better use another NATS.** A lattice is steered by messages on its NATS, and this provider has the rights there that the
//! host has. So it keeps actors from the subjects that lattices and servers use themselves: nothing is published, asked
//! or named as the place for an answer under `wasmbus.`, the prefix under which the lattice is steered, or a first token that
//! begins with `$`. Nothing is subscribed to there, and neither are the answers to others (`_INBOX`, `_R_`) or subjects that
//! begin with a wildcard. Hosts of other projects do not tell under which prefix their lattice is steered.
//!
//! # Messages for an actor
//!
//! Each is a call of `MessageSubscriber.HandleMessage`. 75 at once are under way for a link, as published, and the rest of
//! its messages wait with the NATS client, up to the number at which that drops some; other links do not wait. What
//! the actor does not take is logged and gone: this is messaging without a store. When a link goes so do its
//! subscriptions, at once. New values of a link end the old subscriptions before they begin the new, so that nothing
//! is handed over twice.
//!
//! Source: wasmCloud/capability-providers `nats/src/main.rs`, `nats/src/config.rs`.

mod defaults;
mod delivery;
mod error;
mod operations;
mod provider;
mod settings;
mod subject;
mod trace;

pub use provider::Messaging;
