//! The digest by which bytes are named: SHA-256, written as registries write it.

use std::{fmt, io, str::FromStr};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What the text form begins with. No other algorithm is in use for what is fetched here.
const ALGORITHM: &str = "sha256:";

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// The SHA-256 digest of an artifact's bytes, `sha256:` and 64 hexadecimal digits in its text form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of everything that is left to read.
    pub(crate) fn of_all(mut from: impl io::Read) -> io::Result<Self> {
        let (mut hash, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
        loop {
            match from.read(&mut chunk)? {
                0 => return Ok(Self(hash.finalize().into())),
                read => hash.update(&chunk[..read]),
            }
        }
    }

    /// The digest that these are the bytes of.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest in lower-case hexadecimal, without the name of the algorithm.
    pub fn to_hex(self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// The digest that `to_hex` gave, in that very spelling.
    pub(crate) fn from_hex(hex: &str) -> Option<Self> {
        HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok().map(Self)
    }
}

/// The digest of bytes that come piece by piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunningDigest(Sha256);

impl RunningDigest {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that came.
    pub(crate) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// The text does not begin with `sha256:`.
    #[error("a digest begins with `{ALGORITHM}`")]
    Algorithm,
    /// What follows is not 64 hexadecimal digits.
    #[error("`{ALGORITHM}` is followed by 64 hexadecimal digits")]
    Digits,
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix(ALGORITHM).ok_or(DigestError::Algorithm)?;
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| DigestError::Digits)?;
        bytes.try_into().map(Self).map_err(|_| DigestError::Digits)
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{ALGORITHM}{}", self.to_hex()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published digest of the empty input (FIPS 180-4 example values).
    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn text_form() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse(), Ok(Digest::of(b"")));
        assert_eq!(EMPTY.replace("e3b0", "E3B0").parse(), Ok(Digest::of(b"")));
        assert_eq!(Digest::from_hex(&Digest::of(b"").to_hex()), Some(Digest::of(b"")));
    }

    #[test]
    fn bytes_one_after_another() {
        let mut digesting = RunningDigest::default();
        assert_eq!(RunningDigest::default().finish(), Digest::of(b""));
        digesting.update(b"one ");
        digesting.update(b"after another");
        assert_eq!(digesting.finish(), Digest::of(b"one after another"));
    }

    #[test]
    fn what_is_no_digest() {
        let check = |text: &str, expect| assert_eq!(text.parse::<Digest>(), Err(expect));
        check("", DigestError::Algorithm);
        check(&EMPTY[7..], DigestError::Algorithm);
        check("sha512:00", DigestError::Algorithm);
        check("sha256:", DigestError::Digits);
        check(&EMPTY[..70], DigestError::Digits);
        check(&format!("{EMPTY}00"), DigestError::Digits);
        check(&EMPTY.replace('e', "g"), DigestError::Digits);
    }
}
