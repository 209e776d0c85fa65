//! `lattice status`.

use std::time::Duration;

use lattice_protocol::HostInventory;
use serde::Serialize;

use crate::{
    connect::Lattice,
    detail::Detail,
    fault::{Code, Fault},
    printer::Show,
    settings::{DataDir, Settings, Target},
    settle::actors,
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
    if inventory.is_none() && !up.stopping {
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
        self.told(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.told(Detail::Whole)
    }
}

impl Status {
    fn told(&self, detail: Detail) -> String {
        let up = &self.up;
        let uptime = up.uptime().map(|up| humantime::format_duration(Duration::from_secs(up.as_secs())).to_string());
        let uptime = uptime.unwrap_or_else(|| "an unknown time".to_owned());
        let stopping = if up.stopping { ", stopping" } else { "" };
        let facts_of_up = [
            ("up", format!("process {}, for {uptime}{stopping}", up.pid)),
            ("broker", up.broker_text()),
            ("lattice", up.lattice.to_string()),
            ("host", detail.named(Some(&up.host_name), up.host_id.as_str())),
            ("actors", self.inventory.as_ref().map_or_else(|| self.unknown(), actors)),
        ];
        let others = up.others().map(|host| {
            let named = detail.named(Some(&host.name), host.host_id.as_str());
            ("host", format!("{named}, process {}", host.pid))
        });
        facts(facts_of_up.into_iter().chain(others))
    }

    fn unknown(&self) -> String {
        let reason = if self.up.stopping { "the host is stopping" } else { "the host does not answer" };
        format!("not known, {reason}")
    }
}
