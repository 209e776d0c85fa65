//! Tokens of NATS users: what they say of themselves, before a server is asked whether it believes them.
//!
//! Signatures are not verified here, for only the server knows which accounts it serves.
//! Source: nats-io/jwt v2 `user_claims.go`, `header.go`: the header's algorithm is `ed25519-nkey`, the subject the user's key,
//! and `nats.type` says `user`.

use std::time::SystemTime;

use data_encoding::BASE64URL_NOPAD;
use lattice_protocol::UserKey;
use serde::Deserialize;

use crate::{
    defaults::MAX_TOKEN,
    seed::UserSeed,
    time::{date, unix_seconds},
};

const KIND: &str = "user";

/// Why a text is no token with which a NATS user can log in. The text is never repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NatsUserError {
    /// It is no token at all.
    #[error("the text is not a NATS user's JWT: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It is a token of something else, an account for instance.
    #[error("the JWT is not a NATS user's")]
    OtherKind,
    /// The seed is another user's.
    #[error("the seed is not that of the JWT's user")]
    OtherSeed,
    /// Valid once.
    #[error("the JWT expired at {}", date(*at))]
    Expired {
        /// Its last valid second, since 1970.
        at: u64,
    },
    /// Valid later.
    #[error("the JWT is not valid before {}", date(*from))]
    NotYetValid {
        /// Its first valid second, since 1970.
        from: u64,
    },
}

/// What a NATS user's token says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsUserToken {
    user: UserKey,
    expires: Option<u64>,
    not_before: Option<u64>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "sub", default)]
    subject: String,
    #[serde(rename = "exp", default)]
    expires: Option<u64>,
    #[serde(rename = "nbf", default)]
    not_before: Option<u64>,
    #[serde(default)]
    nats: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    /// Tokens of the first version have it beside `nats`, and servers of today refuse those.
    #[serde(rename = "type", default)]
    kind: String,
}

impl NatsUserToken {
    /// Reads a token's text.
    ///
    /// # Errors
    /// It is no token, or that of something else.
    pub fn read(text: &str) -> Result<Self, NatsUserError> {
        let malformed = |reason| NatsUserError::Malformed { reason };
        if text.len() > MAX_TOKEN {
            return Err(malformed("it is longer than any"));
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [_, claims, _] = parts[..] else { return Err(malformed("it has not three parts")) };
        let json = BASE64URL_NOPAD.decode(claims.as_bytes()).map_err(|_| malformed("a part is not base64url"))?;
        let claims: Claims = serde_json::from_slice(&json).map_err(|_| malformed("its claims are not of the form"))?;
        let user = claims.subject.parse().map_err(|_| NatsUserError::OtherKind)?;
        match claims.nats.kind.as_str() {
            KIND => Ok(Self { user, expires: claims.expires, not_before: claims.not_before }),
            _ => Err(NatsUserError::OtherKind),
        }
    }

    /// The user.
    pub fn user(&self) -> &UserKey {
        &self.user
    }

    /// The first second in which it is no longer valid, since 1970; none if it stays so.
    pub fn expires(&self) -> Option<u64> {
        self.expires.filter(|at| *at != 0)
    }

    /// Whether it is valid at this time. Servers take a token whose last second has begun for expired.
    ///
    /// # Errors
    /// [`NatsUserError::Expired`] or [`NatsUserError::NotYetValid`].
    pub fn check_times(&self, now: SystemTime) -> Result<(), NatsUserError> {
        let now = unix_seconds(now);
        match (self.expires(), self.not_before) {
            (Some(at), _) if at <= now => Err(NatsUserError::Expired { at }),
            (_, Some(from)) if from > now => Err(NatsUserError::NotYetValid { from }),
            _ => Ok(()),
        }
    }

    /// Whether that is its user's seed.
    ///
    /// # Errors
    /// [`NatsUserError::OtherSeed`].
    pub fn check_seed(&self, seed: &UserSeed) -> Result<(), NatsUserError> {
        if seed.public() == self.user { Ok(()) } else { Err(NatsUserError::OtherSeed) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::AccountSeed;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64URL_NOPAD.encode(claims.as_bytes()))
    }

    fn of(user: &UserKey, more: &str) -> String {
        token(&format!(r#"{{"sub":"{user}",{more}"nats":{{"type":"user","version":2}}}}"#))
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_its_users_and_knows_its_times() {
        let (seed, other) = (UserSeed::generate(), UserSeed::generate());
        let read = NatsUserToken::read(&of(&seed.public(), r#""exp":100,"nbf":50,"#)).expect("a token");
        assert_eq!((read.user(), read.expires()), (&seed.public(), Some(100)));
        assert_eq!(read.check_seed(&seed), Ok(()));
        assert_eq!(read.check_seed(&other), Err(NatsUserError::OtherSeed));
        assert_eq!(read.check_times(at(49)), Err(NatsUserError::NotYetValid { from: 50 }));
        assert_eq!(read.check_times(at(99)), Ok(()));
        assert_eq!(read.check_times(at(100)), Err(NatsUserError::Expired { at: 100 }));
        let lasting = NatsUserToken::read(&of(&seed.public(), r#""exp":0,"#)).expect("a token");
        assert_eq!((lasting.expires(), lasting.check_times(at(1 << 40))), (None, Ok(())));
    }

    #[test]
    fn what_is_no_users_token_is_refused_without_repeating_it() {
        let check = |text: &str, expect: &str| {
            let error = NatsUserToken::read(text).expect_err("no token").to_string();
            assert!(error.contains(expect) && (text.len() < 9 || !error.contains(text)), "{error}");
        };
        check("", "not three parts");
        check("hunter2.x", "not three parts");
        check("a.b.c.d", "not three parts");
        check("a.!!!.c", "not base64url");
        check(&token("7"), "not of the form");
        check(&token("{}"), "not a NATS user's");
        check(&"x".repeat(MAX_TOKEN + 1), "longer than any");
        let account = AccountSeed::generate().public();
        check(&token(&format!(r#"{{"sub":"{account}","nats":{{"type":"account"}}}}"#)), "not a NATS user's");
        let user = UserSeed::generate().public();
        check(&token(&format!(r#"{{"sub":"{user}","nats":{{"type":"account"}}}}"#)), "not a NATS user's");
    }
}
