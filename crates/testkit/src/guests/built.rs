//! The modules of `guests/built`, unsigned. What each of them answers stands in `guests/README.md`.

/// Counts, and misbehaves on request.
pub const COUNTER: &[u8] = include_bytes!("../../../../guests/built/counter.wasm");

/// Greets: over calls, HTTP and messages.
pub const HELLO: &[u8] = include_bytes!("../../../../guests/built/hello.wasm");

/// Steers a lattice on command, through `wasmcloud:latticecontrol`.
pub const HELM: &[u8] = include_bytes!("../../../../guests/built/helm.wasm");

/// Keeps instances of another actor running, through `wasmcloud:latticecontrol`.
pub const KEEPER: &[u8] = include_bytes!("../../../../guests/built/keeper.wasm");

/// Serves a page over HTTP that counts its visits through `wasmcloud:keyvalue`.
pub const VISITS: &[u8] = include_bytes!("../../../../guests/built/visits.wasm");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_guest_is_a_valid_module() {
        for guest in [COUNTER, HELLO, HELM, KEEPER, VISITS] {
            wasmparser::validate(guest).unwrap();
        }
    }
}
