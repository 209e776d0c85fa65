//! Write actors for a lattice: WebAssembly modules that a host calls over the waPC interface.
//!
//! An actor is a list of operations, each with the function that answers it:
//!
//! ```
//! use lattice_guest::msgpack::{argument, Value};
//!
//! fn double(payload: &[u8]) -> Result<Vec<u8>, String> {
//!     let argument = argument(payload)?;
//!     let number = argument.get("number").and_then(Value::as_u64);
//!     let number = number.ok_or("`number` must be a whole number from 0")?;
//!     Ok(Value::map([("double", Value::from(number.saturating_mul(2)))]).encode())
//! }
//!
//! lattice_guest::actor! {
//!     "Math.Double" => double,
//! }
//! # fn main() {}
//! ```
//!
//! The crate offers calls to the host ([`host_call`], [`log`], [`console`]), the MessagePack codec ([`msgpack`]) that
//! arguments and results are written in, and the usual contracts as plain functions and types: [`http`], [`keyvalue`],
//! [`lattice_control`], [`messaging`], [`numbers`]. On any target but wasm32 there is no host: there the calls go to the
//! stand-in of [`testing`], so that an actor is tested with a plain `cargo test`.
//!
//! Every error is the text that a handler returns, or becomes it with `?`: that is all that there is to error handling.
//!
//! Left out: serde. An actor that wants it can use the published SDKs, for the interface is theirs.
#![warn(missing_docs, unreachable_pub, unsafe_op_in_unsafe_fn)]

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod abi;
mod actor;
#[cfg(any(test, target_arch = "wasm32"))]
mod arena;
mod contract;
pub mod escape;
mod host;
pub mod http;
pub mod keyvalue;
pub mod lattice_control;
pub mod messaging;
pub mod msgpack;
pub mod numbers;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: arena::Arena = arena::Arena::new();

pub use actor::{dispatch, Handler, Operation};
pub use host::{console, host_call, log, Level};
