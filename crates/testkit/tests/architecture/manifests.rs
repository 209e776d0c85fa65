//! What the manifests of the crates have in common.

use std::fs;

use toml::{Table, Value};

use crate::assert_kept;

#[test]
fn every_crate_follows_the_workspace() {
    let mut found = Vec::new();
    for folder in folders() {
        let manifest: Table = crate::read(format!("crates/{folder}/Cargo.toml")).parse().expect("a manifest is TOML");
        found.extend(departures(&folder, &manifest));
    }
    assert_kept("a crate is named by its folder and takes lints, license and versions from the workspace", found);
}

fn folders() -> Vec<String> {
    let crates = fs::read_dir(crate::root().join("crates")).expect("the folder is there");
    let names = crates.map(|entry| entry.expect("the folder can be read").file_name().into_string());
    let names: Vec<String> = names.map(|name| name.expect("folders have plain names")).collect();
    names.into_iter().filter(|name| crate::root().join("crates").join(name).join("Cargo.toml").exists()).collect()
}

fn departures(folder: &str, manifest: &Table) -> Vec<String> {
    let package = &manifest["package"];
    let name = package.get("name").and_then(|name| name.as_str()).unwrap_or_default();
    let mut found = Vec::new();
    if name != folder && name != format!("lattice-{folder}") {
        found.push(format!("crates/{folder} holds package `{name}`"));
    }
    if package.get("description").is_none() {
        found.push(format!("crates/{folder} has no description"));
    }
    let keys = ["version", "edition", "rust-version", "license"];
    let own = keys.into_iter().filter(|key| !is_inherited(package.get(key)));
    found.extend(own.map(|key| format!("crates/{folder}: own {key}")));
    if !is_inherited(manifest.get("lints")) {
        found.push(format!("crates/{folder}: own lints"));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest.get(section).and_then(|section| section.as_table()).into_iter().flatten();
        let own = dependencies.filter(|(_, dependency)| !is_inherited(Some(*dependency)));
        found.extend(own.map(|(name, _)| format!("crates/{folder}: own version of {name}")));
    }
    found
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")) == Some(&Value::Boolean(true))
}

#[test]
fn departures_are_found() {
    let manifest = r#"
        [package]
        name = "lattice-other"
        version.workspace = true
        edition.workspace = true
        rust-version.workspace = true
        license = "MIT"
        [lints]
        workspace = false
        [dependencies]
        serde.workspace = true
        bytes = { workspace = true, features = ["serde"] }
        [dev-dependencies]
        wat = "1"
    "#;
    let found = departures("host", &manifest.parse().expect("the manifest is TOML"));
    let expected = [
        "crates/host holds package `lattice-other`",
        "crates/host has no description",
        "crates/host: own license",
        "crates/host: own lints",
        "crates/host: own version of wat",
    ];
    assert_eq!(found, expected);
}
