//! Accounts: each with subjects of its own, signing for its users and revoking them.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use nkeys::KeyPair;
use serde_json::{Value, json};

use super::{
    Authority,
    token::{Token, VERSION, unix_seconds},
    user::{self, NatsUser, NatsUserOptions},
};

/// Public keys of users, each with the second up to which its tokens are void.
type Revocations = BTreeMap<String, u64>;

/// How much of JetStream an account has.
#[derive(Clone, Copy, Debug)]
pub(super) enum JetStream {
    Unlimited,
    None,
}

/// An account that the operator's server knows.
#[derive(Debug)]
pub struct NatsAccount {
    name: String,
    pub(super) key: KeyPair,
    jetstream: JetStream,
    revocations: Revocations,
    authority: Authority,
}

impl NatsAccount {
    pub(super) async fn open(name: &str, jetstream: JetStream, authority: Authority) -> Self {
        let key = KeyPair::new_account();
        let account = Self { name: name.to_owned(), key, jetstream, revocations: Revocations::new(), authority };
        account.push().await;
        account
    }

    /// What the server calls it, a public key.
    pub fn public_key(&self) -> String {
        self.key.public_key()
    }

    /// A new user that may do everything, for ever.
    pub fn user(&self, name: &str) -> NatsUser {
        self.user_with(name, &NatsUserOptions::default())
    }

    /// A new user that may do everything, until this second; a time in the past makes one that has expired.
    pub fn user_until(&self, name: &str, expires: SystemTime) -> NatsUser {
        self.user_with(name, &NatsUserOptions { expires: Some(expires), ..NatsUserOptions::default() })
    }

    /// A new user as these options have it.
    pub fn user_with(&self, name: &str, options: &NatsUserOptions) -> NatsUser {
        user::issued(name, options, &self.key)
    }

    /// A user whose token names this account as its issuer, but is signed with another key.
    pub fn forged_user(&self, name: &str) -> NatsUser {
        user::forged(name, &self.public_key())
    }

    /// Revokes a user: when this returns, the server has disconnected it and does not let it in.
    ///
    /// # Panics
    /// If the server does not run.
    pub async fn revoke(&mut self, user: &NatsUser) {
        // One second more than now, should the clock be set back while a test runs; every user has a key of its own.
        let until = unix_seconds(SystemTime::now() + Duration::from_secs(1));
        self.revocations.insert(user.public_key(), until);
        self.push().await;
    }

    /// How many clients are connected as users of this account.
    ///
    /// # Panics
    /// If the server does not tell.
    pub async fn connections(&self) -> usize {
        self.authority.connections(&self.public_key()).await
    }

    async fn push(&self) {
        let (subject, nats) = (self.public_key(), account_claims(self.jetstream, &self.revocations));
        self.authority.push(Token { name: &self.name, subject: &subject, expires: None, nats }).await;
    }
}

/// What the token of an account says besides its name.
pub(super) fn account_claims(jetstream: JetStream, revocations: &Revocations) -> Value {
    let storage = match jetstream {
        JetStream::Unlimited => -1,
        JetStream::None => 0,
    };
    json!({
        "type": "account", "version": VERSION, "revocations": revocations,
        "limits": {
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
            "mem_storage": storage, "disk_storage": storage, "streams": storage, "consumer": storage,
        },
    })
}
