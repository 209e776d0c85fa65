//! Providers that clients start in vain. Those that run are in a package of their own, for they are made with SDKs.

use crate::{Client, Lattice, links};

/// A host says that it cannot get it, or does not run it, and does not keep the client waiting.
pub async fn are_refused<C: Client>(lattice: &Lattice, client: &C) {
    let reference = "registry.invalid/keyvalue:0.1.0";
    client.start_provider(lattice.host(), reference).await.expect("the host answers").refused();
    client.stop_provider(lattice.host(), &links::example()).await.expect("the host answers").refused();
}
