//! This program as a child of itself: where it prints, and why it ended before it was ready.

use std::{
    fs::{self, File},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::ExitStatus,
};

use anyhow::Context;

use crate::{
    exit::Exit,
    fault::{Code, Fault},
};

/// The last lines of its log that are shown when it fails: its error, and what led to it.
const LOG_LINES: usize = 20;

/// An empty log, its owner's alone.
///
/// # Errors
/// It cannot be written.
pub(super) fn new_log(path: &Path) -> anyhow::Result<File> {
    let log = File::options().create(true).write(true).truncate(true).mode(0o600).open(path);
    log.with_context(|| format!("the log {} cannot be written", path.display()))
}

/// That the child called `name` has ended, as its log tells.
pub(super) fn has_ended(name: &str, status: ExitStatus, log: &Path) -> Fault {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n  ");
    let code = match status.code() {
        Some(code) if code == Exit::Configuration as i32 => Code::Configuration,
        Some(code) if code == Exit::NobodyThere as i32 => Code::Unreachable,
        Some(code) if code == Exit::Refused as i32 => Code::Refused,
        _ => Code::Failed,
    };
    let message = format!("{name} has ended ({status}); its log says:\n  {last}");
    Fault::new(code, message).hint(format!("the whole log is {}", log.display()))
}
