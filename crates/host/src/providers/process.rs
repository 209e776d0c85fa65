//! One process of a provider: starting it, learning how it ended, stopping it.

use std::{
    ffi::OsString, fmt, os::unix::process::ExitStatusExt as _, path::PathBuf, process::ExitStatus, time::Duration,
};

use async_nats::{HeaderMap, Request};
use lattice_guard::{Guarded, GuardedCommand, SpawnError};
use lattice_protocol::{LinkDefinition, ShutdownRequest};
use lattice_rpc::{DEADLINE_HEADER, DirectPass, Entity};
use tokio::{task::JoinSet, time::timeout};
use uuid::Uuid;

use super::{
    command::InstanceKey,
    output::{self, Output, Stream},
    program::ProgramError,
    supervisor::Assignment,
    tools::Tools,
};
use crate::{
    bucket::BucketError,
    defaults::{LAST_OUTPUT, TERM_PATIENCE},
};

/// A process that runs. Dropping it kills it, and every process that stems from it.
#[derive(Debug)]
pub(super) struct Process {
    guarded: Guarded,
    pub(super) instance_id: String,
    /// Read what it prints.
    readers: JoinSet<()>,
    /// Lets it call actors of this host directly.
    _pass: Option<DirectPass>,
}

/// Why there is no process.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    #[error("the program cannot be had")]
    Program(#[from] ProgramError),
    #[error("no key can be lent to the provider")]
    Lend(#[from] BucketError),
    #[error("the program cannot be run")]
    Spawn(#[from] SpawnError),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exit {
    /// Unknown if its guard was killed with it.
    status: Option<ExitStatus>,
}

impl Exit {
    pub(super) fn code(self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    pub(super) fn signal(self) -> Option<i32> {
        self.status.and_then(|status| status.signal())
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exited with code {code}"),
            (None, Some(signal)) => write!(f, "killed by signal {signal}"),
            (None, None) => f.write_str("killed together with its guard"),
        }
    }
}

impl Process {
    /// Starts the program and tells it what providers need to know.
    pub(super) async fn start(
        tools: &Tools,
        key: &InstanceKey,
        assignment: &mut Assignment,
        links: Vec<LinkDefinition>,
        output: &Output,
    ) -> Result<Self, LaunchError> {
        let (exe, arguments) = assignment.image.program().await?;
        let seed = assignment.seed(tools, key).await?;
        let instance_id = Uuid::new_v4().to_string();
        let mut data = tools.host_data(key, instance_id.clone(), (&seed, assignment.configuration.clone()), links);
        data.instances_seed = tools.instances_seed(key, &assignment.image.issuer);
        let pass = tools.door.as_ref().map(|door| door.pass(entity(key, assignment)));
        data.direct = pass.as_ref().map(|pass| pass.access().clone());
        let mut guarded = Guarded::spawn(command(tools, exe, arguments).stdin(data.to_line())).await?;
        let mut readers = JoinSet::new();
        if let Some(stdout) = guarded.take_stdout() {
            readers.spawn(output::read(stdout, Stream::Out, key.clone(), output.clone()));
        }
        if let Some(stderr) = guarded.take_stderr() {
            readers.spawn(output::read(stderr, Stream::Error, key.clone(), output.clone()));
        }
        Ok(Self { guarded, instance_id, readers, _pass: pass })
    }

    /// Returns when it has ended, and everything that stemmed from it; what it printed has been read by then. Cancel-safe.
    pub(super) async fn ended(&mut self) -> Exit {
        let status = self.guarded.wait().await.ok();
        self.finish_reading().await;
        Exit { status }
    }

    /// Reads what was printed up to the end. It comes at once, unless the guard was killed and left somebody behind who still
    /// may print.
    async fn finish_reading(&mut self) {
        let all = async { while self.readers.join_next().await.is_some() {} };
        if timeout(LAST_OUTPUT, all).await.is_err() {
            self.readers.shutdown().await;
        }
    }

    /// Stops it: asks it over NATS, then by a signal, then kills it. Everything that stems from it is gone when this
    /// returns.
    pub(super) async fn stop(mut self, tools: &Tools, key: &InstanceKey) -> Exit {
        let patience = tools.shutdown_patience();
        let asked = timeout(patience, ask_to_shut_down(tools, key)).await.unwrap_or(false);
        let grace = if asked { patience } else { Duration::ZERO };
        if let Ok(exit) = timeout(grace, self.ended()).await {
            return exit;
        }
        let status = self.guarded.stop(TERM_PATIENCE).await.ok();
        self.finish_reading().await;
        Exit { status }
    }
}

/// Who the process is for whom it calls.
fn entity(key: &InstanceKey, assignment: &Assignment) -> Entity {
    let contract = assignment.image.contract.clone();
    Entity::Provider { key: key.provider.clone(), link: key.link.clone(), contract }
}

/// Whether it answered that it shuts down.
async fn ask_to_shut_down(tools: &Tools, key: &InstanceKey) -> bool {
    let subject = tools.lattice.subjects().shutdown(&key.provider, &key.link);
    let body = ShutdownRequest { host_id: Some(tools.lattice.host.clone()) };
    let body = serde_json::to_vec(&body).expect("a key is a text");
    let mut headers = HeaderMap::new();
    headers.insert(DEADLINE_HEADER, tools.shutdown_patience().as_millis().to_string());
    let request = Request::new().headers(headers).payload(body.into()).timeout(None);
    tools.lattice.nats.send_request(subject, request).await.is_ok()
}

fn command(tools: &Tools, exe: PathBuf, arguments: Vec<OsString>) -> GuardedCommand {
    let settings = &tools.settings;
    let mut command = GuardedCommand::new(exe)
        .args(arguments)
        .env_clear()
        .stdout(lattice_guard::Output::Piped)
        .stderr(lattice_guard::Output::Piped);
    for (name, value) in &settings.environment {
        command = command.env(name, value);
    }
    if let Some(guard) = tools.guard() {
        command = command.exe(guard);
    }
    match settings.memory {
        Some(bytes) => command.memory(bytes),
        None => command,
    }
}
