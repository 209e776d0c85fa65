//! The engine as its users see it, with text modules as guests.

mod actors;
mod bounds;
mod cached;
mod calls;
mod compiling;
mod guests;
mod host;
mod wasi;
