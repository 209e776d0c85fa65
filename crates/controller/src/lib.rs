//! The capability provider for `wasmcloud:latticecontrol`: actors steer lattices, as far as they are granted.
//!
//! # Grants
//!
//! What an actor may do stands in the values of its link and nowhere else. A link without values grants reading in the provider's
//! own lattice.
//!
//! | link value | grants | without it |
//! |---|---|---|
//! | `lattices` | these lattices, names between commas; `*` for all | the provider's own |
//! | `operations` | `read`, `schedule`, `manage`, between commas, see below | `read` |
//! | `host_labels` | only hosts with all these labels, `key=value` between commas | every host |
//! | `images` | only images whose references begin with one of these, between commas, to the end of a part of the name | every image |
//! | `nats_urls` | NATS servers that credentials may name, `host:port` or URLs, between commas; `*` for all | none: they name none, and the provider's own is used |
//! | `registries` | registries whose credentials may be replaced and forgotten, whoever set them: `host[:port][/path]`, between commas; `*` for all | none |
//! | `requests_per_second` | so many requests, in one second also all at once; instances of the provider share it evenly | 50 |
//! | `gather_limit` | how long silent hosts are waited for, such as `2s`; the caller's deadline may end it sooner | `2s` |
//!
//! | operation | is granted by |
//! |---|---|
//! | GetHosts, GetHostInventory, GetClaims, GetLinks, AuctionActor, AuctionProvider | `read` |
//! | StartActor, ScaleActor, StopActor, UpdateActor, StartProvider, StopProvider | `schedule` |
//! | AdvertiseLink, RemoveLink, StopHost, the values of links in GetLinks | `manage` |
//! | SetLatticeCredentials | `lattices`, and `nats_urls` where it names a server |
//! | SetRegistryCredentials | `registries` |
//!
//! `schedule` without `images` is power over all that hosts take: an actor may start any provider that they trust, with any
//! configuration. `manage` is power over links, and so in the end over all that a lattice's providers can do. Links of this very
//! contract nobody changes through it, or an actor could grant itself more. Links and credentials of registries are the whole
//! lattice's, whatever `host_labels` says, and that a host is silent is told whatever its labels are.
//!
//! # Credentials
//!
//! The provider's own lattice is steered over its own connection. For any other an actor sets credentials, which are its own:
//! no other actor uses them. They are tried before they are accepted, are in effect with the next call, and known to all
//! instances of the provider before the answer. They go with the link, when they expire, and with the last instance, for nothing
//! is stored; that a connection is idle closes it and nothing more. An actor may set some for the provider's own lattice, too, which count until it sets none at all.
//!
//! # Answers
//!
//! Failures are errors, never empty lists. A call that fails says `[code] words`; an ack that refuses holds the code under the key
//! `code`. The codes are those of [`ErrorCode`](lattice_protocol::contract::lattice_control::ErrorCode). A list that is not all there
//! is says so in its first item, under the key `incomplete`; published actors pass over keys that they do not know. Everything is
//! answered a little before the caller stops waiting; one that does not say when that is, as under published hosts, is taken to
//! wait as long as the host has calls wait.
//!
//! Source: wasmCloud/interfaces `lattice-control/lattice-control-interface.smithy`; wasmCloud/capability-providers
//! `lattice-controller/src/main.rs`, whose defects are tested for by name in `tests/controller/defects.rs`.

mod argument;
mod bucket;
mod change;
mod connections;
mod credentials;
mod defaults;
mod desk;
mod error;
mod grants;
mod keychain;
mod linked;
mod margin;
mod operations;
mod provider;
mod steering;

use std::process::ExitCode;

pub use provider::LatticeController;

/// Runs the provider as a host started it, and returns the program's exit code.
pub fn run() -> ExitCode {
    lattice_provider::run(LatticeController::new)
}
