//! The WebAssembly engine: compiles modules with the waPC interface, keeps their code, instantiates, calls and limits
//! them.
//!
//! A [`Runtime`] compiles bytes into a [`Module`]; an [`Actor`] calls it, at most so many times at once. What guests can
//! ask of their host is a trait, [`Imports`]: this crate knows no broker, no lattice and no network.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Duration, Instant};
//!
//! use bytes::Bytes;
//! use futures::future::BoxFuture;
//! use lattice_runtime::{Actor, ActorSettings, Call, CallContext, HostCall, Imports, Runtime, RuntimeConfig};
//!
//! struct Host;
//!
//! impl Imports for Host {
//!     fn host_call(&self, call: HostCall) -> BoxFuture<'_, Result<Bytes, String>> {
//!         Box::pin(async move { Err(format!("{} is not linked", call.namespace)) })
//!     }
//!
//!     fn console_log(&self, text: &str) {
//!         tracing::info!("{text}");
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bytes = wat::parse_str(
//!     r#"(module
//!         (import "wasmbus" "__guest_request" (func $request (param i32 i32)))
//!         (import "wasmbus" "__guest_response" (func $response (param i32 i32)))
//!         (memory (export "memory") 1)
//!         (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
//!             (call $request (i32.const 0) (i32.const 1024))
//!             (call $response (i32.const 1024) (local.get $payload))
//!             (i32.const 1)))"#,
//! )?;
//! let runtime = Runtime::new(RuntimeConfig::default())?;
//! let module = runtime.compile(bytes.into(), "the digest of the bytes").await?;
//! let actor = Actor::new(&runtime, &module, &ActorSettings::default(), Arc::new(Host))?;
//! let context = CallContext::new(Instant::now() + Duration::from_secs(2));
//! assert_eq!(actor.call(Call::new("Echo.Say", "hello", context)).await?, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! A trap, a guest that runs away or one that takes too much memory costs its own call and nothing else.

mod abi;
mod actor;
mod cache;
mod call;
mod compile;
mod config;
mod defaults;
mod engine;
mod epoch;
mod error;
mod gate;
mod guest;
mod instance;
mod limits;
mod log;
mod machine;
mod module;
mod runtime;
mod stats;
mod wasi;

pub use actor::{Actor, ActorSettings};
pub use call::{Call, CallContext, HostCall, Imports, WhenBusy};
pub use config::RuntimeConfig;
pub use defaults::{CALL_DEADLINE, COMPILE_TIMEOUT, INSTANCE_MEMORY, MAX_PAYLOAD, MODULE_BYTES, QUEUE};
pub use error::{ActorError, CallError, CompileError, EngineError, FailureKind};
pub use module::Module;
pub use runtime::{Runtime, RuntimeStats};
pub use stats::ActorStats;
