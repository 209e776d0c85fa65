//! `up --detach`: the program started again in the background, and waited for.

use std::{
    ffi::OsString,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::Context;
use tokio::{
    process::{Child, Command},
    time,
};

use super::{RunningUp, attach, child, is_locked, ready, run::Request};
use crate::{
    cli::{Compat, Up},
    fault::{Code, Fault},
    settings::{DataDir, Settings},
    signals::Signals,
};

/// The pause between two looks whether it is ready or has ended.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// Starts an `up` in the background, unless one runs, and returns when it is ready.
pub(crate) async fn detach(flags: &Up, settings: &Settings) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let data_dir = settings.data_dir()?;
    data_dir.create()?;
    let request = Request { flags, settings, data_dir, printer: settings.printer() };
    let attached = is_locked(&request.data_dir);
    if !attached {
        start(&request, &mut signals).await?;
    }
    match attach::show(&request, attached).await? {
        Some((_, up)) => {
            let down = ready::command(&request.data_dir, "down");
            request.printer.note(&format!("in the background as process {}, `{down}` stops it", up.pid));
            Ok(())
        }
        None => Err(Fault::new(Code::Failed, "the `lattice up` that was starting here has ended").into()),
    }
}

async fn start(request: &Request<'_>, signals: &mut Signals) -> anyhow::Result<()> {
    let mut child = spawn(request)?;
    request.printer.progress("starting in the background ...");
    // Cancel-safe: it only looks.
    let ended = tokio::select! {
        ended = until_ready(&mut child, &request.data_dir) => ended?,
        () = signals.stop() => {
            terminate(&child);
            Some(child.wait().await?)
        }
    };
    request.printer.end_progress();
    match ended {
        None => Ok(()),
        // It found that another one was quicker, or was told to stop.
        Some(status) if status.success() && is_locked(&request.data_dir) => Ok(()),
        Some(status) => {
            Err(child::has_ended("`lattice up` in the background", status, &request.data_dir.up_log()).into())
        }
    }
}

fn spawn(request: &Request<'_>) -> anyhow::Result<Child> {
    let log = child::new_log(&request.data_dir.up_log())?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments(request)).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    // It is to live on when this process ends.
    command.kill_on_drop(false).spawn().context("the process in the background cannot be started")
}

/// What was typed, for the process in the background. It inherits the environment.
fn arguments(request: &Request<'_>) -> Vec<OsString> {
    let Up { demo, detach: _, port, compat, friendly_name, labels, max_instances, images, background: _ } =
        request.flags;
    let mut arguments: Vec<OsString> = vec!["up".into(), "--background".into()];
    let mut push = |name: &str, value: Option<OsString>| {
        if let Some(value) = value {
            arguments.extend([name.into(), value]);
        }
    };
    push("--port", port.map(|port| port.to_string().into()));
    push("--compat", compat.map(|Compat::Wasmcloud| "wasmcloud".into()));
    push("--friendly-name", friendly_name.as_ref().map(Into::into));
    push("--max-instances", max_instances.map(|count| count.to_string().into()));
    for (key, value) in labels {
        push("--label", Some(format!("{key}={value}").into()));
    }
    arguments.extend(images.arguments());
    arguments.extend(demo.map(|demo| format!("--demo={}", demo.name()).into()));
    arguments.extend(request.settings.global_arguments());
    arguments
}

/// Until the child is ready, or has ended.
async fn until_ready(child: &mut Child, data_dir: &DataDir) -> anyhow::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if RunningUp::find(data_dir).is_some_and(|up| Some(up.pid) == child.id()) {
            return Ok(None);
        }
        time::sleep(LOOK_PAUSE).await;
    }
}

fn terminate(child: &Child) {
    let pid = child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed()));
    if let Some(pid) = pid {
        // A child that has ended meanwhile needs no signal.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}
