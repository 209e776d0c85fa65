//! What each generation of `wascap` does, in the words of `claims inspect`.

use serde_json::{Value, json};

use crate::wasm::{all, modules};

pub(crate) const CAPABILITIES: [&str; 2] = ["wasmcloud:keyvalue", "acme:other"];
pub(crate) const TAGS: [&str; 2] = ["one", "two"];

/// One generation.
pub(crate) struct Generation {
    /// What it can sign.
    pub(crate) modules: fn() -> Vec<(&'static str, Vec<u8>)>,
    /// Whether it knows the contracts that an actor may use.
    pub(crate) has_capabilities: bool,
    /// What a module says, if it carries claims and the hash in them is its own.
    pub(crate) read: fn(&[u8]) -> Result<Option<Read>, String>,
    /// A module that says all there is to say, good in those seconds.
    pub(crate) sign: fn(&[u8], &Seeds, Times) -> Vec<u8>,
    /// New keys.
    pub(crate) seeds: fn() -> Seeds,
    /// The public key of a seed.
    pub(crate) public_key: fn(&str) -> String,
}

/// From which second on claims are good, and until which.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) not_before: Option<u64>,
    pub(crate) expires: Option<u64>,
}

/// The keys that sign a module.
pub(crate) struct Seeds {
    pub(crate) account: String,
    pub(crate) module: String,
}

/// What a generation finds in a module.
pub(crate) struct Read {
    /// With the keys of `claims inspect`.
    pub(crate) said: Value,
    pub(crate) issued_at: u64,
    pub(crate) not_before: Option<u64>,
    pub(crate) expires: Option<u64>,
    pub(crate) is_signed: bool,
    pub(crate) is_expired: bool,
    pub(crate) is_early: bool,
}

fn texts(texts: [&str; 2]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

macro_rules! generation {
    ($name:ident is $wascap:ident with $metadata:ident $(and $caps:ident)?, $modules:path) => {
        pub(crate) const $name: Generation = {
            use $wascap::{jwt::{Claims, $metadata, validate_token}, prelude::KeyPair, wasm};

            fn read(module: &[u8]) -> Result<Option<Read>, String> {
                let told = |error: $wascap::Error| error.to_string();
                let Some(token) = wasm::extract_claims(module).map_err(told)? else { return Ok(None) };
                let validation = validate_token::<$metadata>(&token.jwt).map_err(told)?;
                let claims = token.claims;
                let metadata = claims.metadata.expect("they were read");
                #[allow(unused_mut, reason = "the newest generation knows no capabilities")]
                let mut said = json!({
                    "public_key": claims.subject,
                    "issuer": claims.issuer,
                    "token_id": claims.id,
                    "name": metadata.name,
                    "hash": metadata.module_hash,
                    "tags": metadata.tags,
                    "revision": metadata.rev,
                    "version": metadata.ver,
                    "call_alias": metadata.call_alias,
                    "provider": metadata.provider,
                });
                $(said["capabilities"] = metadata.$caps.into();)?
                Ok(Some(Read {
                    said,
                    issued_at: claims.issued_at,
                    not_before: claims.not_before,
                    expires: claims.expires,
                    is_signed: validation.signature_valid,
                    is_expired: validation.expired,
                    is_early: validation.cannot_use_yet,
                }))
            }

            fn sign(module: &[u8], seeds: &Seeds, times: Times) -> Vec<u8> {
                let account = KeyPair::from_seed(&seeds.account).expect("an account's seed");
                let claims = Claims::<$metadata>::with_dates(
                    "theirs".to_owned(),
                    account.public_key(),
                    public_key(&seeds.module),
                    $({
                        let $caps = texts(CAPABILITIES);
                        Some($caps)
                    },)?
                    Some(texts(TAGS)),
                    times.not_before,
                    times.expires,
                    false,
                    Some(7),
                    Some("1.2.3".to_owned()),
                    Some("acme/theirs".to_owned()),
                );
                wasm::embed_claims(module, &claims, &account).expect("a sound module")
            }

            fn seeds() -> Seeds {
                let seed = |pair: KeyPair| pair.seed().expect("it is new");
                Seeds { account: seed(KeyPair::new_account()), module: seed(KeyPair::new_module()) }
            }

            fn public_key(seed: &str) -> String {
                KeyPair::from_seed(seed).expect("a seed").public_key()
            }

            const HAS: &[&str] = &[$(stringify!($caps))?];
            Generation { modules: $modules, has_capabilities: !HAS.is_empty(), read, sign, seeds, public_key }
        };
    };
}

generation!(V0_8 is wascap_0_8 with Actor and caps, modules);
generation!(V0_11 is wascap_0_11 with Actor and caps, all);
generation!(V0_13 is wascap_0_13 with Actor and caps, all);
generation!(V0_16 is wascap_0_16 with Component, all);
