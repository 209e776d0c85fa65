//! `lattice get links`.

use lattice_protocol::{LinkDefinition, LinkValues};
use serde::Serialize;

use crate::{
    connect::Lattice,
    detail::Detail,
    printer::{Printer, Show},
    table::dense,
    unanswered,
};

#[derive(Serialize)]
struct Links {
    links: Vec<LinkDefinition>,
    /// What was wrong with links that are not among them.
    errors: Vec<String>,
    #[serde(skip)]
    shows_values: bool,
}

/// Prints the links; values may be secrets, and are left out unless they are asked for.
pub(super) async fn run(lattice: &Lattice, values: bool, printer: Printer) -> anyhow::Result<()> {
    let answer = lattice.client.links().await.map_err(|error| unanswered::question(lattice, error))?.links;
    let mut links = answer.good;
    links.sort_by(|a, b| (&a.actor_id, &a.contract_id, &a.link_name).cmp(&(&b.actor_id, &b.contract_id, &b.link_name)));
    if !values {
        links.iter_mut().for_each(|link| link.values = hidden(&link.values));
    }
    let links = Links { links, errors: answer.bad, shows_values: values };
    links.errors.iter().for_each(|error| printer.warn(error));
    Ok(printer.show(&links)?)
}

/// The names of the values alone.
fn hidden(values: &LinkValues) -> LinkValues {
    values.iter().map(|(key, _)| (key.clone(), "***")).collect()
}

impl Show for Links {
    fn text(&self) -> String {
        self.table(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.table(Detail::Whole)
    }
}

impl Links {
    fn table(&self, detail: Detail) -> String {
        let actors = detail.keys(self.links.iter().map(|link| link.actor_id.as_str()));
        let providers = detail.keys(self.links.iter().map(|link| link.provider_id.as_str()));
        let row = |link: &LinkDefinition| {
            [
                actors.of(link.actor_id.as_str()),
                providers.of(link.provider_id.as_str()),
                link.contract_id.to_string(),
                link.link_name.to_string(),
                self.values(link),
            ]
        };
        dense(["actor", "provider", "contract", "link", "values"], self.links.iter().map(row))
    }

    fn values(&self, link: &LinkDefinition) -> String {
        let shown = |(key, value): (&String, &String)| match self.shows_values {
            true => format!("{key}={value}"),
            false => key.clone(),
        };
        let values: Vec<String> = link.values.iter().map(shown).collect();
        if values.is_empty() { "-".to_owned() } else { values.join(" ") }
    }
}
