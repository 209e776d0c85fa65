//! Constants, each with the reason for its value.

use std::time::Duration;

/// How many messages are with an actor at once, for each link: as published, where more was measured to be of no use.
pub(crate) const IN_FLIGHT: usize = 75;

/// First tokens of the subjects by which lattices are steered; those that begin with `$` are the servers'.
pub(crate) const LATTICE_TOKENS: &[&str] = &["wasmbus"];

/// First tokens of the subjects on which others wait for answers. One may answer there, not listen.
pub(crate) const ANSWER_TOKENS: &[&str] = &["_INBOX", "_R_"];

/// Bytes of the longest subject: servers take lines of 4 KiB, with two subjects in it.
pub(crate) const LONGEST_SUBJECT: usize = 1536;

/// How long before a caller stops waiting it is told that there is no answer: the way back, many times over.
pub(crate) const ANSWERING: Duration = Duration::from_millis(50);
