//! `lattice get claims`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    connect::Lattice,
    detail::Detail,
    printer::{Printer, Show},
    table::dense,
    unanswered,
};

#[derive(Serialize)]
struct Claims {
    claims: Vec<BTreeMap<String, Option<String>>>,
    /// What was wrong with claims that are not among them.
    errors: Vec<String>,
}

/// Prints the actors and providers that the lattice has seen.
pub(super) async fn run(lattice: &Lattice, printer: Printer) -> anyhow::Result<()> {
    let answer = lattice.client.claims().await.map_err(|error| unanswered::question(lattice, error))?.claims;
    let claims = Claims { claims: answer.good, errors: answer.bad };
    claims.errors.iter().for_each(|error| printer.warn(error));
    Ok(printer.show(&claims)?)
}

impl Show for Claims {
    fn text(&self) -> String {
        self.table(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.table(Detail::Whole)
    }
}

impl Claims {
    fn table(&self, detail: Detail) -> String {
        let mut rows: Vec<_> = self.claims.iter().map(row).collect();
        for column in [KEY, ISSUER] {
            let keys = detail.keys(rows.iter().map(|row| &*row[column]));
            rows.iter_mut().for_each(|row| row[column] = keys.of(&row[column]));
        }
        rows.sort();
        dense(["name", "key", "call alias", "revision", "version", "issuer", "capabilities"], rows)
    }
}

/// Where a row has its keys.
const KEY: usize = 1;
const ISSUER: usize = 5;

fn row(claims: &BTreeMap<String, Option<String>>) -> [String; 7] {
    let first = |names: &[&str]| {
        let values = names.iter().filter_map(|name| claims.get(*name)?.clone());
        values.into_iter().find(|value| !value.is_empty()).unwrap_or_else(|| "-".to_owned())
    };
    [
        first(&["name"]),
        first(&["sub", "subject"]),
        first(&["call_alias"]),
        first(&["rev", "revision"]),
        first(&["version", "ver"]),
        first(&["iss", "issuer"]),
        first(&["caps", "capabilities", "contract_id"]),
    ]
}
