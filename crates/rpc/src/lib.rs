//! Invocations between actors and providers: entities, signing, serving and calling.
//!
//! An [`RpcClient`] signs and sends invocations, a [`Server`] verifies those that come for one actor or provider and
//! hands them to a [`Handler`]. What a handler does with them, in WebAssembly or otherwise, is not known here.
//!
//! Payloads of more than 900 KiB, of calls and of answers, go through the JetStream object store of the lattice, as those of
//! published hosts and SDKs do. Neither callers nor handlers see that.

mod chunks;
mod client;
mod defaults;
mod direct;
mod entity;
mod error;
mod header;
mod invocation;
mod lenient;
mod response;
mod server;

pub use chunks::ChunkError;
pub use client::{Call, RpcClient};
pub use direct::{DirectClient, DirectDoor, DirectPass, Locals};
pub use entity::Entity;
pub use error::{CallError, ReadError, ServeError};
pub use header::{BACK_HEADER, DEADLINE_HEADER, DEPTH_HEADER, REFUSED_HEADER};
pub use invocation::{Invocation, TraceContext};
pub use response::InvocationResponse;
pub use server::{Handler, HandlerError, KeyLookup, RefusalKind, Refusals, Request, Server, Service, Shutdown};
