//! Seeds: secret keys, one type for each thing that they identify.
//!
//! A seed is shown by asking for its text and in no other way: its `Debug` prints the public key, and the errors of
//! reading one never repeat it.

use std::{fmt, str::FromStr};

use lattice_protocol::{AccountKey, ActorKey, ClusterKey, HostKey, KeyKind, ProviderKey, UserKey};
use nkeys::{KeyPair, KeyPairType};

/// Characters of a seed's text form.
const SEED_TEXT: usize = 58;

/// Why a text is not the seed it was read as. The text is never repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// No seed at all.
    #[error("not the seed of {kind}: {reason}")]
    NotASeed {
        /// What it was to identify.
        kind: KeyKind,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A sound seed of something else.
    #[error("this is the seed of {found}, expected the seed of {kind}")]
    OtherKind {
        /// What it was to identify.
        kind: KeyKind,
        /// What it identifies.
        found: KeyKind,
    },
}

fn read(text: &str, kind: KeyKind) -> Result<KeyPair, SeedError> {
    let text = text.trim();
    if let Some(reason) = what_is_wrong(text) {
        return Err(SeedError::NotASeed { kind, reason });
    }
    let reason = "it is not base32 in upper case or its checksum does not match, most likely a typing error";
    let pair = KeyPair::from_seed(text).map_err(|_| SeedError::NotASeed { kind, reason })?;
    let found = kind_of(&pair.key_pair_type());
    if found == kind { Ok(pair) } else { Err(SeedError::OtherKind { kind, found }) }
}

fn what_is_wrong(text: &str) -> Option<&'static str> {
    match text.len() {
        0 => Some("it is empty"),
        SEED_TEXT if !text.starts_with('S') => Some("a seed begins with `S`"),
        SEED_TEXT => None,
        56 if !text.starts_with('S') => Some("a seed has 58 characters; this looks like a public key"),
        _ => Some("a seed has 58 characters"),
    }
}

fn kind_of(kind: &KeyPairType) -> KeyKind {
    match kind {
        KeyPairType::Server => KeyKind::Host,
        KeyPairType::Cluster => KeyKind::Cluster,
        KeyPairType::Operator => KeyKind::Operator,
        KeyPairType::Account => KeyKind::Account,
        KeyPairType::User => KeyKind::User,
        KeyPairType::Module => KeyKind::Actor,
        KeyPairType::Service => KeyKind::Provider,
        KeyPairType::Curve => KeyKind::Curve,
    }
}

macro_rules! seed {
    ($(#[$doc:meta])* $name:ident, $public:ident, $generated:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            pair: KeyPair,
            public: $public,
        }

        impl $name {
            /// A new seed from the system's random numbers.
            pub fn generate() -> Self {
                Self::of(KeyPair::new($generated))
            }

            fn of(pair: KeyPair) -> Self {
                let public = pair.public_key().parse().expect("the kind was checked or chosen");
                Self { pair, public }
            }

            /// The public key.
            pub fn public(&self) -> $public {
                self.public.clone()
            }

            /// The secret itself, 58 characters. Whoever has it is whatever it identifies.
            pub fn secret_text(&self) -> String {
                self.pair.seed().expect("a seed was given or generated")
            }

            /// The pair of keys, for signing.
            pub fn key_pair(&self) -> &KeyPair {
                &self.pair
            }
        }

        impl FromStr for $name {
            type Err = SeedError;

            /// Reads a seed's text; white space around it is ignored, for files end in a line feed.
            fn from_str(text: &str) -> Result<Self, SeedError> {
                read(text, $public::KIND).map(Self::of)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.public).finish()
            }
        }
    };
}

seed!(
    /// The secret key of an account, which issues the claims of modules and providers.
    AccountSeed, AccountKey, KeyPairType::Account
);
seed!(
    /// The secret key of a cluster, which signs invocations.
    ClusterSeed, ClusterKey, KeyPairType::Cluster
);
impl ClusterSeed {
    /// The seed of these random bytes.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        let pair = KeyPair::new_from_raw(KeyPairType::Cluster, bytes).expect("any 32 bytes are a seed");
        Self::of(pair)
    }
}

seed!(
    /// The secret key of a host.
    HostSeed, HostKey, KeyPairType::Server
);
seed!(
    /// The secret key of a module (actor).
    ModuleSeed, ActorKey, KeyPairType::Module
);
seed!(
    /// The secret key of a capability provider.
    ProviderSeed, ProviderKey, KeyPairType::Service
);
seed!(
    /// The secret key of a NATS user.
    UserSeed, UserKey, KeyPairType::User
);

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: &str = "SCAIYCZTW775GJYX3MVWLURALVC3PULW43PTEKGH72JBMA3A7LOLGLQ2JA";

    fn refused<T: FromStr<Err = SeedError> + fmt::Debug>(text: &str, expect: &str) {
        let error = text.parse::<T>().expect_err("not a seed of this kind");
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn reads_a_published_seed() {
        let seed: ClusterSeed = format!("{CLUSTER}\n").parse().expect("a cluster seed");
        assert_eq!(seed.secret_text(), CLUSTER);
        assert_eq!(seed.public().as_str().as_bytes()[0], b'C');
    }

    #[test]
    fn generated_seeds_are_read_back_as_their_own_kind_only() {
        let seed = HostSeed::generate();
        let read: HostSeed = seed.secret_text().parse().expect("a host seed");
        assert_eq!(read.public(), seed.public());
        refused::<AccountSeed>(
            &seed.secret_text(),
            "this is the seed of a host key (N…), expected the seed of an account key (A…)",
        );
        for text in [AccountSeed::generate().secret_text(), ModuleSeed::generate().secret_text()] {
            assert!(text.parse::<ProviderSeed>().is_err());
        }
        assert!(ProviderSeed::generate().secret_text().parse::<ProviderSeed>().is_ok());
    }

    #[test]
    fn says_what_is_wrong_and_never_the_text() {
        refused::<ClusterSeed>(" ", "not the seed of a cluster key (C…): it is empty");
        refused::<ClusterSeed>("SCA", "not the seed of a cluster key (C…): a seed has 58 characters");
        refused::<HostSeed>(
            HostSeed::generate().public().as_str(),
            "not the seed of a host key (N…): a seed has 58 characters; this looks like a public key",
        );
        refused::<ClusterSeed>(&"é".repeat(29), "not the seed of a cluster key (C…): a seed begins with `S`");
        let mistyped = CLUSTER.replace("JYX3", "JYX4");
        let error = mistyped.parse::<ClusterSeed>().expect_err("the checksum does not match");
        assert!(error.to_string().ends_with("most likely a typing error"), "{error}");
        assert!(!format!("{error:?}{error}").contains("JYX4"));
    }

    #[test]
    fn debug_shows_the_public_key_alone() {
        let seed: ClusterSeed = CLUSTER.parse().expect("a cluster seed");
        assert_eq!(format!("{seed:?}"), format!("ClusterSeed({:?})", seed.public()));
    }
}
