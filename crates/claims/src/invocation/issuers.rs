//! Verifying invocations.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use lattice_protocol::ClusterKey;
use nkeys::KeyPair;

use crate::{
    error::{InvocationError, TokenError},
    invocation::{Envelope, InvocationClaims, InvocationParts, InvocationToken},
    jwt::Token,
};

/// The clusters whose invocations are accepted. Their keys are parsed once; clones share them.
#[derive(Clone, Debug)]
pub struct Issuers {
    keys: Arc<HashMap<String, KeyPair>>,
}

impl Issuers {
    /// Trusts these clusters and no others.
    ///
    /// # Errors
    /// [`TokenError::IssuerKey`] if one of the keys is none that can verify anything.
    pub fn new(clusters: impl IntoIterator<Item = ClusterKey>) -> Result<Self, TokenError> {
        let keys = clusters.into_iter().map(|key| Ok((key.to_string(), verifying_key(&key)?)));
        Ok(Self { keys: Arc::new(keys.collect::<Result<_, TokenError>>()?) })
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
        token.check_signature(self.key(&token.claims().issuer)?)?;
        Envelope::of(token.into_claims(), parts)
    }

    fn key(&self, issuer: &str) -> Result<&KeyPair, InvocationError> {
        self.keys.get(issuer).ok_or_else(|| untrusted(issuer))
    }
}

fn verifying_key(cluster: &ClusterKey) -> Result<KeyPair, TokenError> {
    KeyPair::from_public_key(cluster.as_str()).map_err(|_| TokenError::IssuerKey { issuer: cluster.to_string() })
}

fn untrusted(issuer: &str) -> InvocationError {
    match issuer.parse::<ClusterKey>() {
        Ok(issuer) => InvocationError::UntrustedIssuer { issuer: issuer.into() },
        Err(source) => TokenError::Issuer { source }.into(),
    }
}
