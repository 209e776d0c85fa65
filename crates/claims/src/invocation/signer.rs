//! Signing invocations.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use lattice_protocol::ClusterKey;

use crate::{
    defaults::INVOCATION_LIFETIME,
    invocation::{InvocationParts, InvocationToken},
    jwt::{Claims, sign_token},
    seed::ClusterSeed,
    time::unix_seconds,
};

/// Signs invocations with a cluster's key, which is parsed once.
#[derive(Clone)]
pub struct InvocationSigner {
    seed: ClusterSeed,
    lifetime: Option<Duration>,
}

impl InvocationSigner {
    /// A signer whose invocations stay valid for [`INVOCATION_LIFETIME`].
    pub fn new(seed: ClusterSeed) -> Self {
        Self { seed, lifetime: Some(INVOCATION_LIFETIME) }
    }

    /// The same signer with another time of validity; without one, its invocations are valid for ever.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Option<Duration>) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The key that verifies what is signed here.
    pub fn cluster(&self) -> ClusterKey {
        self.seed.public()
    }

    /// A token for the invocation of this id.
    pub fn sign(&self, id: &str, parts: &InvocationParts<'_>, now: SystemTime) -> String {
        let issuer = self.seed.public().into();
        let claims = Claims::new(issuer, id.to_owned(), parts.claims(), now);
        let expires = self.lifetime.map(|lifetime| unix_seconds(now).saturating_add(lifetime.as_secs()));
        self.sign_claims(&Claims { expires, ..claims })
    }

    pub(super) fn sign_claims(&self, claims: &InvocationToken) -> String {
        sign_token(claims, self.seed.key_pair())
    }
}

impl fmt::Debug for InvocationSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvocationSigner")
            .field("cluster", &self.seed.public())
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
