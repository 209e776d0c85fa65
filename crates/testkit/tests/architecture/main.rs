//! Holds the workspace to what `ARCHITECTURE.md` and `deny.toml` say of it.
//!
//! Every rule is a function that lists what breaks it, and is tried on something that does before it is applied to the
//! workspace.

mod document;
mod graph;
mod licenses;
mod manifests;
mod rules;
mod sources;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo tells tests"))
        .join("../..")
        .canonicalize()
        .expect("this crate lies two folders deep")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn assert_kept(rule: &str, violations: Vec<String>) {
    assert!(violations.is_empty(), "{rule}, but\n  {}\n", violations.join("\n  "));
}
