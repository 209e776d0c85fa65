//! Published crates and the built program sign modules and provider archives for each other.
//!
//! What is signed here is read and validated there, what is signed there is verified here, and what was changed is refused by
//! both. Each test starts the program as people do; no lattice runs.

mod archives;
mod generations;
mod modules;
mod program;
mod wasm;
