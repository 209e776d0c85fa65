//! The client against a real nats-server and hosts that answer what real hosts answer.

mod auctions;
mod calling;
mod commands;
mod connecting;
mod events;
mod fake;
mod gathering;
mod observing;
mod operations;
mod queries;
mod resolving;
mod uploading;
