//! `lattice get inventory`.

use std::collections::BTreeMap;

use lattice_protocol::{
    ActorDescription, Annotations, HostInventory, ProviderDescription, ProviderProcess, ProviderState,
};
use serde::Serialize;

use super::{
    Gaps, judge, missing_of, texts,
    watch::{self, Gathering},
};
use crate::{
    cli::Whole,
    connect::Lattice,
    detail::Detail,
    placement,
    printer::{Printer, Show},
    table::{dense, or_dash},
    unanswered,
};

#[derive(Serialize)]
struct Inventories {
    inventories: Vec<HostInventory>,
    /// What was wrong with answers that are not among the inventories.
    errors: Vec<String>,
    /// Hosts that belong to the lattice and did not answer.
    missing: Vec<String>,
    /// Whether everything that was asked for is among them.
    complete: bool,
}

/// Prints what runs on a host, or on all, once or whenever that changes.
pub(super) async fn run(lattice: &Lattice, host: Option<&str>, whole: Whole, printer: Printer) -> anyhow::Result<()> {
    if whole.watch {
        return watch::follow(lattice, printer, async || ask(lattice, host).await).await;
    }
    let answers = ask(lattice, host).await?;
    answers.gaps().tell(printer);
    printer.show(&answers)?;
    judge(whole, answers.complete, printer)
}

async fn ask(lattice: &Lattice, host: Option<&str>) -> anyhow::Result<Inventories> {
    let mut answers = match host {
        Some(name) => Inventories {
            inventories: vec![of_host(lattice, name).await?],
            errors: Vec::new(),
            missing: Vec::new(),
            complete: true,
        },
        None => of_all(lattice).await?,
    };
    answers.inventories.sort_by(|a, b| (&a.friendly_name, &a.host_id).cmp(&(&b.friendly_name, &b.host_id)));
    let unread: Vec<String> = answers.inventories.iter().flat_map(unread).collect();
    answers.complete &= unread.is_empty();
    answers.errors.extend(unread);
    Ok(answers)
}

impl Gathering for Inventories {
    fn gaps(&self) -> Gaps<'_> {
        Gaps { errors: &self.errors, missing: &self.missing, complete: self.complete }
    }
}

async fn of_host(lattice: &Lattice, name: &str) -> anyhow::Result<HostInventory> {
    let host = placement::named_host(lattice, name).await?;
    let answer = lattice.client.inventory(&host).await;
    answer.map_err(|error| unanswered::question_to(lattice, &host, error))
}

async fn of_all(lattice: &Lattice) -> anyhow::Result<Inventories> {
    let answers = lattice.inventories().await?;
    let (errors, missing, complete) = (texts(&answers.errors), missing_of(&answers), answers.complete);
    Ok(Inventories { inventories: answers.items, errors, missing, complete })
}

/// What an inventory holds that cannot be read.
fn unread(inventory: &HostInventory) -> impl Iterator<Item = String> {
    let in_actors = inventory.actors.iter().flat_map(|actor| &actor.instances.bad);
    let bad = inventory.actors.bad.iter().chain(&inventory.providers.bad).chain(in_actors);
    bad.map(|bad| format!("part of the inventory of host {} cannot be read: {bad}", inventory.host_id))
}

impl Show for Inventories {
    fn text(&self) -> String {
        self.table(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.table(Detail::Whole)
    }
}

impl Inventories {
    fn table(&self, detail: Detail) -> String {
        let mut rows: Vec<_> = self.inventories.iter().flat_map(host_rows).collect();
        rows.sort();
        let keys = detail.keys(rows.iter().map(|row| &*row[KEY]));
        for row in &mut rows {
            row[KEY] = keys.of(&row[KEY]);
            row[DIGEST] = detail.digest(&row[DIGEST]);
            row[REFERENCE] = detail.reference(&row[REFERENCE]);
        }
        dense(TITLES, rows)
    }
}

const COLUMNS: usize = 13;
const TITLES: [&str; COLUMNS] = [
    "host",
    "kind",
    "name",
    "key",
    "link",
    "count",
    "revision",
    "digest",
    "state",
    "restarts",
    "last exit",
    "annotations",
    "reference",
];
/// Where a row has its key, its digest and its reference.
const KEY: usize = 3;
const DIGEST: usize = 7;
const REFERENCE: usize = 12;

fn host_rows(host: &HostInventory) -> Vec<[String; COLUMNS]> {
    let name = if host.friendly_name.is_empty() { host.host_id.as_str() } else { &host.friendly_name };
    let actors = host.actors.iter().flat_map(|actor| actor_rows(name, actor));
    let providers = host.providers.iter().map(|provider| provider_row(name, provider));
    let rows: Vec<_> = actors.chain(providers).collect();
    if rows.is_empty() { vec![empty_row(name)] } else { rows }
}

/// One row per annotation set and image; a reference that was two images in turn has two rows.
fn actor_rows(host: &str, actor: &ActorDescription) -> Vec<[String; COLUMNS]> {
    let mut sets: BTreeMap<(Annotations, Option<String>, i32, Option<String>), u64> = BTreeMap::new();
    for instance in &actor.instances {
        let image = instance.image_ref.clone().or_else(|| actor.image_ref.clone());
        let set = (instance.annotations.clone(), image, instance.revision, instance.digest.clone());
        *sets.entry(set).or_default() += u64::from(instance.max_instances);
    }
    let row = |((annotations, image, revision, digest), count): (_, u64)| {
        [
            host.to_owned(),
            "actor".to_owned(),
            or_dash(actor.name.as_ref()),
            actor.id.to_string(),
            or_dash(None::<&str>),
            count.to_string(),
            revision_text(revision),
            or_dash(digest),
            or_dash(None::<&str>),
            or_dash(None::<&str>),
            or_dash(None::<&str>),
            pairs(&annotations),
            or_dash(image),
        ]
    };
    sets.into_iter().map(row).collect()
}

fn provider_row(host: &str, provider: &ProviderDescription) -> [String; COLUMNS] {
    let process = provider.process.as_ref();
    [
        host.to_owned(),
        "provider".to_owned(),
        or_dash(provider.name.as_ref()),
        provider.id.to_string(),
        provider.link_name.to_string(),
        "1".to_owned(),
        revision_text(provider.revision),
        or_dash(provider.digest.as_ref()),
        or_dash(process.map(state_text)),
        or_dash(process.map(|process| process.restarts).filter(|restarts| *restarts != 0)),
        or_dash(process.and_then(|process| process.last_exit.as_ref())),
        pairs(&provider.annotations),
        or_dash(provider.image_ref.as_ref()),
    ]
}

/// What a process does, and that it is not well if it says so.
fn state_text(process: &ProviderProcess) -> String {
    match (process.state, process.healthy) {
        (ProviderState::Running, Some(false)) => "running, not well".to_owned(),
        (state, _) => state.as_str().to_owned(),
    }
}

fn empty_row(host: &str) -> [String; COLUMNS] {
    let mut row = [const { String::new() }; COLUMNS];
    row[0] = host.to_owned();
    row[1] = "(nothing)".to_owned();
    row
}

/// 0 is how hosts write that there is none.
fn revision_text(revision: i32) -> String {
    or_dash(Some(revision).filter(|revision| *revision != 0))
}

fn pairs(annotations: &Annotations) -> String {
    let pairs: Vec<String> = annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if pairs.is_empty() { "-".to_owned() } else { pairs.join(" ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
    const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
    const PROVIDER: &str = "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M";

    #[test]
    fn instances_of_one_set_are_one_row() {
        let instance = |team: &str, max: u16| json!({"instance_id": "i", "annotations": {"team": team}, "max_instances": max, "revision": 2});
        let inventory: HostInventory = serde_json::from_value(json!({
            "host_id": HOST, "friendly_name": "calm-otter",
            "actors": [{
                "id": ACTOR, "name": "hello", "image_ref": "file:///x",
                "instances": [instance("a", 1), instance("b", 5), instance("a", 1)],
            }],
        }))
        .expect("it is an inventory");
        let rows = host_rows(&inventory);
        let essentials: Vec<[&str; 3]> = rows.iter().map(|row| [&*row[5], &*row[6], &*row[11]]).collect();
        assert_eq!(essentials, [["2", "2", "team=a"], ["5", "2", "team=b"]]);
    }

    #[test]
    fn providers_show_how_their_processes_are() {
        let provider = |process: serde_json::Value| {
            let provider = json!({
                "id": PROVIDER, "name": "cache", "image_ref": "builtin://x", "link_name": "default", "process": process,
            });
            serde_json::from_value::<ProviderDescription>(provider).expect("it is a provider")
        };
        let check = |process: serde_json::Value, expect: [&str; 3]| {
            let row = provider_row("otter", &provider(process));
            assert_eq!([&*row[8], &*row[9], &*row[10]], expect);
        };
        check(json!(null), ["-", "-", "-"]);
        check(json!({"state": "running", "healthy": true}), ["running", "-", "-"]);
        check(json!({"state": "running", "healthy": false}), ["running, not well", "-", "-"]);
        let exited = json!({"state": "crash_loop", "restarts": 4, "last_exit": "killed by signal 9"});
        check(exited, ["crash loop", "4", "killed by signal 9"]);
    }
}
