//! Keys and signed claims: modules, providers and invocations, signing and verifying; and what keys seal.
//!
//! Nothing here does I/O or reads a clock; the time is passed in. Secrets are held in seeds, whose `Debug` and errors
//! never show them.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use lattice_claims::{AccountSeed, ModuleSeed, NewModuleClaims, sign_module, verify_module};
//!
//! let (account, module) = (AccountSeed::generate(), ModuleSeed::generate());
//! let now = SystemTime::now();
//! let claims = NewModuleClaims { name: Some("Hello".to_owned()), ..NewModuleClaims::new(module.public(), now) };
//! let signed = sign_module(b"\0asm\x01\0\0\0", &claims, &account)?;
//!
//! let read = verify_module(&signed, now)?;
//! assert_eq!(read.subject, module.public());
//! assert_eq!(read.issuer, account.public());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checks;
mod defaults;
mod error;
pub mod invocation;
mod jwt;
mod module;
mod nats_user;
mod provider;
mod seal;
mod seed;
mod time;
mod token_id;

pub use checks::{ModuleChecks, ProviderChecks, TokenChecks};
pub use defaults::{INVOCATION_LIFETIME, MAX_TOKEN};
pub use error::{InvocationError, ModuleClaimsError, ProviderClaimsError, TokenError};
pub use invocation::{
    Delegates, Delegation, EntityRef, Envelope, InvocationClaims, InvocationParts, InvocationSigner, Issuers,
    sign_delegation,
};
pub use jwt::{Claims, Token, sign_token};
pub use module::{ModuleClaims, NewModuleClaims, check_module, module_hash, read_module, sign_module, verify_module};
pub use nats_user::{NatsUserError, NatsUserToken};
pub use provider::{
    NewProviderClaims, ProviderClaims, binary_hash, check_provider, read_provider, sign_provider, verify_provider,
};
pub use seal::{SealError, UnsealError};
pub use seed::{AccountSeed, ClusterSeed, HostSeed, ModuleSeed, ProviderSeed, SeedError, UserSeed};
pub use time::unix_seconds;
