//! Users of accounts: what each may do, and what it shows to be let in.

use std::{fmt, time::SystemTime};

use nkeys::KeyPair;
use serde_json::{Value, json};

use super::token::{Token, VERSION};

/// What a user is to be like. The default: it may do everything, for ever.
#[derive(Clone, Debug, Default)]
pub struct NatsUserOptions {
    /// When the server ceases to let it in, to the second; a time in the past is allowed.
    pub expires: Option<SystemTime>,
    /// Where it may send.
    pub publish: NatsPermissions,
    /// Where it may listen. Whoever waits for answers must be allowed to listen on `_INBOX.>`.
    pub subscribe: NatsPermissions,
}

/// Subjects, with wildcards. The default: all.
#[derive(Clone, Debug, Default)]
pub struct NatsPermissions {
    /// The only ones allowed; all, if there are none here.
    pub allow: Vec<String>,
    /// Those denied, even where they are allowed.
    pub deny: Vec<String>,
}

impl NatsPermissions {
    /// Only these subjects.
    pub fn only<const N: usize>(subjects: [&str; N]) -> Self {
        Self { allow: subjects.map(str::to_owned).into(), deny: Vec::new() }
    }

    /// All subjects but these.
    pub fn all_but<const N: usize>(subjects: [&str; N]) -> Self {
        Self { allow: Vec::new(), deny: subjects.map(str::to_owned).into() }
    }

    fn claims(&self) -> Value {
        let lists = [("allow", &self.allow), ("deny", &self.deny)];
        lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name, json!(list))).collect()
    }
}

/// A user of an account: a token that says so, and the seed that proves whose token it is.
#[derive(Clone)]
pub struct NatsUser {
    /// The token.
    pub jwt: String,
    /// The seed.
    pub seed: String,
}

impl NatsUser {
    /// The text of a creds file.
    pub fn creds(&self) -> String {
        format!(
            "-----BEGIN NATS USER JWT-----\n\
             {}\n\
             ------END NATS USER JWT------\n\
             \n\
             ************************* IMPORTANT *************************\n\
             NKEY Seed printed below can be used to sign and prove identity.\n\
             NKEYs are sensitive and should be treated as secrets.\n\
             \n\
             -----BEGIN USER NKEY SEED-----\n\
             {}\n\
             ------END USER NKEY SEED------\n",
            self.jwt, self.seed,
        )
    }

    /// The public key that belongs to the seed.
    ///
    /// # Panics
    /// If the seed is none.
    pub fn public_key(&self) -> String {
        KeyPair::from_seed(&self.seed).expect("the seed is one").public_key()
    }
}

impl fmt::Debug for NatsUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NatsUser").field(&self.public_key()).finish()
    }
}

/// A new user with a key of its own, of the account that has this key.
pub(super) fn issued(name: &str, options: &NatsUserOptions, account: &KeyPair) -> NatsUser {
    with_token(name, options, |token| token.signed_by(account))
}

/// A new user whose token names the account with this public key as its issuer, but is signed with another key.
pub(super) fn forged(name: &str, account: &str) -> NatsUser {
    with_token(name, &NatsUserOptions::default(), |token| token.signed(account, &KeyPair::new_account()))
}

fn with_token(name: &str, options: &NatsUserOptions, sign: impl FnOnce(&Token<'_>) -> String) -> NatsUser {
    let key = KeyPair::new_user();
    let subject = key.public_key();
    let token = Token { name, subject: &subject, expires: options.expires, nats: claims(options) };
    NatsUser { jwt: sign(&token), seed: key.seed().expect("the key is a secret one") }
}

fn claims(options: &NatsUserOptions) -> Value {
    json!({
        "type": "user", "version": VERSION, "subs": -1, "data": -1, "payload": -1,
        "pub": options.publish.claims(), "sub": options.subscribe.claims(),
    })
}
