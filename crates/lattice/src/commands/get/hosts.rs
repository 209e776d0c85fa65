//! `lattice get hosts`.

use std::time::Duration;

use lattice_protocol::Host;
use serde::Serialize;

use super::texts;
use crate::{
    connect::Lattice,
    printer::{Printer, Show},
    table::{or_dash, table},
};

#[derive(Serialize)]
struct Hosts {
    hosts: Vec<Host>,
    /// What was wrong with answers that are not among the hosts.
    errors: Vec<String>,
}

/// Prints who is there.
pub(super) async fn run(lattice: &Lattice, printer: Printer) -> anyhow::Result<()> {
    let mut answers = lattice.hosts().await?;
    answers.items.sort_by(|a, b| (&a.friendly_name, &a.id).cmp(&(&b.friendly_name, &b.id)));
    let hosts = Hosts { hosts: answers.items, errors: texts(&answers.errors) };
    hosts.errors.iter().for_each(|error| printer.warn(error));
    Ok(printer.show(&hosts)?)
}

impl Show for Hosts {
    fn text(&self) -> String {
        table(["host", "id", "version", "uptime", "labels"], self.hosts.iter().map(row))
    }
}

fn row(host: &Host) -> [String; 5] {
    let labels: Vec<String> = host.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    [
        host.friendly_name.clone(),
        host.id.to_string(),
        or_dash(host.version.as_ref()),
        humantime::format_duration(Duration::from_secs(host.uptime_seconds)).to_string(),
        labels.join(" "),
    ]
}
