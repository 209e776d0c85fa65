//! A published bindle server on the loopback interface, and what is pushed to it.
//!
//! Nothing here knows the lattice: the tests drive its binary, and `record` asks the server as anybody could.

mod door;
mod packages;
mod server;

pub use packages::{Package, module, provider};
pub use server::{PASSWORD, Server, TOKEN, USER};
