//! `CONTRACT.md` shows every operation with the bytes of the golden file.

use std::{collections::BTreeMap, fs, path::PathBuf};

use lattice_protocol::contract::lattice_control::{ErrorCode, Operation};

fn read(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Messages by name, each with its lines.
fn messages<'a>(blocks: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, &'a str> {
    blocks.filter_map(|block| block.trim_matches('\n').split_once('\n')).collect()
}

#[test]
fn the_document_shows_the_golden_bytes_of_every_operation() {
    let golden = read("../protocol/tests/golden/lattice_control.msgpack.txt");
    let golden = messages(golden.split("\n\n").filter(|block| !block.starts_with('#')));
    let document = read("CONTRACT.md");
    let shown =
        messages(document.split("```text\n").skip(1).map(|rest| rest.split("\n```").next().unwrap_or_default()));
    for (name, lines) in &shown {
        assert_eq!(golden.get(name), Some(lines), "`{name}`");
    }
    for operation in Operation::ALL {
        let section = document.split("\n## ").find(|section| section.starts_with(&format!("{}\n", operation.name())));
        let section = section.unwrap_or_else(|| panic!("nothing about {}", operation.name()));
        let examples = section.matches("```text\n").count();
        let expected = if *operation == Operation::SetRegistryCredentials { 1 } else { 2 };
        assert_eq!(examples, expected, "argument and answer of {}", operation.name());
    }
}

#[test]
fn the_document_lists_every_code() {
    let document = read("CONTRACT.md");
    let codes = document.split("\n## Codes\n").nth(1).expect("a section about codes");
    for code in ErrorCode::OWN {
        assert!(codes.contains(&format!("\n| `{code}` | ")), "{code}");
    }
}
