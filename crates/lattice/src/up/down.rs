//! Stopping the `up` of a data directory from another process.

use std::{io, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{self, Instant};

use super::state::{is_locked, lock_holder};
use crate::{
    fault::{Code, Fault},
    settings::DataDir,
};

/// The pause between two looks whether it has ended.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// Tells the `up` of this data directory to stop and waits until it has; returns its process, or none if none ran.
///
/// # Errors
/// It may not be told, or does not end in time.
pub(crate) async fn stop(data_dir: &DataDir, wait: Duration) -> Result<Option<u32>, Fault> {
    let deadline = Instant::now() + wait;
    let mut told = None;
    while is_locked(data_dir) {
        // The holder writes down who it is just after it has the lock.
        if told.is_none()
            && let Some(pid) = lock_holder(data_dir)
        {
            terminate(pid)?;
            told = Some(pid);
        }
        if told.is_some() && lock_holder(data_dir).is_some_and(|holder| Some(holder) != told) {
            // Somebody has started another one meanwhile.
            return Ok(told);
        }
        if Instant::now() > deadline {
            return Err(late(told, wait));
        }
        time::sleep(LOOK_PAUSE).await;
    }
    Ok(told)
}

fn terminate(pid: u32) -> Result<(), Fault> {
    let Some(process) = Pid::from_raw(pid.cast_signed()).filter(|pid| !pid.is_init()) else { return Ok(()) };
    match kill_process(process, Signal::TERM) {
        // It has just ended by itself.
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(Fault::new(Code::Refused, format!("process {pid} cannot be told to stop"))
            .caused_by(io::Error::from(error))),
    }
}

fn late(told: Option<u32>, wait: Duration) -> Fault {
    let message = format!("`lattice up` has not stopped within {}", humantime::format_duration(wait));
    let fault = Fault::new(Code::TimedOut, message);
    match told {
        Some(pid) => fault.hint(format!("it may still stop; `kill -9 {pid}` ends it, its host and its broker at once")),
        None => fault,
    }
}
