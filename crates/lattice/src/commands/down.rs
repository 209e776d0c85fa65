//! `lattice down`.

use serde::Serialize;

use crate::{
    cli::Down,
    detail::Detail,
    printer::Show,
    settings::Settings,
    up::{self, RunningUp},
};

/// What was stopped; nothing if nothing ran.
#[derive(Serialize)]
struct Stopped {
    stopped: bool,
    pid: Option<u32>,
    up: Option<RunningUp>,
}

/// Stops what `up` started in this data directory and tells what that was.
pub(crate) async fn run(down: &Down, settings: &Settings) -> anyhow::Result<()> {
    let data_dir = settings.data_dir()?;
    let up = RunningUp::find(&data_dir);
    let pid = up::stop(&data_dir, down.wait).await?;
    Ok(settings.printer().show(&Stopped { stopped: pid.is_some(), pid, up: up.map(RunningUp::shown) })?)
}

impl Show for Stopped {
    fn text(&self) -> String {
        self.told(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.told(Detail::Whole)
    }
}

impl Stopped {
    fn told(&self, detail: Detail) -> String {
        match (&self.up, self.pid) {
            (_, None) => "nothing was running".to_owned(),
            (None, Some(pid)) => format!("stopped `lattice up`, process {pid}, while it was starting"),
            (Some(up), Some(pid)) => {
                let host = detail.named(Some(&up.host_name), up.host_id.as_str());
                let broker =
                    if up.store.is_some() { format!(" and the broker at {}", up.nats_url) } else { String::new() };
                let others: String = up.others().map(|host| format!(", {}", host.name)).collect();
                format!("stopped `lattice up`, process {pid}: host {host}{others}{broker}")
            }
        }
    }
}
