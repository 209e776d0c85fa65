//! What an artifact is meant to be.

/// What an artifact is meant to be, which decides what a registry may call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A WebAssembly module, an actor's.
    Module,
    /// A provider archive.
    Provider,
}
