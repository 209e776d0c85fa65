//! The bytes of the protocol: golden files, what published hosts send, round trips, and what hostile bytes do.

mod allocation;
mod arbitrary;
mod corpus;
mod events;
mod golden;
mod hostile;
mod published;
