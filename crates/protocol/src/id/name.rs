//! Names that people choose: lattices, links, contracts, call aliases; and the id of an operation.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{error::IdError, redaction::shown};

/// The lattice that is meant when none is named.
const DEFAULT_LATTICE: &str = "default";
/// The link that is meant when none is named.
const DEFAULT_LINK: &str = "default";
/// A lattice's name is part of stream names, which servers limit to 255 bytes with their prefixes.
const MAX_LATTICE: usize = 200;
/// Long enough for every published contract and alias, short enough for a subject token and a log line.
const MAX_NAME: usize = 255;
/// The text form of a UUID.
const MAX_OPERATION: usize = 64;

struct Rule {
    what: &'static str,
    max: usize,
    allowed: &'static str,
    is_allowed: fn(char) -> bool,
}

impl Rule {
    fn check(&self, text: &str) -> Result<(), IdError> {
        let what = self.what;
        if text.is_empty() {
            return Err(IdError::Empty { what });
        }
        if text.len() > self.max {
            return Err(IdError::TooLong { what, length: text.len(), max: self.max });
        }
        match text.chars().find(|c| !(self.is_allowed)(*c)) {
            Some(found) => Err(IdError::Character { what, text: shown(text), found, allowed: self.allowed }),
            None => Ok(()),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn is_contract(c: char) -> bool {
    is_word(c) || matches!(c, ':' | '.' | '/' | '@' | '+')
}

fn is_alias(c: char) -> bool {
    !c.is_whitespace() && !c.is_control()
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                const RULE: Rule = $rule;
                RULE.check(&text)?;
                Self::check_reserved(&text)?;
                Ok(Self(text))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name!(
    /// The name of a lattice: `[A-Za-z0-9_-]+`, not `v1`.
    ///
    /// It is one token of every subject and part of bucket names, which set the alphabet; `v1` would read as the later
    /// generation's subjects.
    LatticeName,
    Rule { what: "the lattice name", max: MAX_LATTICE, allowed: "letters, digits, `_` and `-`", is_allowed: is_word }
);

impl LatticeName {
    fn check_reserved(text: &str) -> Result<(), IdError> {
        match text {
            "v1" => Err(IdError::Reserved {
                what: "the lattice name",
                text: text.to_owned(),
                reason: "the later generation of the protocol uses it as a subject token",
            }),
            _ => Ok(()),
        }
    }
}

impl Default for LatticeName {
    fn default() -> Self {
        Self(DEFAULT_LATTICE.to_owned())
    }
}

name!(
    /// The name of a link between an actor and a provider: `[A-Za-z0-9_-]+`, one token of provider subjects.
    LinkName,
    Rule { what: "the link name", max: MAX_NAME, allowed: "letters, digits, `_` and `-`", is_allowed: is_word }
);

impl LinkName {
    fn check_reserved(_: &str) -> Result<(), IdError> {
        Ok(())
    }
}

impl Default for LinkName {
    fn default() -> Self {
        Self(DEFAULT_LINK.to_owned())
    }
}

name!(
    /// The id of a capability contract, `wasmcloud:keyvalue` for instance.
    ContractId,
    Rule {
        what: "the contract id",
        max: MAX_NAME,
        allowed: "letters, digits and `_-:./@+`",
        is_allowed: is_contract
    }
);

impl ContractId {
    fn check_reserved(_: &str) -> Result<(), IdError> {
        Ok(())
    }
}

name!(
    /// The name under which an actor can be called instead of by its key, set in its claims.
    CallAlias,
    Rule { what: "the call alias", max: MAX_NAME, allowed: "all but white space", is_allowed: is_alias }
);

impl CallAlias {
    fn check_reserved(text: &str) -> Result<(), IdError> {
        match text.parse::<crate::id::ActorKey>() {
            Ok(_) => {
                Err(IdError::Reserved { what: "the call alias", text: text.to_owned(), reason: "it is an actor's key" })
            }
            Err(_) => Ok(()),
        }
    }
}

name!(
    /// The id of an operation, a UUID made by the client or the host that accepted it.
    OperationId,
    Rule { what: "the operation id", max: MAX_OPERATION, allowed: "letters, digits, `_` and `-`", is_allowed: is_word }
);

impl OperationId {
    fn check_reserved(_: &str) -> Result<(), IdError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = IdError>>(text: &str, expect: Option<&str>) {
        let error = text.parse::<T>().err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), expect);
    }

    #[test]
    fn lattice_names() {
        check::<LatticeName>("default", None);
        check::<LatticeName>("Prod_eu-1", None);
        check::<LatticeName>("", Some("the lattice name must not be empty"));
        check::<LatticeName>(
            "a.b",
            Some("the lattice name `a.b` contains '.'; allowed are letters, digits, `_` and `-`"),
        );
        check::<LatticeName>(
            "a b",
            Some("the lattice name `a b` contains ' '; allowed are letters, digits, `_` and `-`"),
        );
        check::<LatticeName>(
            "v1",
            Some("the lattice name must not be `v1`: the later generation of the protocol uses it as a subject token"),
        );
        check::<LatticeName>(&"x".repeat(201), Some("the lattice name has 201 characters, at most 200 are allowed"));
    }

    #[test]
    fn other_names() {
        check::<ContractId>("wasmcloud:builtin:logging", None);
        check::<LinkName>("default", None);
        check::<LinkName>("a>", Some("the link name `a>` contains '>'; allowed are letters, digits, `_` and `-`"));
        check::<CallAlias>("acme/greeter", None);
        check::<CallAlias>(
            "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR",
            Some(
                "the call alias must not be `MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR`: it is an actor's key",
            ),
        );
    }
}
