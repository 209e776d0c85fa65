//! Clients and servers over a private nats-server.

mod calls;
mod chunks;
#[cfg(target_os = "linux")]
mod direct;
mod support;
