//! The async control client of a lattice: queries, commands and what becomes of them, calls, events.
//!
//! [`connect`] gives a NATS connection, [`Client`] speaks over it to one lattice. What a client can do:
//!
//! - **Ask all**: [`Client::hosts`], [`Client::inventories`] and the auctions ask every host at once and end as soon as all
//!   that belong to the lattice have answered. What comes is [`Gathered`]: the items, what was wrong with other answers,
//!   which hosts are missing, and whether that is all there is.
//! - **Command**: every command becomes an operation. Its answer means that a host took it on; the [`Operation`] tells
//!   afterwards how it goes, can be watched and waited for, and be taken up again by another process.
//! - **Place**: [`Client::auction_actor`] ranks the hosts that would run an actor by a stated [`Rule`] and says why each
//!   stands where it stands, and why the others would not; [`Client::place_actor`] starts it on the best. So do
//!   [`Client::auction_provider`] and [`Client::place_provider`] for capability providers.
//! - **Keep artifacts**: [`Client::push_artifact`] stores a module or provider archive in the lattice itself, from where every
//!   host can start it; [`Client::artifacts`], [`Client::pull_artifact`] and [`Client::delete_artifact`] are the rest of it.
//! - **Look on**: [`Client::events`] is what happens, and says when it has a hole; an [`Observer`] keeps the live view that
//!   follows from it.
//!
//! Errors tell apart *nobody there*, *no answer in time*, *unreadable answer* and *refused*. With hosts of other projects,
//! which keep no records of operations and do not say who belongs to the lattice, everything works as far as they tell:
//! operations settle by their events, and what somebody answers is never called complete without a host that knows the
//! members.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use lattice_client::{Client, ClientSettings, ConnectSettings, Rule, connect};
//! use lattice_protocol::{Annotations, Constraints, StartActor};
//!
//! let nats = connect(ConnectSettings::new("nats://127.0.0.1:4222")).await?;
//! let client = Client::new(nats, ClientSettings::default());
//! for host in client.hosts().await?.into_complete()? {
//!     println!("{} {}", host.id, host.friendly_name);
//! }
//! let start = StartActor {
//!     actor_ref: "registry.example/greeter:0.1.0".to_owned(),
//!     annotations: Annotations::new(),
//!     count: 1.into(),
//!     host_id: None,
//!     lattice_id: None,
//! };
//! let zone = Constraints::from_iter([("zone", "east")]);
//! let operation = client.place_actor(start, zone, Rule::Spread, Duration::from_secs(10)).await?;
//! operation.wait(Duration::from_secs(60)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A client needs no right in JetStream: what is stored, hosts are asked for. The program `examples/tour.rs` shows the
//! whole of it.

mod artifacts;
mod auction;
mod call;
mod client;
mod command;
mod connect;
mod defaults;
mod deliveries;
mod events;
mod gather;
mod observer;
mod operation;
mod place;
mod query;
mod request;
mod resolve;
mod rollout;

pub use artifacts::{PullError, PushError, PushOptions, Pushed};
pub use auction::{Auction, RankedBid, Rule, RuleError};
pub use call::{CallTarget, Caller};
pub use client::{Client, ClientSettings};
pub use command::UpdateOptions;
pub use connect::{ConnectError, ConnectSettings, connect};
pub use defaults::{CONNECT_TIMEOUT, GATHER_QUIET, REQUEST_TIMEOUT};
pub use deliveries::{Became, VersionDelivery};
pub use events::{EventError, EventStream};
pub use gather::{GatherStream, Gathered, Incomplete, Missing, Summary};
pub use observer::{
    ActorView, HostState, HostView, InstanceSet, LatticeView, LinkView, Observer, ProviderView, Reader, Seen, Source,
};
pub use operation::{Accepted, Cause, Operation, Recording, Settled, WaitError};
pub use place::{Attempt, PlaceError};
pub use request::RequestError;
pub use resolve::{Candidate, ResolveError, actor_names};
pub use rollout::{HostError, HostOutcome, PrefetchEverywhere, Rollout, UpdateEverywhere};

/// Why a call has no result.
pub use lattice_rpc::CallError;
