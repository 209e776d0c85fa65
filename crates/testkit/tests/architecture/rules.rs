//! Who may depend on whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    assert_kept, document,
    graph::{Graph, Package},
};

/// The one crate that is for tests.
const TESTKIT: &str = "testkit";

/// What tests may use beyond what their crate may: whoever tests a server needs its client, and whoever tests a provider
/// is its host and the actors that call it; what steers lattices is tested on one.
const TESTED_WITH: &[(&str, &str)] = &[
    ("controller", "host"),
    ("controller", "rpc"),
    ("controller", "runtime"),
    ("host", "client"),
    ("host", "provider"),
    ("http-server", "claims"),
    ("http-server", "rpc"),
    ("keyvalue", "claims"),
    ("keyvalue", "rpc"),
    ("messaging", "claims"),
    ("messaging", "rpc"),
];

/// Packages that a crate must not be built from, at any hand, and why.
const NEVER: &[(&str, &[&str], &str)] = &[
    ("protocol", &["async-nats", "mio", "socket2", "tokio", "wasmtime"], "the protocol is data and does no I/O"),
    ("claims", &["async-nats", "mio", "socket2", "tokio", "wasmtime"], "claims are bytes in, claims out, without I/O"),
    ("rpc", &["wasmtime"], "invocations do not know what carries them out"),
    ("client", &["lattice-host", "lattice-runtime", "wasmtime"], "a client does not know how a host works"),
    ("bench", &["lattice-host", "lattice-runtime", "wasmtime"], "a lattice is measured from outside"),
    (
        "provider",
        &["clap", "lattice-client", "lattice-host", "lattice-runtime", "wasmtime"],
        "a provider is made without knowing the host that starts it",
    ),
    (
        "http-server",
        &["clap", "lattice-client", "lattice-host", "lattice-runtime", "wasmtime"],
        "a provider is made without knowing the host that starts it",
    ),
    (
        "controller",
        &["clap", "lattice-host", "lattice-runtime", "wasmtime"],
        "a provider does not know the host that starts it, nor any other",
    ),
    (
        "keyvalue",
        &["clap", "lattice-client", "lattice-host", "lattice-runtime", "wasmtime"],
        "a provider does not know the host that starts it",
    ),
    (
        "messaging",
        &["clap", "lattice-client", "lattice-host", "lattice-runtime", "wasmtime"],
        "a provider does not know the host that starts it",
    ),
    ("artifact", &["lattice-host", "wasmtime"], "artifacts do not know what runs them"),
    ("runtime", &["async-nats", "lattice-protocol", "rustls"], "the engine knows no lattice and no network"),
    (
        "guard",
        &["async-nats", "lattice-protocol", "wasmtime"],
        "the guard starts before everything and fits in one thread",
    ),
    ("broker", &["async-nats", "lattice-protocol"], "the broker is run here, not spoken to"),
    ("host", &["clap", "comfy-table"], "the host is a library: it parses no flags and prints nothing"),
];

/// Packages that only these crates may depend on, and why.
const ONLY: &[(&str, &[&str], &str)] = &[
    ("anyhow", &["lattice"], "errors of libraries have types"),
    ("clap", &["lattice"], "flags are parsed in one place"),
    ("clap_complete", &["lattice"], "flags are parsed in one place"),
    ("comfy-table", &["lattice"], "output goes through one printer"),
    ("tracing-subscriber", &["lattice", "provider"], "telemetry is set up where a program begins"),
    ("wasmtime", &["runtime"], "one crate knows how WebAssembly is executed"),
    ("wasmtime-wasi", &["runtime"], "one crate knows how WebAssembly is executed"),
    ("tar", &["artifact"], "archives of providers are read where they are checked"),
    ("zip", &["broker"], "wheels are unpacked only where a broker is provisioned"),
];

type Table = BTreeMap<String, BTreeSet<String>>;

#[test]
fn crates_use_what_the_table_lets_them_use() {
    let (graph, table) = (Graph::of_workspace(), document::crates());
    assert_kept("ARCHITECTURE.md lists every crate", unlisted(&graph, &table));
    assert_kept("ARCHITECTURE.md lists what is there", gone(&graph, &table));
    assert_kept("a crate uses only what its row in ARCHITECTURE.md allows", beyond_the_table(&graph, &table));
}

#[test]
fn crates_keep_away_from_what_is_not_their_job() {
    let graph = Graph::of_workspace();
    assert_kept("some packages are kept out of some crates, at any hand", reached(&graph, NEVER));
    assert_kept("some packages are for one crate alone", used_elsewhere(&graph, ONLY));
}

#[test]
fn the_testkit_is_for_tests() {
    assert_kept("`testkit` is a dependency of tests alone", shipped_testkit(&Graph::of_workspace()));
}

#[test]
fn rules_name_crates_that_exist() {
    let graph = Graph::of_workspace();
    let known: BTreeSet<&str> = graph.ours().map(Package::folder).collect();
    let named = NEVER.iter().map(|rule| rule.0).chain(ONLY.iter().flat_map(|rule| rule.1.iter().copied()));
    let unknown = named.filter(|name| !known.contains(name)).map(|name| format!("there is no `{name}`"));
    assert_kept("rules are about crates of this workspace", unknown.collect());
}

fn unlisted(graph: &Graph, table: &Table) -> Vec<String> {
    let missing = graph.ours().map(Package::folder).filter(|folder| !table.contains_key(*folder));
    missing.map(|folder| format!("`{folder}` has no row")).collect()
}

fn gone(graph: &Graph, table: &Table) -> Vec<String> {
    let known: BTreeSet<&str> = graph.ours().map(Package::folder).collect();
    let named = table.iter().flat_map(|(folder, uses)| uses.iter().chain([folder]));
    named.filter(|folder| !known.contains(folder.as_str())).map(|folder| format!("there is no `{folder}`")).collect()
}

fn beyond_the_table(graph: &Graph, table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for package in graph.ours() {
        let folder = package.folder();
        let allowed = |used: &str| table.get(folder).is_some_and(|uses| uses.contains(used));
        let in_tests = |used: &str| allowed(used) || used == TESTKIT || TESTED_WITH.contains(&(folder, used));
        let shipped = ours(graph.shipped(package)).filter(|used| !allowed(used));
        found.extend(shipped.map(|used| format!("`{folder}` uses `{used}`")));
        let tested = ours(graph.tested_with(package)).filter(|used| !in_tests(used));
        found.extend(tested.map(|used| format!("the tests of `{folder}` use `{used}`")));
    }
    found
}

fn ours(packages: Vec<&Package>) -> impl Iterator<Item = &str> {
    packages.into_iter().filter(|package| package.ours).map(Package::folder)
}

fn reached(graph: &Graph, rules: &[(&str, &[&str], &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (folder, kept_out, why) in rules {
        for package in graph.ours().filter(|package| package.folder() == *folder) {
            let ways = kept_out.iter().filter_map(|name| graph.way(package, name));
            found.extend(ways.map(|way| format!("{}: {why}", way.join(" -> "))));
        }
    }
    found
}

fn used_elsewhere(graph: &Graph, rules: &[(&str, &[&str], &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, users, why) in rules {
        let uses = |package: &&Package| graph.shipped(package).iter().any(|used| used.name == *name);
        let others = graph.ours().filter(uses).map(Package::folder).filter(|folder| !users.contains(folder));
        found.extend(others.map(|folder| format!("`{folder}` uses {name}, which only {users:?} may: {why}")));
    }
    found
}

fn shipped_testkit(graph: &Graph) -> Vec<String> {
    let users = graph.ours().filter(|package| ours(graph.shipped(package)).any(|used| used == TESTKIT));
    users.map(|package| format!("`{}` is built from it", package.folder())).collect()
}

#[test]
fn each_rule_finds_what_breaks_it() {
    let graph = Graph::made_up(&[
        "lattice-protocol: serde",
        "lattice-rpc: lattice-protocol async-nats | lattice-testkit",
        "lattice-host: lattice-rpc clap lattice-testkit | lattice-client",
        "lattice-client: lattice-protocol | lattice-host",
        "lattice-testkit:",
    ]);
    let row = |name: &str, uses: &[&str]| (name.to_owned(), uses.iter().map(|used| (*used).to_owned()).collect());
    let table = Table::from([
        row("protocol", &[]),
        row("rpc", &["protocol"]),
        row("client", &[]),
        row("host", &["rpc"]),
        row("old", &["rpc"]),
    ]);
    assert_eq!(unlisted(&graph, &table), ["`testkit` has no row"]);
    assert_eq!(gone(&graph, &table), ["there is no `old`"]);
    let beyond = ["`client` uses `protocol`", "the tests of `client` use `host`", "`host` uses `testkit`"];
    assert_eq!(beyond_the_table(&graph, &table), beyond);
    let reached = reached(&graph, &[("host", &["tokio", "async-nats"], "so it is"), ("protocol", &["async-nats"], "")]);
    assert_eq!(reached, ["lattice-host -> lattice-rpc -> async-nats: so it is"]);
    let elsewhere = used_elsewhere(&graph, &[("clap", &["lattice"], "so it is"), ("async-nats", &["rpc"], "")]);
    assert_eq!(elsewhere, ["`host` uses clap, which only [\"lattice\"] may: so it is"]);
    assert_eq!(shipped_testkit(&graph), ["`host` is built from it"]);
}
