//! The HTTP server in the test's own process: real requests over TCP, and actors that the test answers for.

mod drain;
mod limits;
mod links;
mod process;
mod requests;
mod secure;
mod stage;
