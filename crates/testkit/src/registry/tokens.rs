//! Issues the tokens that a private registry takes, as a token server does (distribution v2.8 `docs/spec/auth/jwt.md`).

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use data_encoding::{BASE64, BASE64URL_NOPAD};
use rcgen::{CertifiedKey, KeyPair, SigningKey as _};
use serde_json::{Value, json};

/// As whom the issuer signs, and for which service.
pub(super) const ISSUER: &str = "tests";
pub(super) const SERVICE: &str = "registry-of-tests";
/// Seconds that a token holds: longer than any test takes.
const LIFETIME: u64 = 600;
/// Bytes of one of the two numbers of a signature with P-256.
const NUMBER: usize = 32;

/// Issues tokens for a registry that is started to take them.
pub struct TokenIssuer {
    certified: CertifiedKey<KeyPair>,
}

impl TokenIssuer {
    /// One with a key of its own.
    ///
    /// # Panics
    /// If no key can be made.
    pub fn new() -> Self {
        let certified = rcgen::generate_simple_self_signed(["tokens".to_owned()]).expect("a certificate can be made");
        Self { certified }
    }

    /// The certificate (PEM) by which a registry knows the tokens.
    pub fn certificate(&self) -> String {
        self.certified.cert.pem()
    }

    /// A token for that much, given as a scope: `repository:acme/hello:pull,push`.
    ///
    /// # Panics
    /// If the scope has another form, or nothing can be signed.
    pub fn token(&self, scope: &str) -> String {
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [BASE64.encode(self.certified.cert.der())] });
        let signed = format!("{}.{}", encoded(&header), encoded(&claims(scope)));
        let signature = self.certified.signing_key.sign(signed.as_bytes()).expect("the key signs");
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&plain(&signature)))
    }
}

impl Default for TokenIssuer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer").finish_non_exhaustive()
    }
}

fn encoded(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

fn claims(scope: &str) -> Value {
    let [kind, name, actions] = scope.split(':').collect::<Vec<_>>()[..] else { panic!("`{scope}` is no scope") };
    let actions: Vec<_> = actions.split(',').collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    json!({
        "iss": ISSUER, "sub": "", "aud": SERVICE, "jti": scope, "iat": now, "nbf": now - 1, "exp": now + LIFETIME,
        "access": [{ "type": kind, "name": name, "actions": actions }],
    })
}

/// The two numbers of a signature one after the other (RFC 7518, section 3.4), where ASN.1 has each with its length.
fn plain(signature: &[u8]) -> Vec<u8> {
    let mut rest = &signature[2..];
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let length = usize::from(rest[1]);
        let number = &rest[2..2 + length];
        let start = number.len().saturating_sub(NUMBER);
        numbers.extend(std::iter::repeat_n(0, NUMBER.saturating_sub(number.len())));
        numbers.extend_from_slice(&number[start..]);
        rest = &rest[2 + length..];
    }
    numbers
}
