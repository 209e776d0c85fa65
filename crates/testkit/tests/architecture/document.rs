//! The table of crates in `ARCHITECTURE.md`, which is where the crates that each may use are stated.

use std::collections::{BTreeMap, BTreeSet};

/// The crates in the table, each with the crates that it may use.
pub(crate) fn crates() -> BTreeMap<String, BTreeSet<String>> {
    let crates = rows(&crate::read("ARCHITECTURE.md"));
    assert!(!crates.is_empty(), "ARCHITECTURE.md has no table with the columns `crate` and `uses`");
    crates
}

/// The rows of the table whose columns are `crate`, what it is, and `uses`.
fn rows(document: &str) -> BTreeMap<String, BTreeSet<String>> {
    let table = document.lines().skip_while(|line| !is_head(line)).skip(2);
    table.map_while(cells).map(|cells| (name(cells[0]), quoted(cells[2]).map(str::to_owned).collect())).collect()
}

fn is_head(line: &str) -> bool {
    cells(line).is_some_and(|cells| cells.first() == Some(&"crate") && cells.get(2) == Some(&"uses"))
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let line = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(line.split('|').map(str::trim).collect())
}

fn name(cell: &str) -> String {
    quoted(cell).next().unwrap_or_else(|| panic!("`{cell}` names no crate in backticks")).to_owned()
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_table_is_read_to_its_end_and_no_further() {
    let document = "
| word | is |
|---|---|
| `host` | a word |

| crate | is | uses | must never |
|---|---|---|---|
| [`rpc`](crates/rpc) | calls | `claims`, `protocol` | know `wasm` |
| `guard` | a child | – | |

| `later` | another | `table` |
";
    let row = |name: &str, uses: &[&str]| (name.to_owned(), uses.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(rows(document), BTreeMap::from([row("rpc", &["claims", "protocol"]), row("guard", &[])]));
}
