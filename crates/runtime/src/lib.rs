//! The WebAssembly engine: compile, cache, instantiate, call, limit.
