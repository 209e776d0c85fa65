//! Credentials for registries.

use crate::{Lattice, RegistryClient};

/// A host takes them, which it does not say, and goes on answering.
pub async fn are_put<C: RegistryClient>(lattice: &Lattice, client: &C) {
    client.put_registry("registry.invalid", "ada", "secret").await.expect("it can be sent");
    client.inventory(lattice.host()).await.expect("the host answers");
}
