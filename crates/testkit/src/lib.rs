//! Test support: a private nats-server (with accounts, if need be) or registry per test, guests as WebAssembly text and as
//! built modules, programs of other packages, waiting on conditions.
//!
//! Nothing here is part of a shipped program. Where something is missing on the machine, the functions panic: a test
//! that cannot run has failed.

mod eventually;
pub mod guests;
mod nats;
mod operator;
mod process;
mod programs;
mod registry;

pub use eventually::eventually;
pub use nats::{NatsOptions, NatsServer, cache_dir, nats_binary};
pub use operator::{NatsAccount, NatsOperator, NatsPermissions, NatsUser, NatsUserOptions};
pub use programs::programs;
pub use registry::{DOCKER_REGISTRY_VARIABLE, Registry, RegistryOptions, RegistryTokens, TokenIssuer};
