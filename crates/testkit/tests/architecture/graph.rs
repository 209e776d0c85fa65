//! Packages and who depends on whom, as `cargo metadata` tells.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    env,
    ffi::OsString,
    process::Command,
};

use serde_json::Value;

/// Every package that a build for this machine uses.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    packages: BTreeMap<String, Package>,
}

/// One version of a package.
#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) license: Option<String>,
    /// Whether it is a crate of this workspace.
    pub(crate) ours: bool,
    uses: Vec<Use>,
}

/// One package needs another.
#[derive(Debug)]
struct Use {
    id: String,
    /// Whether the other is part of what is built; false when only tests need it.
    shipped: bool,
    /// Whether tests need it.
    tests: bool,
}

impl Graph {
    /// The packages of this workspace.
    pub(crate) fn of_workspace() -> Self {
        let platform = host_platform();
        let arguments = ["metadata", "--format-version", "1", "--filter-platform", &platform];
        Self::from_metadata(&serde_json::from_str(&cargo(&arguments)).expect("cargo metadata prints JSON"))
    }

    /// A made-up workspace, where each line is a crate, what it uses, and behind a `|` what its tests use. A package that
    /// has no line of its own is not of the workspace.
    pub(crate) fn made_up(lines: &[&str]) -> Self {
        let mut packages: BTreeMap<String, Package> = BTreeMap::new();
        for line in lines {
            let (name, uses) = line.split_once(':').expect("a crate and what it uses");
            let (shipped, tests) = uses.split_once('|').unwrap_or((uses, ""));
            let shipped = shipped.split_whitespace().map(|id| Use { id: id.to_owned(), shipped: true, tests: false });
            let tests = tests.split_whitespace().map(|id| Use { id: id.to_owned(), shipped: false, tests: true });
            let uses: Vec<Use> = shipped.chain(tests).collect();
            for used in &uses {
                packages.entry(used.id.clone()).or_default().name.clone_from(&used.id);
            }
            packages.insert(name.to_owned(), Package { name: name.to_owned(), ours: true, uses, license: None });
        }
        Self { packages }
    }

    fn from_metadata(metadata: &Value) -> Self {
        let list = |value: &Value| value.as_array().cloned().expect("cargo metadata has lists here");
        let members: BTreeSet<String> = list(&metadata["workspace_members"]).iter().map(text).collect();
        let mut uses: BTreeMap<String, Vec<Use>> = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            uses.insert(text(&node["id"]), list(&node["deps"]).iter().map(Use::from_metadata).collect());
        }
        let packages = list(&metadata["packages"]).into_iter().filter_map(|package| {
            let id = text(&package["id"]);
            let package = Package {
                name: text(&package["name"]),
                license: package["license"].as_str().map(str::to_owned),
                ours: members.contains(&id),
                uses: uses.remove(&id)?,
            };
            Some((id, package))
        });
        Self { packages: packages.collect() }
    }

    /// All packages.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.values()
    }

    /// The crates of the workspace.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages().filter(|package| package.ours)
    }

    /// What a crate is built from at first hand.
    pub(crate) fn shipped(&self, package: &Package) -> Vec<&Package> {
        self.used(package, |used| used.shipped)
    }

    /// What a crate's tests use at first hand.
    pub(crate) fn tested_with(&self, package: &Package) -> Vec<&Package> {
        self.used(package, |used| used.tests)
    }

    /// The way from a crate to a package that it is built from, at first or any other hand.
    pub(crate) fn way(&self, from: &Package, to: &str) -> Option<Vec<String>> {
        let mut seen = BTreeSet::from([from.name.as_str()]);
        let mut open = VecDeque::from([(from, vec![from.name.clone()])]);
        while let Some((package, way)) = open.pop_front() {
            if package.name == to {
                return Some(way);
            }
            for next in self.shipped(package).into_iter().filter(|next| seen.insert(&next.name)) {
                let longer = way.iter().chain([&next.name]).cloned().collect();
                open.push_back((next, longer));
            }
        }
        None
    }

    fn used(&self, package: &Package, wanted: impl Fn(&Use) -> bool) -> Vec<&Package> {
        package.uses.iter().filter(|used| wanted(used)).filter_map(|used| self.packages.get(&used.id)).collect()
    }
}

impl Use {
    fn from_metadata(dependency: &Value) -> Self {
        let kinds = dependency["dep_kinds"].as_array().expect("cargo metadata tells the kinds of a dependency");
        let is_test = |kind: &Value| kind["kind"] == "dev";
        Self { id: text(&dependency["pkg"]), shipped: !kinds.iter().all(is_test), tests: kinds.iter().any(is_test) }
    }
}

impl Package {
    /// The folder in `crates` of a crate of ours.
    pub(crate) fn folder(&self) -> &str {
        self.name.strip_prefix("lattice-").unwrap_or(&self.name)
    }
}

/// The platform for which a plain `cargo test` builds; packages of others need not be on this machine.
fn host_platform() -> String {
    let version = cargo(&["--version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("cargo tells its host").to_owned()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(cargo).args(arguments).current_dir(crate::root()).output().expect("cargo starts");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints text")
}

fn text(value: &Value) -> String {
    value.as_str().expect("cargo metadata has a text here").to_owned()
}
