//! `file:///absolute/path`: a file of the machine that fetches.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER_PERMISSIVE;

use super::error::{ReferenceError, shown};

/// Marks of a path that need no encoding; all other characters but letters and digits get one.
const PLAIN: &[u8] = b"/-._~!$&'()*+,;=:@";

/// A file, by its absolute path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileReference {
    path: PathBuf,
}

impl FileReference {
    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn new(path: &Path) -> Result<Self, ReferenceError> {
        match path.is_absolute() && !path.as_os_str().as_bytes().contains(&0) {
            true => Ok(Self { path: path.to_owned() }),
            false => Err(ReferenceError::File { text: shown(&path.to_string_lossy()) }),
        }
    }

    pub(super) fn parse(rest: &str, whole: &str) -> Result<Self, ReferenceError> {
        let encoded = rest.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(rest);
        if !encoded.starts_with('/') {
            return Err(ReferenceError::File { text: shown(whole) });
        }
        check_query(encoded, whole)?;
        let path = decode(encoded.as_bytes()).ok_or_else(|| ReferenceError::Percent { text: shown(whole) })?;
        Ok(Self { path: PathBuf::from(OsStr::from_bytes(&path)) })
    }

    pub(super) fn to_text(&self) -> String {
        self.path.as_os_str().as_bytes().iter().fold("file://".to_owned(), |mut text, byte| {
            match byte.is_ascii_alphanumeric() || PLAIN.contains(byte) {
                true => text.push(char::from(*byte)),
                false => write!(text, "%{byte:02X}").expect("a string takes all that is written to it"),
            }
            text
        })
    }
}

fn check_query(encoded: &str, whole: &str) -> Result<(), ReferenceError> {
    match encoded.chars().find(|c| matches!(c, '?' | '#')) {
        Some(found) => {
            let mend = if found == '?' { "%3F" } else { "%23" };
            Err(ReferenceError::Query { text: shown(whole), found, mend })
        }
        None => Ok(()),
    }
}

/// The bytes of a path, unless an encoding is broken or stands for a byte that no file name has.
fn decode(mut encoded: &[u8]) -> Option<Vec<u8>> {
    let mut path = Vec::with_capacity(encoded.len());
    while let Some((first, rest)) = encoded.split_first() {
        encoded = rest;
        match first {
            b'%' => {
                let (digits, rest) = encoded.split_at_checked(2)?;
                encoded = rest;
                path.push(decode_byte(digits)?);
            }
            plain => path.push(*plain),
        }
    }
    Some(path)
}

fn decode_byte(digits: &[u8]) -> Option<u8> {
    let byte = *HEXLOWER_PERMISSIVE.decode(digits).ok()?.first()?;
    (byte != 0 && byte != b'/').then_some(byte)
}
