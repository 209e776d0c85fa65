//! Constants, each with the reason for its value.

use std::time::Duration;

/// How long an invocation that is signed here stays valid: longer than any call may wait in queues and than clocks of
/// one lattice differ, and short enough that a recorded invocation is soon worthless.
pub const INVOCATION_LIFETIME: Duration = Duration::from_secs(300);

/// Bytes of the longest token that is read. Published tokens have about 700; long lists of tags and the schemas of
/// providers' configuration stay far below this.
pub const MAX_TOKEN: usize = 64 * 1024;

/// How deep modules and components may lie in one another. Composed components have a handful of levels; since each level
/// is copied into the one above, more would let a small file take hours to hash.
pub(crate) const MAX_NESTING: usize = 32;

/// The generation of the claims layout that is written, the one that published verifiers require a right hash of.
pub(crate) const CLAIMS_REVISION: i32 = 3;

/// The custom section in which a module's token is written.
pub(crate) const TOKEN_SECTION: &str = "wasmcloud_jwt";

/// The section's name in modules signed before 2022, still read.
pub(crate) const OLD_TOKEN_SECTION: &str = "jwt";

/// The format in which hosts seal what they keep for each other.
pub(crate) const SEALED_VERSION: u8 = 1;
