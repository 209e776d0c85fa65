//! Public keys in their text form: base32 of a kind byte, 32 key bytes and a CRC-16.
//!
//! Source: nkeys 0.3.2 `src/lib.rs` (prefix bytes, checksum); kinds as wasmCloud 0.82 uses them.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};

use crate::{error::IdError, redaction::shown};

/// Characters of a public key's text form.
const KEY_TEXT: usize = 56;
/// Bytes of a decoded public key: kind, key, checksum.
const KEY_BYTES: usize = 35;
/// The kind byte of every seed has these upper bits; its text begins with `S`.
const SEED_KIND: u8 = 18 << 3;

/// What a public key identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// `A`: an account, which issues module claims.
    Account,
    /// `M`: an actor (module).
    Actor,
    /// `C`: a cluster, which signs invocations.
    Cluster,
    /// `N`: a host (server).
    Host,
    /// `O`: an operator.
    Operator,
    /// `V`: a capability provider (service).
    Provider,
    /// `U`: a user.
    User,
    /// `X`: an encryption key.
    Curve,
}

impl KeyKind {
    const ALL: [KeyKind; 8] = [
        KeyKind::Account,
        KeyKind::Actor,
        KeyKind::Cluster,
        KeyKind::Host,
        KeyKind::Operator,
        KeyKind::Provider,
        KeyKind::User,
        KeyKind::Curve,
    ];

    const fn byte(self) -> u8 {
        match self {
            KeyKind::Account => 0,
            KeyKind::Cluster => 2 << 3,
            KeyKind::Actor => 12 << 3,
            KeyKind::Host => 13 << 3,
            KeyKind::Operator => 14 << 3,
            KeyKind::User => 20 << 3,
            KeyKind::Provider => 21 << 3,
            KeyKind::Curve => 23 << 3,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyKind::Account => "an account key (A…)",
            KeyKind::Actor => "an actor key (M…)",
            KeyKind::Cluster => "a cluster key (C…)",
            KeyKind::Host => "a host key (N…)",
            KeyKind::Operator => "an operator key (O…)",
            KeyKind::Provider => "a provider key (V…)",
            KeyKind::User => "a user key (U…)",
            KeyKind::Curve => "an encryption key (X…)",
        })
    }
}

/// Kind and key bytes of a public key's text, or what is wrong with it.
fn decode(text: &str) -> Result<(u8, [u8; 32]), &'static str> {
    if text.len() != KEY_TEXT {
        return Err("a key has 56 characters");
    }
    let raw = BASE32_NOPAD.decode(text.as_bytes()).map_err(|_| "a key is base32 in upper case")?;
    let raw: [u8; KEY_BYTES] = raw.try_into().map_err(|_| "a key has 35 bytes")?;
    let (body, sum) = raw.split_at(KEY_BYTES - 2);
    if crc16(body).to_le_bytes() != sum {
        return Err("its checksum does not match, most likely a typing error");
    }
    let key = body[1..].try_into().map_err(|_| "a key has 32 key bytes")?;
    Ok((body[0], key))
}

/// CRC-16/XMODEM, as nkeys append it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(
            sum ^ (u16::from(*byte) << 8),
            |sum, _| if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 },
        )
    })
}

fn parse(text: &str, kind: KeyKind) -> Result<[u8; 32], IdError> {
    if looks_like_seed(text) {
        return Err(IdError::Seed { kind });
    }
    let (byte, key) = decode(text).map_err(|reason| IdError::NotAKey { text: shown(text), kind, reason })?;
    if byte == kind.byte() {
        return Ok(key);
    }
    Err(match KeyKind::from_byte(byte) {
        Some(found) => IdError::OtherKind { text: text.to_owned(), kind, found },
        None => IdError::NotAKey { text: text.to_owned(), kind, reason: "its kind is unknown" },
    })
}

/// Whether the text is a secret, which must not appear in an error.
fn looks_like_seed(text: &str) -> bool {
    let first = BASE32_NOPAD.decode(text.get(..8).unwrap_or_default().as_bytes());
    text.len() == KEY_TEXT + 2 && first.is_ok_and(|bytes| bytes.first().is_some_and(|byte| byte & 0xf8 == SEED_KIND))
}

macro_rules! public_key {
    ($(#[$doc:meta])* $name:ident, $kind:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What this type of key identifies.
            pub const KIND: KeyKind = $kind;

            /// The key's text form, 56 characters.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The 32 bytes of the Ed25519 key.
            pub fn key_bytes(&self) -> [u8; 32] {
                decode(&self.0).expect("the text was parsed when the value was made").1
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(text, $kind)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                parse(&text, $kind)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> String {
                key.0
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
                f.write_str(&self.0)
            }
        }
    };
}

public_key!(
    /// The public key of an account, which issues claims (`A…`).
    AccountKey, KeyKind::Account
);
public_key!(
    /// The public key of an actor (`M…`).
    ActorKey, KeyKind::Actor
);
public_key!(
    /// The public key of a cluster, which signs invocations (`C…`).
    ClusterKey, KeyKind::Cluster
);
public_key!(
    /// The public key of a host (`N…`).
    HostKey, KeyKind::Host
);
public_key!(
    /// The public key of a capability provider (`V…`).
    ProviderKey, KeyKind::Provider
);
public_key!(
    /// The public key of a NATS user (`U…`).
    UserKey, KeyKind::User
);

/// The key of something that runs in a lattice: an actor or a capability provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EntityKey {
    /// An actor.
    Actor(ActorKey),
    /// A capability provider.
    Provider(ProviderKey),
}

impl EntityKey {
    /// The key's text form.
    pub fn as_str(&self) -> &str {
        match self {
            EntityKey::Actor(key) => key.as_str(),
            EntityKey::Provider(key) => key.as_str(),
        }
    }
}

impl TryFrom<String> for EntityKey {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        if text.starts_with('V') {
            text.try_into().map(EntityKey::Provider)
        } else {
            text.try_into().map(EntityKey::Actor)
        }
    }
}

impl std::str::FromStr for EntityKey {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.to_owned().try_into()
    }
}

impl From<EntityKey> for String {
    fn from(key: EntityKey) -> String {
        match key {
            EntityKey::Actor(key) => key.into(),
            EntityKey::Provider(key) => key.into(),
        }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
    const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";
    const SEED: &str = "SCAIYCZTW775GJYX3MVWLURALVC3PULW43PTEKGH72JBMA3A7LOLGLQ2JA";

    fn check(text: &str, expect: Result<(), &str>) {
        let got = text.parse::<ActorKey>().map(drop).map_err(|error| error.to_string());
        assert_eq!(got.as_ref().map_err(String::as_str), expect.as_ref().map_err(|text| *text).map(|()| &()));
    }

    #[test]
    fn reads_published_keys() {
        check(ACTOR, Ok(()));
        assert!(PROVIDER.parse::<ProviderKey>().is_ok());
        assert!("NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA".parse::<HostKey>().is_ok());
    }

    #[test]
    fn names_what_is_wrong() {
        check("", Err("`` is not an actor key (M…): a key has 56 characters"));
        check(
            &ACTOR.replace("MDNX", "MDNA"),
            Err(
                "`MDNA3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR` is not an actor key (M…): its checksum does not match, most likely a typing error",
            ),
        );
        check(
            &ACTOR.to_lowercase(),
            Err(
                "`mdnx3cb6vbxg55goj6uyon7amk6slypb6glprzgtee6625efljdqkwwr` is not an actor key (M…): a key is base32 in upper case",
            ),
        );
        check(
            PROVIDER,
            Err(
                "`VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW` is a provider key (V…), expected an actor key (M…)",
            ),
        );
    }

    #[test]
    fn never_repeats_a_seed() {
        check(SEED, Err("a secret seed was given where an actor key (M…) belongs"));
        let error = serde_json::from_value::<ActorKey>(SEED.into()).expect_err("a seed is no actor key");
        assert!(!error.to_string().contains(SEED));
    }

    #[test]
    fn entity_follows_its_first_letter() {
        assert!(matches!(ACTOR.parse(), Ok(EntityKey::Actor(_))));
        assert!(matches!(PROVIDER.parse(), Ok(EntityKey::Provider(_))));
    }

    #[test]
    fn multibyte_text_is_refused_not_sliced() {
        assert!("é".repeat(28).parse::<ActorKey>().is_err());
        assert!("é".repeat(29).parse::<ActorKey>().is_err());
        assert!("日".repeat(70).parse::<ActorKey>().is_err());
    }
}
