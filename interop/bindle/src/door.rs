//! Whom a server lets in: everybody, who has the password, or who has the token.

use bindle::{
    authn::{Authenticator, http_basic::HttpBasic},
    authz::{Authorizable, Authorizer},
};
use http::Method;

/// Who somebody is; nobody if the name is empty.
pub(crate) struct Guest(String);

impl Authorizable for Guest {
    fn principal(&self) -> String {
        self.0.clone()
    }

    fn groups(&self) -> Vec<String> {
        Vec::new()
    }
}

/// How somebody shows who they are. Passwords are checked by the server's own code; it has none for tokens that no
/// OpenID provider issues.
#[derive(Clone)]
pub(crate) enum Door {
    Open,
    Password(HttpBasic),
    Token(String),
}

#[async_trait::async_trait]
impl Authenticator for Door {
    type Item = Guest;

    async fn authenticate(&self, header: &str) -> anyhow::Result<Guest> {
        match self {
            Self::Open => Ok(Guest(String::new())),
            Self::Password(users) => Ok(Guest(users.authenticate(header).await?.principal())),
            Self::Token(token) if header == format!("Bearer {token}") => Ok(Guest("token".to_owned())),
            Self::Token(_) => anyhow::bail!("another token"),
        }
    }
}

/// Nobody may do anything whose name is not known, unless everybody may.
impl Authorizer for Door {
    fn authorize<A: Authorizable>(&self, guest: A, _: &str, _: &Method) -> anyhow::Result<()> {
        match self {
            Self::Open => Ok(()),
            _ if guest.principal().is_empty() => anyhow::bail!("nobody comes in without a name"),
            _ => Ok(()),
        }
    }
}
