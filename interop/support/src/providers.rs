//! Providers that clients start in vain. Those that run are in a package of their own, for they are made with SDKs.

use crate::{Client, Lattice, links};

/// A host says that it does not take it, for it has no tag, or does not run it, and does not keep the client waiting.
pub async fn are_refused<C: Client>(lattice: &Lattice, client: &C) {
    let reference = "registry.invalid/keyvalue";
    client.start_provider(lattice.host(), reference).await.expect("the host answers").refused();
    client.stop_provider(lattice.host(), &links::example()).await.expect("the host answers").refused();
}
