//! Making claims known to the lattice, and reading what is known.

use std::collections::BTreeMap;

use lattice_claims::ModuleClaims;
use lattice_protocol::{ActorKey, CallAlias};

use super::shape::{Known, entry_key};
use crate::{
    bucket::{Bucket, Expected, Written},
    lattice_data::LatticeData,
};

/// The claims known to the lattice; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ClaimsStore {
    bucket: Bucket,
    data: LatticeData,
}

impl ClaimsStore {
    pub(crate) fn new(bucket: Bucket, data: LatticeData) -> Self {
        Self { bucket, data }
    }

    /// Makes an actor's claims known to the lattice. Failing costs the others the claims, not the actor.
    pub(crate) async fn put(&self, claims: &ModuleClaims) {
        let known = Known::of_actor(claims);
        let subject = claims.subject.to_string();
        if self.data.lock().claims.get(&subject) == Some(&known) {
            return;
        }
        match self.bucket.put(&entry_key(&subject), known.to_entry().into(), Expected::Anything, None).await {
            Ok(Written::Stored(revision)) => self.bucket.shown(revision).await,
            // Cannot be where nothing is expected.
            Ok(Written::Overtaken) => {}
            Err(error) => {
                let error = lattice_protocol::error_chain(&error);
                tracing::warn!(actor = subject, error, "claims not stored, other hosts do not know this actor");
            }
        }
    }

    /// All claims as `get.claims` answers.
    pub(crate) fn for_query(&self) -> Vec<BTreeMap<String, Option<String>>> {
        self.data.lock().claims.iter().map(Known::for_query).collect()
    }

    /// The actor that can be called under an alias; the smallest key if several claim it.
    pub(crate) fn aliased(&self, alias: &CallAlias) -> Option<ActorKey> {
        self.data.lock().claims.aliased(alias)
    }
}
