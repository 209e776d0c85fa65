//! Tokens: `header.claims.signature`, each in base64url without padding, signed with Ed25519.
//!
//! Source: wasmCloud 0.82 `crates/wascap/src/jwt.rs`. What a token claims is its user's type.

use std::time::SystemTime;

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::VerifyingKey;
use lattice_protocol::AccountKey;
use nkeys::KeyPair;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    checks::TokenChecks,
    defaults::{CLAIMS_REVISION, MAX_TOKEN},
    error::TokenError,
    time::unix_seconds,
    token_id::new_token_id,
};

const TYPE: &str = "jwt";
const ALGORITHM: &str = "Ed25519";
const SIGNATURE_BYTES: usize = 64;

/// The header that is written, as it stands in tokens: `{"typ":"jwt","alg":"Ed25519"}`.
const HEADER: &str = "eyJ0eXAiOiJqd3QiLCJhbGciOiJFZDI1NTE5In0";

/// What every token says, around the metadata `W` of its kind. The order of fields is the order on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims<W> {
    /// The last second of validity, since 1970.
    #[serde(rename = "exp", default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// The token's own unique id.
    #[serde(rename = "jti", default)]
    pub id: String,
    /// The second of issue, since 1970.
    #[serde(rename = "iat", default)]
    pub issued_at: u64,
    /// The public key that signed.
    #[serde(rename = "iss", default)]
    pub issuer: String,
    /// What the claims are about.
    #[serde(rename = "sub", default)]
    pub subject: String,
    /// The first second of validity, since 1970.
    #[serde(rename = "nbf", default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// The metadata.
    #[serde(rename = "wascap")]
    pub metadata: W,
    /// The generation of the layout; none in the oldest tokens.
    #[serde(rename = "wascap_revision", default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<i32>,
}

impl<W> Claims<W> {
    /// Claims of today's layout with a new id, valid from now on and for ever.
    pub fn new(issuer: String, subject: String, metadata: W, now: SystemTime) -> Self {
        Self {
            expires: None,
            id: new_token_id(),
            issued_at: unix_seconds(now),
            issuer,
            subject,
            not_before: None,
            metadata,
            layout: Some(CLAIMS_REVISION),
        }
    }
}

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
}

/// The token of these claims, signed with `key`, whose public key must be their issuer.
///
/// # Panics
/// If `key` has no seed, or the metadata does not serialize as a JSON object.
pub fn sign_token<W: Serialize>(claims: &Claims<W>, key: &KeyPair) -> String {
    let claims = serde_json::to_vec(claims).expect("claims are JSON objects and memory is written");
    let length = HEADER.len() + BASE64URL_NOPAD.encode_len(claims.len()) + BASE64URL_NOPAD.encode_len(SIGNATURE_BYTES);
    let mut text = String::with_capacity(length + 2);
    text.push_str(HEADER);
    text.push('.');
    BASE64URL_NOPAD.encode_append(&claims, &mut text);
    let signature = key.sign(text.as_bytes()).expect("the key has a seed");
    text.push('.');
    BASE64URL_NOPAD.encode_append(&signature, &mut text);
    text
}

/// A token that has the right form. Nothing that it says is verified yet.
#[derive(Clone, Debug)]
pub struct Token<'a, W> {
    signed: &'a str,
    signature: [u8; SIGNATURE_BYTES],
    claims: Claims<W>,
}

impl<'a, W: DeserializeOwned> Token<'a, W> {
    /// Reads a token's text.
    ///
    /// # Errors
    /// If the text is too long, is not of the form, names another algorithm, or lacks issuer or subject.
    pub fn read(text: &'a str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN {
            return Err(TokenError::TooLarge { size: text.len(), max: MAX_TOKEN });
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(malformed("it has not three parts"))?;
        let (header, claims) = signed.split_once('.').ok_or(malformed("it has not three parts"))?;
        // Nearly every token has this very header.
        if header != HEADER {
            check_header(decode("header", header)?)?;
        }
        let claims: Claims<W> = decode("claims", claims)?;
        check_names(&claims)?;
        Ok(Self { signed, signature: read_signature(signature)?, claims })
    }
}

impl<W> Token<'_, W> {
    /// What the token says.
    pub fn claims(&self) -> &Claims<W> {
        &self.claims
    }

    /// What the token says, without the token.
    pub fn into_claims(self) -> Claims<W> {
        self.claims
    }

    /// Whether the token is valid at this time.
    ///
    /// # Errors
    /// [`TokenError::Expired`] or [`TokenError::NotYetValid`].
    pub fn check_times(&self, now: SystemTime) -> Result<(), TokenError> {
        self.check_expiry(now)?;
        self.check_begin(now)
    }

    fn check_expiry(&self, now: SystemTime) -> Result<(), TokenError> {
        match self.claims.expires {
            Some(at) if at < unix_seconds(now) => Err(TokenError::Expired { at }),
            _ => Ok(()),
        }
    }

    fn check_begin(&self, now: SystemTime) -> Result<(), TokenError> {
        match self.claims.not_before {
            Some(from) if from > unix_seconds(now) => Err(TokenError::NotYetValid { from }),
            _ => Ok(()),
        }
    }

    /// Whether `key` signed the token.
    ///
    /// # Errors
    /// [`TokenError::Signature`] if not.
    pub fn check_signature(&self, key: &KeyPair) -> Result<(), TokenError> {
        key.verify(self.signed.as_bytes(), &self.signature).map_err(|_| TokenError::Signature)
    }

    /// Whether that account signed the token, and whether it is valid at this time, each by itself.
    pub(crate) fn checks(&self, issuer: &AccountKey, now: SystemTime) -> TokenChecks {
        TokenChecks {
            signature: self.check_account(issuer),
            expiry: self.check_expiry(now),
            begin: self.check_begin(now),
        }
    }

    fn check_account(&self, issuer: &AccountKey) -> Result<(), TokenError> {
        let key = verifying_key(issuer).ok_or_else(|| TokenError::IssuerKey { issuer: issuer.to_string() })?;
        self.check_signature(&key)
    }
}

/// The account's key, unless it is no point of the curve, or one of the few for which anybody can make up signatures.
fn verifying_key(account: &AccountKey) -> Option<KeyPair> {
    let (_, bytes) = nkeys::from_public_key(account.as_str()).ok()?;
    let is_weak = VerifyingKey::from_bytes(&bytes).ok()?.is_weak();
    KeyPair::from_public_key(account.as_str()).ok().filter(|_| !is_weak)
}

fn malformed(reason: &'static str) -> TokenError {
    TokenError::Malformed { reason }
}

fn decode<T: DeserializeOwned>(part: &'static str, text: &str) -> Result<T, TokenError> {
    let json = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| malformed("a part is not base64url"))?;
    serde_json::from_slice(&json).map_err(|source| TokenError::Json { part, source })
}

fn check_header(header: Header) -> Result<(), TokenError> {
    if !header.typ.eq_ignore_ascii_case(TYPE) {
        return Err(malformed("its header says that it is something else"));
    }
    if header.alg == ALGORITHM { Ok(()) } else { Err(TokenError::Algorithm { found: header.alg }) }
}

fn check_names<W>(claims: &Claims<W>) -> Result<(), TokenError> {
    match (claims.issuer.is_empty(), claims.subject.is_empty()) {
        (true, _) => Err(TokenError::MissingIssuer),
        (_, true) => Err(TokenError::MissingSubject),
        _ => Ok(()),
    }
}

fn read_signature(text: &str) -> Result<[u8; SIGNATURE_BYTES], TokenError> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| malformed("its signature is not base64url"))?;
    bytes.try_into().map_err(|_| malformed("its signature has not 64 bytes"))
}

#[cfg(test)]
mod tests;
