//! Programs that run until they are told to stop.

use std::{fs, path::Path, process::Stdio};

use lattice_testkit::eventually;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time,
};

use super::{DEADLINE, Home};

/// A running `up` or `host`. It is killed when this is dropped, and what it started with it.
pub(crate) struct Daemon {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Daemon {
    /// Starts a program.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("it is a pipe");
        Self { child, lines: BufReader::new(stdout).lines() }
    }

    /// Starts `up` and waits until it is ready; returns what it said then.
    pub(crate) async fn up(home: &Home, arguments: &[&str]) -> (Self, Value) {
        let mut command = home.command(&["up", "-o", "json"]);
        command.args(arguments);
        let mut daemon = Self::start(command);
        let line = daemon.line().await.expect("it says that it is ready");
        let ready: Value = serde_json::from_str(&line).expect("a line is a document");
        assert!(ready["ready"].is_object(), "{ready}");
        (daemon, ready["ready"].clone())
    }

    /// The next line that it prints.
    pub(crate) async fn line(&mut self) -> Option<String> {
        time::timeout(DEADLINE, self.lines.next_line()).await.expect("a line comes in time").expect("it is text")
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it was not waited for")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed()).expect("it is a process id");
        kill_process(pid, signal).expect("the process takes signals");
    }

    /// Waits for its end; returns its exit code.
    pub(crate) async fn end(&mut self) -> Option<i32> {
        let status = time::timeout(DEADLINE, self.child.wait()).await.expect("it ends in time");
        status.expect("a child can be waited for").code()
    }

    /// It and every process that it has started, so far.
    pub(crate) fn family(&self) -> Vec<u32> {
        let mut family = vec![self.pid()];
        let mut next = 0;
        while let Some(parent) = family.get(next).copied() {
            family.extend(children(parent));
            next += 1;
        }
        family
    }
}

impl Daemon {
    /// Kills the process that is one of the program's own providers.
    pub(crate) fn kill_provider(&self, name: &str) {
        let is_it = |pid: &u32| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
            words.get(1).copied() == Some(b"__provider") && words.get(2).copied() == Some(name.as_bytes())
        };
        let pid = self.family().into_iter().find(is_it).expect("the provider is a process of its own");
        let pid = Pid::from_raw(pid.cast_signed()).expect("a process id");
        kill_process(pid, Signal::KILL).expect("it runs");
    }
}

/// Waits until none of these processes is left.
pub(crate) async fn until_gone(family: &[u32]) {
    eventually("the processes are gone", DEADLINE, async || family.iter().all(|pid| !is_alive(*pid)).then_some(()))
        .await;
}

/// Whether a process runs; one that only waits to be reaped does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

fn children(parent: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let listed = tasks.map(|task| read_children(&task.path()));
    listed.flatten().collect()
}

fn read_children(task: &Path) -> Vec<u32> {
    let text = fs::read_to_string(task.join("children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
