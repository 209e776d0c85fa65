//! Values that are typed, or lie in a file, or come over standard input.

use std::{
    fs,
    io::{self, Read},
};

use crate::fault::{Code, Fault};

/// What an argument stands for: itself, `@FILE` for what a file holds, or `-` for standard input.
///
/// # Errors
/// The file or the input cannot be read.
pub(crate) fn value(argument: &str) -> Result<Vec<u8>, Fault> {
    match argument.strip_prefix('@') {
        None if argument == "-" => file("-"),
        None => Ok(argument.as_bytes().to_vec()),
        Some("") => Err(Fault::new(Code::Usage, "@ is followed by the name of a file")),
        Some(path) => file(path),
    }
}

/// What a file holds; `-` is standard input.
///
/// # Errors
/// It cannot be read.
pub(crate) fn file(name: &str) -> Result<Vec<u8>, Fault> {
    let (bytes, origin) = match name {
        "-" => (standard_input(), "standard input"),
        path => (fs::read(path), path),
    };
    bytes.map_err(|error| not_read(origin, error))
}

/// A secret as people write it into a file: without the line's end.
///
/// # Errors
/// It cannot be read, is no text, or is empty.
pub(crate) fn secret(name: &str) -> Result<String, Fault> {
    let unusable = |what| Fault::new(Code::Usage, format!("the secret in `{name}` {what}"));
    let text = String::from_utf8(file(name)?).map_err(|_| unusable("is no text"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(unusable("is empty")),
        secret => Ok(secret.to_owned()),
    }
}

/// Why a file or the input cannot be read.
pub(crate) fn not_read(origin: &str, error: io::Error) -> Fault {
    let code = match error.kind() {
        io::ErrorKind::NotFound => Code::NotFound,
        io::ErrorKind::InvalidData => Code::Usage,
        _ => Code::Failed,
    };
    Fault::new(code, format!("{origin} cannot be read")).caused_by(error)
}

fn standard_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map(|_| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_from_the_line_or_a_file() {
        assert_eq!(value("plain").expect("itself"), b"plain");
        let held = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        fs::write(held.path(), "kept\n").expect("the file can be written");
        let name = held.path().display().to_string();
        assert_eq!(value(&format!("@{name}")).expect("the file is there"), b"kept\n");
        assert_eq!(secret(&name).expect("the file is there"), "kept");
        assert_eq!(value("@").expect_err("no name").code, Code::Usage);
        assert_eq!(value("@/does/not/exist").expect_err("no file").code, Code::NotFound);
        fs::write(held.path(), "\n").expect("the file can be written");
        assert_eq!(secret(&name).expect_err("nothing in it").code, Code::Usage);
    }
}
