//! [`Credentials`]: how an actor connects to a lattice, checked as far as that goes without a server.

use std::{fmt, time::SystemTime};

use lattice_claims::{NatsUserToken, SeedError, UserSeed, unix_seconds};
use lattice_protocol::{
    LatticeName,
    contract::lattice_control::{ErrorCode, SetLatticeCredentials},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use crate::{
    defaults::{JWT_BYTES, URL_BYTES},
    error::Refusal,
};

/// How an actor connects to a lattice. Its memory is overwritten when it goes; `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// Where NATS is, perhaps with a password in it; where the provider's own is, if that is not said.
    pub(crate) url: Option<Secret>,
    pub(crate) user: Option<User>,
    pub(crate) js_domain: Option<String>,
}

/// Who connects: a JWT and its seed, never one without the other.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) jwt: Secret,
    pub(crate) seed: Secret,
}

/// A text that is overwritten when it goes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What an actor sets, not looked at yet, in memory that is overwritten however that ends.
pub(crate) struct Given {
    pub(crate) lattice: LatticeName,
    pub(crate) url: Option<Secret>,
    jwt: Option<Secret>,
    seed: Option<Secret>,
    js_domain: Option<String>,
}

impl From<SetLatticeCredentials> for Given {
    fn from(set: SetLatticeCredentials) -> Self {
        let SetLatticeCredentials { js_domain, lattice_id, nats_url, user_jwt, user_seed } = set;
        Self {
            lattice: lattice_id,
            url: nats_url.map(Secret),
            jwt: user_jwt.map(Secret),
            seed: user_seed.map(Secret),
            js_domain,
        }
    }
}

impl Credentials {
    /// What an actor sets, if it can be meant and is valid now.
    pub(crate) fn read(given: Given, now: SystemTime) -> Result<Self, Refusal> {
        let Given { url, jwt, seed, js_domain, .. } = given;
        let user = match (jwt, seed) {
            (None, None) => None,
            (Some(jwt), Some(seed)) => Some(User { jwt, seed }),
            (Some(_), None) => return Err(half("a JWT and no seed")),
            (None, Some(_)) => return Err(half("a seed and no JWT")),
        };
        let credentials = Self { url, user, js_domain };
        credentials.require_sizes()?;
        credentials.require_domain()?;
        if let Some(user) = &credentials.user {
            let token = user.token()?;
            token.check_seed(&user.seed.expose().parse::<UserSeed>().map_err(|error| no_seed(&error))?)?;
            token.check_times(now)?;
        }
        Ok(credentials)
    }

    /// Bytes of all its texts.
    pub(crate) fn size(&self) -> usize {
        let user = self.user.as_ref().map_or(0, |user| user.jwt.expose().len() + user.seed.expose().len());
        let url = self.url.as_ref().map_or(0, |url| url.expose().len());
        user + url + self.js_domain.as_ref().map_or(0, String::len)
    }

    fn require_sizes(&self) -> Result<(), Refusal> {
        let url = self.url.as_ref().map_or(0, |url| url.expose().len()) > URL_BYTES;
        let jwt = self.user.as_ref().map_or(0, |user| user.jwt.expose().len()) > JWT_BYTES;
        match (url, jwt) {
            (true, _) => Err(Refusal::new(ErrorCode::TooLarge, format!("`natsUrl` has more than {URL_BYTES} bytes"))),
            (_, true) => Err(Refusal::new(ErrorCode::TooLarge, format!("`userJwt` has more than {JWT_BYTES} bytes"))),
            _ => Ok(()),
        }
    }

    /// It becomes a part of a subject.
    fn require_domain(&self) -> Result<(), Refusal> {
        let is_odd = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        match &self.js_domain {
            Some(domain) if domain.contains(is_odd) || domain.len() > URL_BYTES => {
                Err(Refusal::invalid("`jsDomain` is no name of a JetStream domain"))
            }
            _ => Ok(()),
        }
    }

    /// The second since 1970 in which they are no longer valid, if they ever are not.
    pub(crate) fn expires(&self) -> Option<u64> {
        self.user.as_ref()?.token().ok()?.expires()
    }

    pub(crate) fn is_expired(&self, now: SystemTime) -> bool {
        self.expires().is_some_and(|at| at <= unix_seconds(now))
    }
}

impl User {
    fn token(&self) -> Result<NatsUserToken, Refusal> {
        Ok(NatsUserToken::read(self.jwt.expose())?)
    }
}

fn half(what: &str) -> Refusal {
    let text = format!("the credentials have {what}; both or neither are needed");
    Refusal::new(ErrorCode::CredentialsIncomplete, text)
}

fn no_seed(error: &SeedError) -> Refusal {
    Refusal::new(ErrorCode::CredentialsInvalid, error)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use data_encoding::BASE64URL_NOPAD;
    use lattice_claims::HostSeed;

    use super::*;

    /// What an actor sets, with these; the token is signed by nobody.
    pub(crate) fn set(jwt: Option<String>, seed: Option<String>) -> Given {
        let lattice_id = "prod".parse().expect("a name");
        SetLatticeCredentials { js_domain: None, lattice_id, nats_url: None, user_jwt: jwt, user_seed: seed }.into()
    }

    pub(crate) fn token(seed: &UserSeed, expires: u64) -> String {
        let claims = format!(r#"{{"sub":"{}","exp":{expires},"nats":{{"type":"user"}}}}"#, seed.public());
        format!("e30.{}.c2ln", BASE64URL_NOPAD.encode(claims.as_bytes()))
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn both_or_neither_are_credentials() {
        let seed = UserSeed::generate();
        let (jwt, text) = (token(&seed, 100), seed.secret_text());
        let read = Credentials::read(set(Some(jwt.clone()), Some(text.clone())), at(50)).expect("both");
        assert_eq!((read.expires(), read.is_expired(at(99)), read.is_expired(at(100))), (Some(100), false, true));
        assert!(!format!("{read:?}").contains(&text));
        assert_eq!(Credentials::read(set(None, None), at(50)).expect("neither").expires(), None);
        for half in [set(Some(jwt), None), set(None, Some(text.clone()))] {
            let refused = Credentials::read(half, at(50)).expect_err("half");
            assert_eq!(refused.code, ErrorCode::CredentialsIncomplete);
            assert!(!refused.to_string().contains(&text));
        }
    }

    #[test]
    fn what_does_not_belong_together_is_refused_without_a_server() {
        let (seed, other) = (UserSeed::generate(), UserSeed::generate());
        let code = |jwt: &str, seed: &str, now: u64| {
            let refused =
                Credentials::read(set(Some(jwt.to_owned()), Some(seed.to_owned())), at(now)).expect_err("refused");
            assert!(!refused.to_string().contains(seed), "{refused}");
            refused.code
        };
        let (jwt, text) = (token(&seed, 100), seed.secret_text());
        assert_eq!(code(&jwt, &other.secret_text(), 50), ErrorCode::CredentialsInvalid);
        assert_eq!(code(&jwt, &HostSeed::generate().secret_text(), 50), ErrorCode::CredentialsInvalid);
        assert_eq!(code(&jwt, "SUEXAMPLE", 50), ErrorCode::CredentialsInvalid);
        assert_eq!(code("eyJ0", &text, 50), ErrorCode::CredentialsInvalid);
        assert_eq!(code(&jwt, &text, 100), ErrorCode::CredentialsExpired);
        assert_eq!(code(&"x".repeat(JWT_BYTES + 1), &text, 50), ErrorCode::TooLarge);
    }

    #[test]
    fn a_domain_is_one_token() {
        let code = |domain: &str| {
            let set = Given { js_domain: Some(domain.to_owned()), ..set(None, None) };
            Credentials::read(set, at(0)).map(drop).map_err(|refused| refused.code)
        };
        assert_eq!(code("edge-1_a"), Ok(()));
        for odd in ["a.b", "*", "a b", ">", "a\r\nPUB"] {
            assert_eq!(code(odd), Err(ErrorCode::Invalid), "{odd}");
        }
    }
}
