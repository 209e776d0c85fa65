//! What servers accepted as proof of who asks, remembered for as long as it holds.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use reqwest::header::HeaderValue;

use crate::{
    credentials::Credential,
    defaults::{LONGEST_TOKEN_LIFETIME, MAX_TOKENS},
};

/// What may be done with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Access {
    Pull,
    Push,
}

impl Access {
    /// What is asked of a token server. Never what the registry names: it could have itself given rights to other repositories.
    pub(super) fn scope(self, repository: &str) -> String {
        let actions = match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        };
        format!("repository:{repository}:{actions}")
    }
}

/// A header that convinces a server, and for how long.
#[derive(Clone)]
pub(super) struct Authorization {
    pub(super) header: HeaderValue,
    pub(super) lifetime: Duration,
}

/// What is remembered. Nothing is shown that could be remembered.
#[derive(Default)]
pub(super) struct Tokens {
    entries: Mutex<HashMap<(String, Access), Entry>>,
}

struct Entry {
    header: HeaderValue,
    /// What it was given for: with other credentials, it is nothing that the asker may have.
    credential: Option<Credential>,
    until: Instant,
}

impl Tokens {
    /// What the server that `site` names accepted, from who has this credential.
    pub(super) fn get(&self, site: &str, access: Access, credential: Option<&Credential>) -> Option<HeaderValue> {
        let entries = self.entries();
        let entry = entries.get(&(site.to_owned(), access))?;
        let holds = entry.until > Instant::now() && entry.credential.as_ref() == credential;
        holds.then(|| entry.header.clone())
    }

    pub(super) fn put(&self, site: &str, access: Access, credential: Option<Credential>, authorization: Authorization) {
        let Authorization { header, lifetime } = authorization;
        let until = Instant::now() + lifetime.min(LONGEST_TOKEN_LIFETIME);
        let mut entries = self.entries();
        entries.insert((site.to_owned(), access), Entry { header, credential, until });
        if entries.len() > MAX_TOKENS {
            forget_first(&mut entries);
        }
    }

    pub(super) fn forget(&self, site: &str, access: Access) {
        self.entries().remove(&(site.to_owned(), access));
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<(String, Access), Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what holds the shortest.
fn forget_first(entries: &mut HashMap<(String, Access), Entry>) {
    let first = entries.iter().min_by_key(|(_, entry)| entry.until).map(|(key, _)| key.clone());
    first.and_then(|key| entries.remove(&key));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization(text: &str, seconds: u64) -> Authorization {
        let header = HeaderValue::from_str(text).expect("the text is plain");
        Authorization { header, lifetime: Duration::from_secs(seconds) }
    }

    #[test]
    fn tokens_are_for_one_server_one_use_and_one_asker() {
        let tokens = Tokens::default();
        let [ada, bob] = ["ada", "bob"].map(|name| Credential::Token(name.to_owned()));
        tokens.put("one", Access::Pull, Some(ada.clone()), authorization("Bearer x", 60));
        let get = |site, access, credential: Option<&Credential>| tokens.get(site, access, credential).is_some();
        assert!(get("one", Access::Pull, Some(&ada)));
        assert!(!get("two", Access::Pull, Some(&ada)));
        assert!(!get("one", Access::Push, Some(&ada)));
        assert!(!get("one", Access::Pull, None));
        assert!(!get("one", Access::Pull, Some(&bob)));
        tokens.forget("one", Access::Pull);
        assert!(!get("one", Access::Pull, Some(&ada)));
        tokens.put("one", Access::Pull, None, authorization("Bearer x", 0));
        assert!(!get("one", Access::Pull, None));
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_what_holds_longest() {
        let tokens = Tokens::default();
        for n in 0..=MAX_TOKENS {
            tokens.put(&n.to_string(), Access::Pull, None, authorization("Bearer x", 1000 + n as u64));
        }
        assert_eq!(tokens.entries().len(), MAX_TOKENS);
        assert!(tokens.get("0", Access::Pull, None).is_none());
        assert!(tokens.get("1", Access::Pull, None).is_some());
        tokens.put("endless", Access::Pull, None, authorization("Bearer x", u64::MAX));
        assert!(tokens.get("endless", Access::Pull, None).is_some());
    }

    #[test]
    fn scopes() {
        assert_eq!(Access::Pull.scope("a/b"), "repository:a/b:pull");
        assert_eq!(Access::Push.scope("a/b"), "repository:a/b:pull,push");
    }
}
