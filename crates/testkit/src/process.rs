//! A server's process, which does not outlive the test.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

/// Ends the server whose process id it is told when its input closes, which happens however this process ends.
const WATCHER: &str = "read -r server && { read -r _; kill -KILL \"$server\"; }";

/// The server's process and the shell that ends it should this process die. Both end on drop, and are reaped.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) server: Child,
    watcher: Child,
}

impl Process {
    /// Both are in process groups of their own: a terminal's Ctrl-C is for the test, which then ends them.
    pub(crate) fn start(mut command: Command, log: &Path) -> io::Result<Self> {
        let watcher = watcher()?;
        let log = File::create(log)?;
        command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut process = Self { server: command.spawn()?, watcher };
        let told = process.watcher.stdin.as_mut().expect("the watcher's input is a pipe");
        writeln!(told, "{}", process.server.id())?;
        Ok(process)
    }
}

fn watcher() -> io::Result<Child> {
    Command::new("/bin/sh").args(["-c", WATCHER]).process_group(0).stdin(Stdio::piped()).spawn()
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.watcher.kill();
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = self.watcher.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_the_watchers_input_ends_the_server() {
        let mut sleeper = Command::new("sleep").arg("600").spawn().expect("sleep starts");
        let mut watcher = watcher().expect("the shell starts");
        let mut input = watcher.stdin.take().expect("the watcher's input is a pipe");
        writeln!(input, "{}", sleeper.id()).expect("the watcher reads");
        drop(input);
        let status = sleeper.wait().expect("a child can be waited for");
        assert!(!status.success());
        watcher.wait().expect("a child can be waited for");
    }
}
