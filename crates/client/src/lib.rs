//! The async control client of a lattice: queries, commands and what becomes of them, calls, events.
//!
//! [`connect`] gives a NATS connection, [`Client`] speaks over it to one lattice. Errors tell apart *nobody there*, *no
//! answer in time*, *unreadable answer* and *refused*; an accepted command is an [`Operation`] that can be waited for.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use lattice_client::{Client, ClientSettings, ConnectSettings, connect};
//! use lattice_protocol::{Count, StopActor};
//!
//! let nats = connect(ConnectSettings::new("nats://127.0.0.1:4222")).await?;
//! let client = Client::new(nats, ClientSettings::default());
//! let (host, actor) = (client.resolve_host("quiet-river-1234").await?, client.resolve_actor("greeter").await?);
//! let all = StopActor {
//!     actor_id: actor,
//!     annotations: Default::default(),
//!     count: Count::default(),
//!     host_id: None,
//!     lattice_id: None,
//! };
//! client.stop_actor(&host, all).await?.wait(Duration::from_secs(10)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A client needs no right in JetStream: what is stored, hosts are asked for. The program `examples/tour.rs` shows the
//! whole of it.

mod auction;
mod call;
mod client;
mod command;
mod connect;
mod defaults;
mod events;
mod gather;
mod observer;
mod operation;
mod place;
mod query;
mod request;
mod resolve;
mod rollout;

pub use auction::{Auction, RankedBid, Rule, RuleError};
pub use call::{CallTarget, Caller};
pub use client::{Client, ClientSettings};
pub use command::UpdateOptions;
pub use connect::{ConnectError, ConnectSettings, connect};
pub use defaults::{CONNECT_TIMEOUT, GATHER_QUIET, REQUEST_TIMEOUT};
pub use events::{EventError, EventStream};
pub use gather::{GatherStream, Gathered, Incomplete, Missing, Summary};
pub use observer::{
    ActorView, HostState, HostView, InstanceSet, LatticeView, LinkView, Observer, ProviderView, Reader, Seen, Source,
};
pub use operation::{Accepted, Cause, Operation, Recording, Settled, WaitError};
pub use place::{Attempt, PlaceError};
pub use request::RequestError;
pub use resolve::{Candidate, ResolveError, actor_names};
pub use rollout::{HostUpdate, Rollout, UpdateError, UpdateEverywhere};

/// Why a call has no result.
pub use lattice_rpc::CallError;
