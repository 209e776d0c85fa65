//! Clients and servers over a private nats-server.

mod calls;
mod chunks;
mod support;
