//! The capability provider for `wasmcloud:messaging`: actors publish and ask on NATS, and are handed what others publish,
//! and ticks of a timer.
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
//! | `every` | hands the actor a message this often: an interval from `100ms` to `24h`, in `ms`, `s`, `m` or `h`. Each instance of the provider ticks, see [Timers](#timers) | no timer |
//! | `every_body` | the text that these messages hold, without the space around it | they are empty |
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
//! # Timers
//!
//! With `every=2s` an actor is handed a message each two seconds, like one that others publish: the subject is `timer`,
//! nobody waits for an answer, and the body is the text of `every_body`. It is published nowhere, the provider calls the actor
//! itself: a link needs no `subscriptions` for it, and ticks do not count among the 75. What others publish on `timer` looks
//! the same to an actor that is subscribed to that too. An `every` of the configuration gives each link a timer; the link may
//! choose another interval, and cannot be without one.
//!
//! **Each instance ticks.** Where the provider runs on several hosts under one link name, each of them hands the actor its
//! own ticks, at its own time: an actor that must do something once has to see to that itself, or the provider is to run
//! once.
//!
//! - The first tick comes one interval after the link was put, also when a provider starts anew and is told its links. A link
//!   that is put again without a change leaves the timer as it is.
//! - One at a time: while a tick is with the actor no other is begun. One that comes due meanwhile comes late, once the other
//!   is done; more than one are skipped, and those that follow come when they would have come anyway.
//! - A tick may take longer than other calls: 15 s, or as long as every call if that is longer. Then it is given up, and
//!   the next one comes.
//! - What fails is logged and gone, and the next tick comes as usual. Of failures one after the other the first is logged, others
//!   for another reason at most once a minute, and that it works again.
//! - When a link goes its timer ends at once; the actor may still be busy with the last tick. New values of a link end the
//!   old timer before they begin the new one. A shutdown begins no tick and waits for the one under way, as long as it waits
//!   for calls.
//!
//! Source: wasmCloud/capability-providers `nats/src/main.rs`, `nats/src/config.rs`.

mod defaults;
mod delivery;
mod error;
mod operations;
mod provider;
mod running;
mod settings;
mod subject;
mod timer;
mod trace;

pub use provider::Messaging;
