//! Tokens as nats-server reads them (NATS JWT, version 2): `header.claims.signature`, signed with the key of who issues them.

use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use nkeys::KeyPair;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512_256};

/// The version of claims that tell it.
pub(super) const VERSION: u8 = 2;

/// What a token says of its subject, which is a public key.
pub(super) struct Token<'a> {
    pub(super) name: &'a str,
    pub(super) subject: &'a str,
    pub(super) expires: Option<SystemTime>,
    /// The part that differs between operators, accounts and users.
    pub(super) nats: Value,
}

impl Token<'_> {
    pub(super) fn signed_by(&self, issuer: &KeyPair) -> String {
        self.signed(&issuer.public_key(), issuer)
    }

    /// Issued by the one and signed by the other, which is a forgery where the two are not the same.
    pub(super) fn signed(&self, issuer: &str, signer: &KeyPair) -> String {
        let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
        let signed = format!("{}.{}", encoded(&header), encoded(&self.claims(issuer)));
        let signature = signer.sign(signed.as_bytes()).expect("the key is a secret one");
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    fn claims(&self, issuer: &str) -> Value {
        let mut claims = json!({
            "iat": unix_seconds(SystemTime::now()), "iss": issuer, "name": self.name, "sub": self.subject, "nats": self.nats,
        });
        if let Some(expires) = self.expires {
            // Zero is for never.
            claims["exp"] = unix_seconds(expires).max(1).into();
        }
        claims["jti"] = BASE32_NOPAD.encode(&Sha512_256::digest(claims.to_string())).into();
        claims
    }
}

/// Seconds since 1970, rounded down.
pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}

fn encoded(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}
