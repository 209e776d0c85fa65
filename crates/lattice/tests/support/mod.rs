//! The real binary in a clean home directory, and what it printed.
#![allow(dead_code, unused_imports, reason = "each test file uses its own part of this")]

pub(crate) mod host;
pub(crate) mod http;
mod provider;
mod run;
mod up;

use std::{
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;
use tokio::process::Command;

pub(crate) use provider::{CONTRACT, MUTE, archive};
pub(crate) use run::Outcome;
pub(crate) use up::{Daemon, is_alive, until_gone};

/// How long anything may take. It takes a second or two; the rest is for a machine full of tests.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// A module that is valid and does nothing: it has no `__guest_call`.
pub(crate) const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A home directory of its own, and an environment that holds nothing else.
pub(crate) struct Home {
    directory: TempDir,
    nats_server: PathBuf,
}

impl Home {
    /// An empty one.
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        Self { directory, nats_server: lattice_testkit::nats_binary().await.to_owned() }
    }

    /// A path below it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The usual data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path(".local/share/lattice")
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it has a parent")).expect("the home can be written");
        fs::write(&path, bytes).expect("the home can be written");
        shown(&path)
    }

    /// The program, ready to be started in the home directory.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.shell_command(env!("CARGO_BIN_EXE_lattice"));
        command.args(arguments);
        command
    }

    /// Another program in the same environment.
    pub(crate) fn shell_command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", self.directory.path());
        command.env("LATTICE_NATS_SERVER", &self.nats_server).current_dir(self.directory.path());
        command.kill_on_drop(true);
        command
    }

    /// Every process that runs with this home in its environment or on its command line: the program, what it started, and
    /// what stems from that as long as it hands on either.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let home = self.directory.path().as_os_str().as_bytes();
        let names_it = |file: PathBuf| holds(&fs::read(file).unwrap_or_default(), home);
        let entries = fs::read_dir("/proc").expect("the kernel tells its processes").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let told = |pid: &u32| ["environ", "cmdline"].map(|file| PathBuf::from(format!("/proc/{pid}/{file}")));
        pids.filter(|pid| told(pid).into_iter().any(names_it)).collect()
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command(arguments)).await
    }

    /// Runs the program with one more variable.
    pub(crate) async fn run_with(&self, (name, value): (&str, &str), arguments: &[&str]) -> Outcome {
        let mut command = self.command(arguments);
        command.env(name, value);
        Outcome::of(command).await
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A path as an argument.
pub(crate) fn shown(path: &Path) -> String {
    path.to_str().expect("temporary paths are UTF-8").to_owned()
}
