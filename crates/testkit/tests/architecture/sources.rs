//! What holds for every source file, as far as no lint sees it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{assert_kept, root};

/// More than this in one file, tests left out, is more than one noun.
const LONGEST_FILE: usize = 700;

/// Macros that stand for code that is yet to be written, or was only to be looked at.
const UNFINISHED: &[&str] = &["todo", "unimplemented", "dbg"];

/// Ways to reach the world outside, in crates whose promise is not to; the tests in them may.
const WORLDLY: &[(&str, &[&str])] = &[
    ("protocol", &["std::env", "std::fs", "std::net", "std::process", "Instant::now", "SystemTime::now"]),
    ("claims", &["std::env", "std::fs", "std::net", "std::process", "Instant::now", "SystemTime::now"]),
    ("runtime", &["std::net", "tokio::net"]),
];

/// A source file.
struct Source {
    /// From the root of the repository.
    path: String,
    text: String,
}

#[test]
fn every_file_says_what_it_is() {
    assert_kept("every file opens with `//!`", violations(unintroduced));
}

#[test]
fn no_file_is_unfinished() {
    assert_kept("code is finished when it is committed", violations(unfinished));
}

#[test]
fn no_file_is_endless() {
    assert_kept("a file without its tests is short enough to read", violations(too_long));
}

#[test]
fn crates_without_io_have_none() {
    assert_kept("crates that do no I/O do none", violations(worldly));
}

fn violations(rule: impl Fn(&Source) -> Option<String>) -> Vec<String> {
    let sources = sources();
    assert!(sources.iter().any(|source| source.path.ends_with("architecture/sources.rs")), "this very file is found");
    sources.iter().filter_map(|source| Some(format!("{}: {}", source.path, rule(source)?))).collect()
}

/// A `tests.rs` is introduced by the module whose tests it holds.
fn unintroduced(source: &Source) -> Option<String> {
    if source.path.ends_with("/tests.rs") {
        return None;
    }
    let first = source.text.lines().next().unwrap_or_default();
    (!first.starts_with("//!")).then(|| format!("opens with `{first}`"))
}

fn unfinished(source: &Source) -> Option<String> {
    let is_left = |name: &&&str| code(&source.text).any(|line| line.contains(&format!("{name}!(")));
    UNFINISHED.iter().find(is_left).map(|name| format!("has {name}!"))
}

fn too_long(source: &Source) -> Option<String> {
    let lines = source.without_tests().lines().count();
    (lines > LONGEST_FILE).then(|| format!("has {lines} lines, more than {LONGEST_FILE}"))
}

fn worldly(source: &Source) -> Option<String> {
    let (_, ways) = WORLDLY.iter().find(|(folder, _)| source.path.starts_with(&format!("crates/{folder}/src/")))?;
    let way = ways.iter().find(|way| code(source.without_tests()).any(|line| line.contains(*way)))?;
    Some(format!("has {way}"))
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.strip_prefix(root()).expect("sources lie below the root");
        Self { path: path.display().to_string(), text }
    }

    /// The part that is shipped.
    fn without_tests(&self) -> &str {
        if self.path.ends_with("tests.rs") || self.path.contains("/tests/") {
            return "";
        }
        self.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default()
    }
}

/// The lines that are no comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    for folder in ["crates", "guests", "interop"] {
        collect(&root().join(folder), &mut files);
    }
    files.iter().map(|path| Source::read(path)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn each_rule_finds_what_breaks_it() {
    let source = |path: &str, text: String| Source { path: path.to_owned(), text };
    let protocol = |text: &str| source("crates/protocol/src/id.rs", text.to_owned());
    let rules = [unintroduced, unfinished, worldly];
    let found = |text: &str| rules.map(|rule| rule(&protocol(text)).is_some());
    assert_eq!(found("//! Ids.\n// std::fs is not for us\nfn id() {}\n"), [false, false, false]);
    assert_eq!(found("use std::fs;\n"), [true, false, true]);
    let left = format!("{}!()", UNFINISHED[0]);
    assert_eq!(found(&format!("//! Ids.\nfn id() {{ {left} }}\n")), [false, true, false]);
    assert_eq!(found(&format!("//! Ids.\n#[cfg(test)]\nmod tests {{\n    {left};\n}}\n")), [false, true, false]);
    assert_eq!(found("//! Ids.\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n"), [false, false, false]);
    assert!(worldly(&source("crates/host/src/state.rs", "use std::fs;".to_owned())).is_none());

    let long = "x\n".repeat(LONGEST_FILE);
    let check = |path: &str, text: String, expect: bool| assert_eq!(too_long(&source(path, text)).is_some(), expect);
    check("crates/host/src/state.rs", format!("{long}x\n"), true);
    check("crates/host/src/state.rs", format!("{long}\n#[cfg(test)]\nmod tests {{}}\n"), false);
    check("crates/host/tests/state.rs", format!("{long}x\n"), false);
}
