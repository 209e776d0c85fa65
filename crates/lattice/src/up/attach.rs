//! Showing and following an `up` that another process runs.

use std::time::Duration;

use tokio::time;

use super::{
    RunningUp, demo, is_locked,
    ready::{self, Ready},
    run::Request,
};
use crate::{
    connect::Lattice,
    follow::{Filter, Follower},
    settings::Target,
    signals::Signals,
};

/// The pause between two looks whether the other one is ready or has ended.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// Shows what runs and follows it, until it ends or a signal comes, which ends only this process. False if the other one
/// ended before it was ready.
pub(super) async fn follow(request: &Request<'_>, signals: &mut Signals) -> anyhow::Result<bool> {
    // Cancel-safe: it only looks.
    let found = tokio::select! {
        found = show(request, true) => found?,
        () = signals.stop() => return Ok(true),
    };
    let Some((lattice, up)) = found else { return Ok(false) };
    request.printer.note(&format!("following process {}, Ctrl-C ends only this", up.pid));
    let filter = Filter { types: Vec::new(), no_heartbeats: request.settings.verbosity() == 0 };
    let mut follower = Follower::new(&lattice, filter, request.printer).await?;
    // Cancel-safe: nothing that is lost here is wanted once it ends.
    tokio::select! {
        ended = follower.run() => ended?,
        () = until_gone(request) => request.printer.note(&format!("process {} has stopped", up.pid)),
        () = signals.stop() => {}
    }
    Ok(true)
}

/// Waits until the other one is ready, and shows what it runs; none if it ended before. Attached is who did not start it.
pub(super) async fn show(request: &Request<'_>, attached: bool) -> anyhow::Result<Option<(Lattice, RunningUp)>> {
    let Some(up) = until_ready(request).await else { return Ok(None) };
    if attached {
        warn_of_ignored(request);
        warn_of_missing(request, &up);
    }
    let lattice = Lattice::reach(Target::of_up(&up, None)).await?;
    if let Some(demo) = request.flags.demo {
        demo::ensure(demo, &demo::Stage::of(request, &lattice, &up.host_id)).await?;
    }
    let ready = Ready::ask(&lattice, up.clone(), &request.data_dir, attached).await?;
    request.printer.stream(&ready)?;
    Ok(Some((lattice, up)))
}

async fn until_ready(request: &Request<'_>) -> Option<RunningUp> {
    while is_locked(&request.data_dir) {
        if let Some(up) = RunningUp::find(&request.data_dir) {
            return Some(up);
        }
        request.printer.progress("waiting for the `lattice up` that is starting here ...");
        time::sleep(LOOK_PAUSE).await;
    }
    request.printer.end_progress();
    None
}

async fn until_gone(request: &Request<'_>) {
    while is_locked(&request.data_dir) {
        time::sleep(LOOK_PAUSE).await;
    }
}

/// What runs was started with other options, which only a new start changes.
fn warn_of_ignored(request: &Request<'_>) {
    let flags = request.flags;
    let given = [
        ("--port", flags.port.is_some()),
        ("--compat", flags.compat.is_some()),
        ("--friendly-name", flags.friendly_name.is_some()),
        ("--label", !flags.labels.is_empty()),
        ("--max-instances", flags.max_instances.is_some()),
    ];
    let ignored: Vec<&str> = given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
    if !ignored.is_empty() {
        request.printer.warn(&format!("{} has no effect: the lattice runs already", ignored.join(", ")));
    }
}

/// Hosts of the demo belong to the process that started them.
fn warn_of_missing(request: &Request<'_>, up: &RunningUp) {
    let is_there = |name: &str| up.others().any(|host| host.name == name);
    let missing: Vec<&str> = demo::hosts(request.flags.demo).iter().copied().filter(|name| !is_there(name)).collect();
    if !missing.is_empty() {
        let (missing, down) = (missing.join(" and "), ready::command(&request.data_dir, "down"));
        request
            .printer
            .warn(&format!("{missing} of the demo will not start: only a new `up` has them, after `{down}`"));
    }
}
