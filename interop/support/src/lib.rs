//! A lattice for published clients, and what each generation of them is expected to get from it.
//!
//! A generation implements [`Client`] and lists the scenarios that it takes part in, see [`scenarios!`]; what it alone can
//! do is tested beside that. Nothing here knows a generation. Where something is missing on the machine, the functions
//! panic: a test that cannot run has failed.

pub mod actors;
pub mod auctions;
mod client;
mod events;
mod eventually;
pub mod hosts;
mod lattice;
pub mod links;
pub mod numbers;
pub mod providers;
pub mod registries;

pub use client::{Ack, Answer, Client, Link, Map, NumberClient, RegistryClient, map, told};
pub use events::Events;
pub use eventually::eventually;
pub use lattice::{Actor, LATTICE, Lattice, command};

use std::time::Duration;

/// How long clients gather answers, all of it even if the answers are there: long beside an answer on a loaded machine,
/// short beside a test.
pub const GATHERING: Duration = Duration::from_secs(1);

/// How long clients wait for the one answer to a request. Their own 2 s are for a machine with nothing else to do.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Tests of these scenarios, each on a lattice of its own, with a client that `connect` makes for it.
///
/// ```text
/// lattice_interop::scenarios! {
///     crate::connect;
///     hosts: are_listed stop_when_told;
///     links: come_and_go;
/// }
/// ```
#[macro_export]
macro_rules! scenarios {
    ($connect:path; $($of:ident: $($scenario:ident)+;)+) => {
        $(mod $of {
            $(
                #[tokio::test]
                async fn $scenario() {
                    let lattice = $crate::Lattice::start().await;
                    let client = $connect(&lattice).await;
                    $crate::$of::$scenario(&lattice, &client).await;
                }
            )+
        })+
    };
}
