//! `lattice status`.

use std::time::Duration;

use lattice_protocol::HostInventory;
use serde::Serialize;

use crate::{
    connect::Lattice,
    fault::{Code, Fault},
    printer::Show,
    settings::{DataDir, Settings, Target},
    table::facts,
    up::{RunningUp, is_locked},
};

/// How long its host may take to tell what runs.
const PATIENCE: Duration = Duration::from_secs(2);

/// What `up` runs here.
#[derive(Serialize)]
struct Status {
    running: bool,
    #[serde(flatten)]
    up: RunningUp,
    /// What runs on its host; nothing if it does not answer.
    inventory: Option<HostInventory>,
}

/// Tells what `up` runs in this data directory.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let data_dir = settings.data_dir()?;
    let up = RunningUp::find(&data_dir).ok_or_else(|| not_running(&data_dir))?;
    let inventory = inventory(&up).await;
    if inventory.is_none() {
        settings.printer().warn("the host does not answer");
    }
    Ok(settings.printer().show(&Status { running: true, up: up.shown(), inventory })?)
}

async fn inventory(up: &RunningUp) -> Option<HostInventory> {
    let lattice = Lattice::reach(Target::of_up(up, Some(PATIENCE))).await.ok()?;
    lattice.client.inventory(&up.host_id).await.ok()
}

fn not_running(data_dir: &DataDir) -> Fault {
    let path = data_dir.path().display();
    if is_locked(data_dir) {
        return Fault::new(Code::NotRunning, format!("`lattice up` is just starting or stopping in {path}"));
    }
    Fault::new(Code::NotRunning, format!("nothing runs in {path}")).hint("`lattice up` starts a lattice")
}

impl Show for Status {
    fn text(&self) -> String {
        let up = &self.up;
        let uptime = up.uptime().map(|up| humantime::format_duration(Duration::from_secs(up.as_secs())).to_string());
        let actors = self.inventory.as_ref().map(actors);
        facts([
            ("up", format!("process {}, for {}", up.pid, uptime.unwrap_or_else(|| "an unknown time".to_owned()))),
            ("broker", up.broker_text()),
            ("lattice", up.lattice.to_string()),
            ("host", format!("{} ({})", up.host_name, up.host_id)),
            ("actors", actors.unwrap_or_else(|| "not known, the host does not answer".to_owned())),
        ])
    }
}

fn actors(inventory: &HostInventory) -> String {
    let name = |actor: &lattice_protocol::ActorDescription| {
        let count: u64 = actor.instances.iter().map(|instance| u64::from(instance.max_instances)).sum();
        format!("{} x{count}", actor.name.clone().unwrap_or_else(|| actor.id.to_string()))
    };
    let names: Vec<String> = inventory.actors.iter().map(name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
