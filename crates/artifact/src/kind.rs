//! What an artifact is meant to be.

/// What an artifact is meant to be, which decides what a registry may call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A WebAssembly module, an actor's.
    Module,
    /// A provider archive.
    Provider,
    /// One of the two: whoever fetches it does not know which.
    Any,
}

/// What every WebAssembly binary begins with.
const WASM: &[u8] = b"\0asm";

impl Kind {
    /// What bytes are by how they begin: a module, or what can only be a provider archive.
    pub fn of(bytes: &[u8]) -> Self {
        match bytes.starts_with(WASM) {
            true => Kind::Module,
            false => Kind::Provider,
        }
    }
}
