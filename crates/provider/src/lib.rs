//! The SDK to write a capability provider: one trait, and a process that does the rest.
//!
//! A provider is a program that a host starts as a process of its own. It gets a line of data on standard input, talks to
//! the lattice over NATS from then on, and serves the calls of the actors that are linked with it, or calls them. What is
//! to be written is a [`Provider`], of which one function is required, and a `main` that [`run`]s it.
//!
//! This is a complete one:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use bytes::Bytes;
//! use lattice_provider::{HandlerError, Provider, ProviderCall, decode, encode, run};
//!
//! struct Greeter;
//!
//! impl Provider for Greeter {
//!     async fn handle(&self, call: ProviderCall) -> Result<Bytes, HandlerError> {
//!         let name: &str = decode(&call.payload)?;
//!         let greeting = call.link.values.get("greeting").unwrap_or("Hello");
//!         match call.method() {
//!             "Greet" => Ok(encode(&format!("{greeting}, {name}!"))),
//!             _ => Err(HandlerError::Failed(format!("there is no operation `{}`", call.operation))),
//!         }
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     run(|_| async { Ok(Greeter) })
//! }
//! ```
//!
//! `examples/counter.rs` keeps state for each link, checks its values, and calls actors. Tests run a provider in their own
//! process with [`serve`].
//!
//! # What happens besides
//!
//! - **Links.** Those that the host tells at the start and those that change later come as [`Provider::put_link`] and
//!   [`Provider::delete_link`], in order for each actor. Hosts repeat links at every opportunity; what changes nothing is
//!   not passed on. Whoever puts a link and waits for an answer gets one, with the provider's own words if it refuses.
//! - **Calls.** They are verified (hash, signature, issuer, expiry, target), and refused unless the actor that calls is
//!   linked. Up to 1,024 run at once, each with a deadline, and a panic is answered like an error.
//! - **Shutdown.** When the host or a signal asks for it: no new calls, [`Provider::shutdown`] while the running ones
//!   finish, the answer, a flush, exit code 0.
//! - **NATS.** A connection that breaks is restored, with all subscriptions.
//!
//! Everything that hosts and providers published by wasmCloud say to each other is understood: a provider made with this
//! runs under such hosts too. Source: wasmbus-rpc 0.15 `src/provider.rs` and `src/provider_main.rs`; wasmCloud 0.82
//! `crates/provider-sdk/src`.

mod attendant;
mod calls;
mod connect;
mod context;
mod defaults;
mod error;
mod guarded;
mod links;
mod payload;
mod peers;
mod provider;
mod run;
mod serve;
mod settings;
mod telemetry;

pub use connect::NatsAccess;
pub use context::{ActorCall, Context};
pub use error::{Failure, PayloadError, StartError};
pub use lattice_protocol::{ActorKey, HostData, LinkValues};
pub use lattice_rpc::{CallError, HandlerError, RefusalKind, TraceContext};
pub use payload::{decode, encode};
pub use peers::{NotShared, Peers, Shared};
pub use provider::{Health, Link, Provider, ProviderCall};
pub use run::run;
pub use serve::{Ended, Serving, serve};
pub use settings::{Defaults, Settings};
