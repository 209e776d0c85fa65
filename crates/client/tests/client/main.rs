//! The client against a real nats-server and hosts that answer what real hosts answer.

mod calling;
mod commands;
mod connecting;
mod events;
mod fake;
mod gathering;
mod queries;
mod resolving;
