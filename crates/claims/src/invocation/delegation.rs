//! Keys with which a capability provider signs invocations in its own name, lent to it by the cluster.
//!
//! Published hosts give providers the seed of the cluster, so that each of them can sign in anybody's name. Here a provider
//! gets a key of its own, and the cluster says in a token what that key may sign: calls of this provider under this link
//! name, for a while. Of this project; published receivers do not know such keys.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::SystemTime,
};

use lattice_protocol::{ClusterKey, ContractId, HostKey, LinkName, ProviderKey};
use nkeys::KeyPair;
use serde::{Deserialize, Serialize};

use super::{EntityRef, Issuers, issuers::verifying_key};
use crate::{
    error::{InvocationError, TokenError},
    jwt::{Claims, Token, sign_token},
    seed::ClusterSeed,
    time::unix_seconds,
};

/// What a key of a provider's may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The key.
    pub key: ClusterKey,
    /// In whose name.
    pub provider: ProviderKey,
    /// Under which link name.
    pub link: LinkName,
    /// Of which contract.
    pub contract: ContractId,
    /// The host that runs the provider.
    pub host: HostKey,
    /// Which start of that host.
    pub incarnation: String,
    /// The last second of validity, since 1970.
    pub expires: u64,
}

/// The order of fields is the order in the token.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Metadata {
    delegation: Scope,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scope {
    provider: ProviderKey,
    link_name: LinkName,
    contract_id: ContractId,
    host_id: HostKey,
    incarnation: String,
}

/// The token that says what a key may sign, signed with the key of the cluster.
pub fn sign_delegation(delegation: &Delegation, cluster: &ClusterSeed, now: SystemTime) -> String {
    let scope = Scope {
        provider: delegation.provider.clone(),
        link_name: delegation.link.clone(),
        contract_id: delegation.contract.clone(),
        host_id: delegation.host.clone(),
        incarnation: delegation.incarnation.clone(),
    };
    let metadata = Metadata { delegation: scope };
    let claims = Claims::new(cluster.public().into(), delegation.key.to_string(), metadata, now);
    sign_token(&Claims { expires: Some(delegation.expires), ..claims }, cluster.key_pair())
}

impl Issuers {
    /// What a token lets a key sign, if one of these clusters signed it and it is valid at `now`.
    ///
    /// # Errors
    /// [`InvocationError`] tells the first check that failed. A token without an end is none.
    pub fn verify_delegation(&self, token: &str, now: SystemTime) -> Result<Delegation, InvocationError> {
        let token: Token<'_, Metadata> = Token::read(token)?;
        token.check_times(now)?;
        token.check_signature(self.cluster(&token.claims().issuer)?)?;
        let claims = token.into_claims();
        let expires = claims.expires.ok_or(TokenError::Malformed { reason: "it does not say when it ends" })?;
        let key = claims.subject.parse().map_err(|source| TokenError::Subject { source })?;
        let Scope { provider, link_name, contract_id, host_id, incarnation } = claims.metadata.delegation;
        Ok(Delegation { key, provider, link: link_name, contract: contract_id, host: host_id, incarnation, expires })
    }
}

/// The keys that providers have been lent, each verified before it is added; clones are the same set.
#[derive(Clone, Debug, Default)]
pub struct Delegates {
    /// The lock is held for a pointer's copy on the side of calls, and for a pointer's write on the other.
    keys: Arc<RwLock<Arc<HashMap<String, Delegate>>>>,
}

#[derive(Clone, Debug)]
struct Delegate {
    delegation: Arc<Delegation>,
    key: Arc<KeyPair>,
}

impl Delegates {
    /// Adds what a token was verified to say, or puts it in the place of what was said of the same key before.
    ///
    /// # Errors
    /// [`TokenError::IssuerKey`] if the key is none that can verify anything.
    pub fn add(&self, delegation: Delegation, now: SystemTime) -> Result<(), TokenError> {
        let key = Arc::new(verifying_key(&delegation.key)?);
        let delegate = Delegate { delegation: Arc::new(delegation), key };
        self.change(now, |keys| drop(keys.insert(delegate.delegation.key.to_string(), delegate)));
        Ok(())
    }

    /// Takes a key back.
    pub fn remove(&self, key: &str, now: SystemTime) {
        self.change(now, |keys| drop(keys.remove(key)));
    }

    /// Whether anything is known of a key.
    pub fn knows(&self, key: &str) -> bool {
        self.now().contains_key(key)
    }

    /// Changes the set, and drops what has ended.
    fn change(&self, now: SystemTime, change: impl FnOnce(&mut HashMap<String, Delegate>)) {
        let now = unix_seconds(now);
        let mut current = self.keys.write().expect("nothing panics while it holds the keys");
        let mut keys = HashMap::clone(&current);
        keys.retain(|_, delegate| delegate.delegation.expires >= now);
        change(&mut keys);
        *current = Arc::new(keys);
    }

    fn now(&self) -> Arc<HashMap<String, Delegate>> {
        Arc::clone(&self.keys.read().expect("nothing panics while it holds the keys"))
    }

    /// The key, if it may sign calls of this origin at this time.
    pub(super) fn key_for(
        &self,
        issuer: &str,
        origin: &EntityRef<'_>,
        now: SystemTime,
    ) -> Option<Result<Arc<KeyPair>, InvocationError>> {
        let Delegate { delegation, key } = self.now().get(issuer)?.clone();
        if delegation.expires < unix_seconds(now) {
            return Some(Err(TokenError::Expired { at: delegation.expires }.into()));
        }
        let own = EntityRef {
            public_key: delegation.provider.as_str(),
            link_name: delegation.link.as_str(),
            contract_id: delegation.contract.as_str(),
        };
        Some(if *origin == own { Ok(key) } else { Err(foreign(&delegation, origin)) })
    }
}

fn foreign(delegation: &Delegation, origin: &EntityRef<'_>) -> InvocationError {
    InvocationError::ForeignName { provider: delegation.provider.to_string(), origin: origin.public_key.to_owned() }
}
