//! Reading the golden files, and the identifiers that stand in them.

use std::{fs, path::Path};

use lattice_protocol::{ActorKey, Annotations, HostKey, LatticeName, LinkName, OperationId, ProviderKey};

/// Every golden file.
pub(crate) const FILES: &[&str] = &[
    "control.json.camel.txt",
    "control.json.snake.txt",
    "control.msgpack.camel.txt",
    "control.msgpack.snake.txt",
    "events.txt",
    "lattice_control.msgpack.txt",
    "published.txt",
];

/// The messages of a golden file, each with its name.
pub(crate) fn messages(file: &str) -> Vec<(String, Vec<u8>)> {
    let path =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo tells tests")).join("tests/golden").join(file);
    let text = fs::read_to_string(path).expect("the golden file is readable");
    let body = if file.contains("msgpack") { from_hex } else { from_text };
    text.split("\n\n")
        .filter(|block| !block.starts_with('#'))
        .map(|block| {
            let (name, lines) = block.trim().split_once('\n').expect("a name and a body");
            (name.to_owned(), body(lines))
        })
        .collect()
}

/// One message of a golden file.
pub(crate) fn message(file: &str, name: &str) -> Vec<u8> {
    let found = messages(file).into_iter().find(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("`{file}` holds no `{name}`")).1
}

fn from_text(lines: &str) -> Vec<u8> {
    lines.as_bytes().to_vec()
}

fn from_hex(lines: &str) -> Vec<u8> {
    let digits: String = lines.lines().filter_map(|line| line.split("  ").next()).map(str::trim).collect();
    data_encoding::HEXLOWER.decode(digits.as_bytes()).expect("hexadecimal digits in lower case")
}

/// A published host key.
pub(crate) fn host() -> HostKey {
    "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA".parse().expect("a published key")
}

/// A published actor key.
pub(crate) fn actor() -> ActorKey {
    "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR".parse().expect("a published key")
}

/// A published provider key.
pub(crate) fn provider() -> ProviderKey {
    "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW".parse().expect("a published key")
}

/// The operation of the golden files.
pub(crate) fn operation() -> OperationId {
    "01931f3c-7f7a-7c3e-9d5b-2f1a4c6e8b90".parse().expect("a UUID")
}

/// The lattice of the golden files.
pub(crate) fn lattice() -> LatticeName {
    LatticeName::default()
}

/// The link name that is not the default.
pub(crate) fn backup() -> LinkName {
    "backup".parse().expect("a plain word")
}

/// The annotations of the golden files.
pub(crate) fn notes() -> Annotations {
    [("app", "demo"), ("tier", "web")].into_iter().collect()
}
