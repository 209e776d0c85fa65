//! Finds, provisions and supervises a local nats-server.
//!
//! [`find_or_provision`] gives a [`Binary`], [`Broker::start`] runs it on the loopback interface with JetStream in a data
//! directory, and [`probe`] tells what listens at any address. The server runs under a guard (see `lattice-guard`), so the
//! binary that starts a broker calls [`run_if_guard`] first thing in `main`.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use lattice_broker::{Broker, BrokerConfig, Search, find_or_provision};
//!
//! let search = Search::from_env("/var/lib/lattice");
//! let binary = find_or_provision(&search, &|progress| tracing::info!(?progress)).await?;
//! let broker = Broker::start(BrokerConfig::new("/var/lib/lattice", binary)).await?;
//! println!("NATS listens at {}", broker.url());
//! broker.stop().await;
//! # Ok(())
//! # }
//! ```

mod binary;
mod broker;
mod defaults;
mod log;
mod pinned;
mod probe;
mod progress;
mod provision;
mod server;
mod version;
mod wheel;

pub use binary::{Binary, Rejected, RejectedReason, Search};
pub use broker::{Broker, BrokerConfig, BrokerState};
pub use defaults::{MAX_PAYLOAD, NATS_SERVER_VARIABLE, OLDEST_VERSION, PREFERRED_PORT, WELL_KNOWN_DIRECTORIES};
pub use lattice_guard::run_if_guard;
pub use probe::{ProbeError, ServerInfo, probe, read_info};
pub use progress::{Progress, Report};
pub use provision::{BinaryError, ProvisionError, find_or_provision};
pub use server::ServerError;
pub use version::{Version, VersionError};
pub use wheel::WheelError;
