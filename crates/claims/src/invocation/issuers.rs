//! Verifying invocations.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use lattice_protocol::ClusterKey;
use nkeys::KeyPair;

use crate::{
    error::{InvocationError, TokenError},
    invocation::{Delegates, Envelope, InvocationClaims, InvocationParts, InvocationToken},
    jwt::Token,
};

/// The clusters whose invocations are accepted. Their keys are parsed once; clones share them.
#[derive(Clone, Debug)]
pub struct Issuers {
    keys: Arc<HashMap<String, KeyPair>>,
    delegates: Delegates,
}

impl Issuers {
    /// Trusts these clusters and no others.
    ///
    /// # Errors
    /// [`TokenError::IssuerKey`] if one of the keys is none that can verify anything.
    pub fn new(clusters: impl IntoIterator<Item = ClusterKey>) -> Result<Self, TokenError> {
        let keys = clusters.into_iter().map(|key| Ok((key.to_string(), verifying_key(&key)?)));
        Ok(Self { keys: Arc::new(keys.collect::<Result<_, TokenError>>()?), delegates: Delegates::default() })
    }

    /// Accepts what these keys may sign, too; also of those that are added later.
    #[must_use]
    pub fn with_delegates(mut self, delegates: Delegates) -> Self {
        self.delegates = delegates;
        self
    }

    /// Whether nothing is known of the key that signed a token, so that it may be one that was lent just now.
    pub fn is_stranger(&self, issuer: &str) -> bool {
        !self.keys.contains_key(issuer) && !self.delegates.knows(issuer)
    }

    /// Checks that the token is sound, valid at `now`, signed by a trusted cluster, and made for these very parts.
    ///
    /// Checks in that order. What the token was made for is compared after its signature was verified: who is told
    /// which part differs has at least seen a genuine token.
    ///
    /// # Errors
    /// [`InvocationError`] tells the first check that failed.
    pub fn verify(
        &self,
        token: &str,
        parts: &InvocationParts<'_>,
        now: SystemTime,
    ) -> Result<InvocationToken, InvocationError> {
        self.verify_envelope(token, parts, now)?.verify_payload(parts.payload)
    }

    /// Checks all that [`verify`](Self::verify) does but for the payload, which may lie elsewhere still; the one in
    /// `parts` is not looked at.
    ///
    /// # Errors
    /// [`InvocationError`] tells the first check that failed.
    pub fn verify_envelope(
        &self,
        token: &str,
        parts: &InvocationParts<'_>,
        now: SystemTime,
    ) -> Result<Envelope, InvocationError> {
        let token: Token<'_, InvocationClaims> = Token::read(token)?;
        token.check_times(now)?;
        let issuer = &token.claims().issuer;
        match self.keys.get(issuer) {
            Some(key) => token.check_signature(key)?,
            None => {
                let lent = self.delegates.key_for(issuer, &parts.origin, now);
                token.check_signature(&*lent.unwrap_or_else(|| Err(untrusted(issuer)))?)?;
            }
        }
        Envelope::of(token.into_claims(), parts)
    }

    /// The key of a trusted cluster.
    pub(super) fn cluster(&self, issuer: &str) -> Result<&KeyPair, InvocationError> {
        self.keys.get(issuer).ok_or_else(|| untrusted(issuer))
    }
}

pub(super) fn verifying_key(cluster: &ClusterKey) -> Result<KeyPair, TokenError> {
    KeyPair::from_public_key(cluster.as_str()).map_err(|_| TokenError::IssuerKey { issuer: cluster.to_string() })
}

fn untrusted(issuer: &str) -> InvocationError {
    match issuer.parse::<ClusterKey>() {
        Ok(issuer) => InvocationError::UntrustedIssuer { issuer: issuer.into() },
        Err(source) => TokenError::Issuer { source }.into(),
    }
}
