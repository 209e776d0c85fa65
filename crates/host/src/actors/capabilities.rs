//! Which contracts an actor may have to do with.

use std::sync::Arc;

use lattice_claims::ModuleClaims;

/// What an actor's claims allow. One without claims, which only hosts for development run, may do everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Capabilities {
    claims: Option<Arc<ModuleClaims>>,
}

impl Capabilities {
    pub(crate) fn new(claims: Option<Arc<ModuleClaims>>) -> Self {
        Self { claims }
    }

    /// Whether the actor may call providers of a contract, and be called by them.
    pub(crate) fn allow(&self, contract: &str) -> bool {
        self.claims.as_ref().is_none_or(|claims| claims.caps.iter().any(|cap| cap == contract))
    }
}
