//! `lattice get hosts`.

use std::time::Duration;

use lattice_protocol::Host;
use serde::Serialize;

use super::{
    Gaps, judge, missing_of, texts,
    watch::{self, Gathering},
};
use crate::{
    cli::Whole,
    connect::Lattice,
    detail::{Detail, KeyColumn},
    printer::{Printer, Show},
    table::{or_dash, table},
};

/// What the names of labels start with that every host has.
const BUILTIN_LABELS: &str = "hostcore.";

#[derive(Serialize)]
struct Hosts {
    hosts: Vec<Host>,
    /// What was wrong with answers that are not among the hosts.
    errors: Vec<String>,
    /// Hosts that belong to the lattice and did not answer.
    missing: Vec<String>,
    /// Whether every host of the lattice is among them.
    complete: bool,
}

/// Prints who is there, once or whenever that changes.
pub(super) async fn run(lattice: &Lattice, whole: Whole, printer: Printer) -> anyhow::Result<()> {
    if whole.watch {
        return watch::follow(lattice, printer, async || ask(lattice).await).await;
    }
    let hosts = ask(lattice).await?;
    hosts.gaps().tell(printer);
    printer.show(&hosts)?;
    judge(whole, hosts.complete, printer)
}

async fn ask(lattice: &Lattice) -> anyhow::Result<Hosts> {
    let mut answers = lattice.hosts().await?;
    answers.items.sort_by(|a, b| (&a.friendly_name, &a.id).cmp(&(&b.friendly_name, &b.id)));
    let (errors, missing, complete) = (texts(&answers.errors), missing_of(&answers), answers.complete);
    Ok(Hosts { hosts: answers.items, errors, missing, complete })
}

impl Gathering for Hosts {
    fn gaps(&self) -> Gaps<'_> {
        Gaps { errors: &self.errors, missing: &self.missing, complete: self.complete }
    }
}

impl Show for Hosts {
    fn text(&self) -> String {
        self.table(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.table(Detail::Whole)
    }
}

impl Hosts {
    fn table(&self, detail: Detail) -> String {
        let keys = detail.keys(self.hosts.iter().map(|host| host.id.as_str()));
        table(["host", "id", "version", "uptime", "labels"], self.hosts.iter().map(|host| row(host, detail, keys)))
    }
}

fn row(host: &Host, detail: Detail, keys: KeyColumn) -> [String; 5] {
    let is_shown = |key: &str| detail == Detail::Whole || !key.starts_with(BUILTIN_LABELS);
    let labels = host.labels.iter().filter(|(key, _)| is_shown(key));
    let labels: Vec<String> = labels.map(|(key, value)| format!("{key}={value}")).collect();
    [
        host.friendly_name.clone(),
        keys.of(host.id.as_str()),
        or_dash(host.version.as_ref()),
        humantime::format_duration(Duration::from_secs(host.uptime_seconds)).to_string(),
        or_dash(Some(labels.join(" ")).filter(|labels| !labels.is_empty())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_host_says_of_itself_is_shown_to_those_who_want_all() {
        let id = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
        let labels = serde_json::json!({"hostcore.os": "linux", "zone": "lab"});
        let host = serde_json::json!({"id": id, "friendly_name": "x", "uptime_seconds": 61, "labels": labels});
        let host = serde_json::from_value(host).expect("it is a host");
        let hosts = Hosts { hosts: vec![host], errors: Vec::new(), missing: Vec::new(), complete: true };
        let row = |text: String| text.lines().nth(1).expect("a host").split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(row(hosts.text()), "x NAWASHVA… - 1m 1s zone=lab");
        assert_eq!(row(hosts.wide()), format!("x {id} - 1m 1s hostcore.os=linux zone=lab"));
    }
}
