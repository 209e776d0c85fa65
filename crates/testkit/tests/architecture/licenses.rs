//! Which licenses and which packages `deny.toml` accepts.

use std::collections::BTreeSet;

use toml::Table;

use crate::{assert_kept, graph::Graph};

#[test]
fn every_license_is_acceptable() {
    let allowed = texts(&deny(), "licenses", "allow");
    let graph = Graph::of_workspace();
    let mut found = Vec::new();
    for package in graph.packages() {
        let license = package.license.as_deref().unwrap_or("none that it tells");
        if !is_acceptable(license, &allowed) {
            found.push(format!("{} is under {license}", package.name));
        }
    }
    assert_kept("every package is under a license that deny.toml allows", found);
}

#[test]
fn no_package_is_banned() {
    let deny = deny();
    let bans = deny["bans"]["deny"].as_array().expect("deny.toml lists bans");
    let banned: BTreeSet<&str> = bans.iter().map(|ban| ban["crate"].as_str().expect("a ban names a crate")).collect();
    let graph = Graph::of_workspace();
    let found = graph.packages().filter(|package| banned.contains(package.name.as_str()));
    assert_kept("no package is used that deny.toml bans", found.map(|package| package.name.clone()).collect());
}

fn deny() -> Table {
    crate::read("deny.toml").parse().expect("deny.toml is TOML")
}

fn texts(table: &Table, section: &str, key: &str) -> BTreeSet<String> {
    let list = table[section][key].as_array().unwrap_or_else(|| panic!("deny.toml has a list {section}.{key}"));
    list.iter().map(|item| item.as_str().expect("a list of texts").to_owned()).collect()
}

/// Whether a license expression can be met with licenses that are allowed; `/` is how old packages write OR.
fn is_acceptable(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    any(&mut words, allowed) && words.is_empty()
}

/// Reads alternatives from the end of `words`, which is where the text starts.
fn any(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let mut met = all(words, allowed);
    while words.pop_if(|word| *word == "OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, allowed);
    while words.pop_if(|word| *word == "AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    match words.pop() {
        Some("(") => {
            let met = any(words, allowed);
            words.pop() == Some(")") && met
        }
        Some(license) if words.pop_if(|word| *word == "WITH").is_some() => {
            words.pop().is_some_and(|exception| allowed.contains(&format!("{license} WITH {exception}")))
        }
        Some(license) => allowed.contains(license),
        None => false,
    }
}

#[test]
fn expressions() {
    let allowed = ["A", "B", "A WITH exception"].map(str::to_owned).into();
    let check = |expression, expect| assert_eq!(is_acceptable(expression, &allowed), expect, "{expression}");
    for met in ["A", "A OR X", "X OR A", "X/A", "X / A", "A AND B", "(A OR X) AND (X OR B)", "(X AND A) OR B"] {
        check(met, true);
    }
    check("X WITH exception OR A WITH exception", true);
    check("X AND A OR B", true);
    for unmet in ["", "X", "A AND X", "A AND (X OR Y)", "X OR Y", "A WITH other", "A B", "(A", "A )"] {
        check(unmet, false);
    }
}
