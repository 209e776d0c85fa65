//! A program that keeps credentials: it is asked when one is needed, and gets neither long nor much to say.

use std::{io, process::Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    time::timeout,
};
use zeroize::{Zeroize, Zeroizing};

use super::super::Credential;
use crate::{
    defaults::{HELPER_TIMEOUT, MAX_HELPER_OUTPUT},
    docker_hub,
};

/// What the programs' names begin with.
const PREFIX: &str = "docker-credential-";
/// The user's name that stands for an identity token.
const IDENTITY: &str = "<token>";
/// What the programs print when they have nothing; every one of them is made with the library that says so.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// A program that keeps credentials.
#[derive(Debug)]
pub(super) struct Helper {
    program: String,
}

/// Why a program gave no credential. What it printed is not repeated, for it may be one.
#[derive(Debug, thiserror::Error)]
enum HelperError {
    #[error("it cannot be run")]
    NotRun(#[source] io::Error),
    #[error("it did not end within {HELPER_TIMEOUT:?}")]
    TimedOut,
    #[error("it printed more than {MAX_HELPER_OUTPUT} bytes")]
    TooMuch,
    #[error("it failed with {0}")]
    Failed(std::process::ExitStatus),
    #[error("what it printed is no credential")]
    Unreadable,
}

impl Helper {
    /// The program by the name that files call it.
    pub(super) fn new(name: &str) -> Result<Self, &'static str> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        match !name.is_empty() && name.chars().all(is_plain) {
            true => Ok(Self { program: format!("{PREFIX}{name}") }),
            false => Err("is no name of a program that keeps credentials"),
        }
    }

    /// Another program that is asked the same way.
    #[cfg(test)]
    pub(super) fn at(program: &std::path::Path) -> Self {
        Self { program: program.to_str().expect("temporary paths are UTF-8").to_owned() }
    }

    /// What it has for a server. That it has nothing is usual, and that it fails is logged.
    pub(super) async fn get(&self, server: &str) -> Option<Credential> {
        let called = if server == docker_hub::NAME { docker_hub::INDEX } else { server };
        let asked = timeout(HELPER_TIMEOUT, self.ask(called)).await;
        asked.unwrap_or(Err(HelperError::TimedOut)).unwrap_or_else(|error| {
            let (program, error) = (&self.program, lattice_protocol::error_chain(&error));
            tracing::warn!(program, server, error, "a program that keeps credentials has none to give");
            None
        })
    }

    async fn ask(&self, server: &str) -> Result<Option<Credential>, HelperError> {
        let mut running = self.start().map_err(HelperError::NotRun)?;
        let output = running.exchange(server).await?;
        let status = running.child.wait().await.map_err(HelperError::NotRun)?;
        match status.success() {
            true => read(&output).map(Some).ok_or(HelperError::Unreadable),
            false if output.trim_ascii() == NOT_FOUND.as_bytes() => Ok(None),
            false => Err(HelperError::Failed(status)),
        }
    }

    fn start(&self) -> io::Result<Running> {
        let mut command = Command::new(&self.program);
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Running { child, group })
    }
}

/// A program that runs. What is left of it, and what it started, ends when this goes.
struct Running {
    child: Child,
    group: Option<Pid>,
}

impl Running {
    /// Tells it the server and reads what it prints.
    async fn exchange(&mut self, server: &str) -> Result<Zeroizing<Vec<u8>>, HelperError> {
        let mut input = self.child.stdin.take().expect("it is a pipe");
        // One that does not read what it is asked for may answer all the same.
        let _ = input.write_all(server.as_bytes()).await;
        drop(input);
        // All at once, so that no copy is left behind when it grows.
        let mut output = Zeroizing::new(Vec::with_capacity(MAX_HELPER_OUTPUT as usize + 1));
        let stdout = self.child.stdout.take().expect("it is a pipe");
        stdout.take(MAX_HELPER_OUTPUT + 1).read_to_end(&mut output).await.map_err(HelperError::NotRun)?;
        match output.len() as u64 > MAX_HELPER_OUTPUT {
            true => Err(HelperError::TooMuch),
            false => Ok(output),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // As long as the program itself was not waited for the group's number belongs to nobody else.
        if let Some(group) = self.group.filter(|_| self.child.id().is_some()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn read(output: &[u8]) -> Option<Credential> {
    let mut answer: Value = serde_json::from_slice(output).ok()?;
    let mut text =
        |key| answer.get_mut(key).and_then(|value| value.as_str().map(str::to_owned).inspect(|_| wipe(value)));
    let (username, secret) = (text("Username")?, text("Secret")?);
    Some(match username.as_str() {
        IDENTITY => Credential::Identity(secret),
        _ => Credential::Basic { username, password: secret },
    })
}

fn wipe(value: &mut Value) {
    if let Value::String(text) = value {
        text.zeroize();
    }
}
