//! The owner's side: describing the program, starting it under a guard, waiting for it and stopping it.

use std::{
    ffi::OsString,
    fmt,
    fs::File,
    io,
    mem::take,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream as StdUnixStream, process::ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, ChildStderr, ChildStdout, Command},
    time,
};

use crate::{
    ENTRY,
    defaults::{HANDSHAKE_DEADLINE, LOCK_DEADLINE},
    wire::{Order, Report, Step},
};

/// Where what a program prints goes.
#[derive(Debug, Default)]
pub enum Output {
    /// Where the owner's goes.
    #[default]
    Inherit,
    /// Nowhere.
    Null,
    /// Into a file.
    File(File),
    /// To the owner, who must read it: [`Guarded::take_stdout`] and [`Guarded::take_stderr`].
    Piped,
}

/// A program to run under a guard. `Debug` shows neither its environment nor its input.
#[must_use]
pub struct GuardedCommand {
    exe: Option<PathBuf>,
    program: OsString,
    arguments: Vec<OsString>,
    clear_environment: bool,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    lock: Option<PathBuf>,
    memory: Option<u64>,
    input: Vec<u8>,
    stdout: Output,
    stderr: Output,
}

/// Why a program does not run under a guard. Nothing was left running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The guard could not be started.
    #[error("the guard {} could not be started", exe.display())]
    Guard {
        /// The binary that was to be the guard.
        exe: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What was started does not behave as a guard: its `main` does not call [`crate::run_if_guard`], or it was killed.
    #[error("{} did not act as a guard", exe.display())]
    NoGuard {
        /// The binary that was to be the guard.
        exe: PathBuf,
    },
    /// The guard could not put itself in place.
    #[error("the guard could not be set up")]
    Setup(#[source] io::Error),
    /// The lock file cannot be used.
    #[error("the lock {} could not be taken", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("the lock {} is held by another process", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The program's directory cannot be entered.
    #[error("the directory {} cannot be entered", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The program could not be started.
    #[error("`{program}` could not be started")]
    Program {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The guard ended without telling how the program ended: somebody killed it.
///
/// On Linux the program itself was killed with it; its own children may be running.
#[derive(Debug, thiserror::Error)]
#[error("the guard of process {pid} was lost")]
pub struct GuardLost {
    /// The process id of the program.
    pub pid: u32,
}

impl GuardedCommand {
    /// A program, found on the `PATH` unless it is a path, which should be absolute.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            exe: None,
            program: program.into(),
            arguments: Vec::new(),
            clear_environment: false,
            environment: Vec::new(),
            directory: None,
            lock: None,
            memory: None,
            input: Vec::new(),
            stdout: Output::Inherit,
            stderr: Output::Inherit,
        }
    }

    /// The binary that is run as the guard. Default: this process's own, whose `main` must call [`crate::run_if_guard`].
    pub fn exe(mut self, exe: impl Into<PathBuf>) -> Self {
        self.exe = Some(exe.into());
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Gives the program only the variables set with [`GuardedCommand::env`], none of the owner's.
    pub fn env_clear(mut self) -> Self {
        self.clear_environment = true;
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The directory that the program runs in. Default: the owner's.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// A file, made if need be, that is locked before the program starts and until every process of it has ended, even if
    /// the owner ends before. It keeps two programs from working on the same things. A lock that is held is waited for,
    /// for a few seconds.
    pub fn lock(mut self, lock: impl Into<PathBuf>) -> Self {
        self.lock = Some(lock.into());
        self
    }

    /// The most bytes of memory that each process of it may have written to or reserved for writing; what asks for more is
    /// told that there is none. Linux counts all private writable memory, other systems the heap alone. Default: the
    /// owner's limit.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// What the program reads on its standard input, followed by the end of it. It may be secret: it does not appear on a
    /// command line. Default: nothing.
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Where the program's standard output goes.
    pub fn stdout(mut self, output: Output) -> Self {
        self.stdout = output;
        self
    }

    /// Where the program's standard error goes.
    pub fn stderr(mut self, output: Output) -> Self {
        self.stderr = output;
        self
    }
}

impl GuardedCommand {
    fn guard_exe(&self) -> Result<PathBuf, SpawnError> {
        let own = || own_exe().map_err(|source| SpawnError::Guard { exe: "this program".into(), source });
        self.exe.clone().map_or_else(own, Ok)
    }

    /// Until when the guard must have reported something.
    fn deadline(&self) -> Duration {
        let waiting = if self.lock.is_some() { LOCK_DEADLINE } else { Duration::ZERO };
        HANDSHAKE_DEADLINE + waiting
    }

    /// The guard inherits what the program is to inherit, but for its input, which is the socket to the owner.
    fn spawn_guard(&mut self, exe: &Path, socket: OwnedFd) -> io::Result<Child> {
        let mut guard = Command::new(exe);
        guard.arg0(std::env::current_exe().unwrap_or_else(|_| exe.to_owned()));
        guard.arg(ENTRY);
        for (option, value) in [("--lock", &self.lock), ("--directory", &self.directory)] {
            if let Some(value) = value {
                guard.arg(option).arg(value);
            }
        }
        if let Some(bytes) = self.memory {
            guard.arg("--memory").arg(bytes.to_string());
        }
        guard.arg("--").arg(&self.program).args(&self.arguments);
        if self.clear_environment {
            guard.env_clear();
        }
        guard.envs(self.environment.drain(..));
        guard.stdin(socket);
        guard.stdout(take(&mut self.stdout)).stderr(take(&mut self.stderr));
        guard.spawn()
    }

    fn failure(&self, step: Step, errno: i32) -> SpawnError {
        let source = io::Error::from_raw_os_error(errno);
        let path = |path: &Option<PathBuf>| path.clone().unwrap_or_default();
        match step {
            Step::Setup => SpawnError::Setup(source),
            Step::Lock => SpawnError::Lock { path: path(&self.lock), source },
            Step::Locked => SpawnError::Locked { path: path(&self.lock) },
            Step::Directory => SpawnError::Directory { path: path(&self.directory), source },
            Step::Program => SpawnError::Program { program: self.program.to_string_lossy().into_owned(), source },
        }
    }
}

/// On Linux the running binary stays reachable even after its file was replaced.
fn own_exe() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

fn socket_pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (owner, guard) = StdUnixStream::pair()?;
    owner.set_nonblocking(true)?;
    Ok((UnixStream::from_std(owner)?, guard.into()))
}

impl From<Output> for Stdio {
    fn from(output: Output) -> Self {
        match output {
            Output::Inherit => Self::inherit(),
            Output::Null => Self::null(),
            Output::File(file) => Self::from(file),
            Output::Piped => Self::piped(),
        }
    }
}

impl fmt::Debug for GuardedCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedCommand")
            .field("program", &self.program)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// A program that runs under a guard: neither it nor any descendant of it outlives this value.
///
/// Dropping it kills them all, soon after the drop. To see them gone, [`Guarded::stop`] them.
#[derive(Debug)]
pub struct Guarded {
    guard: Child,
    orders: OwnedWriteHalf,
    reports: Lines<BufReader<OwnedReadHalf>>,
    pid: u32,
    status: Option<ExitStatus>,
}

impl Guarded {
    /// Starts the program under a guard and returns once it runs.
    ///
    /// # Errors
    /// The guard or the program could not be started, or the lock is held. Nothing is left running.
    pub async fn spawn(command: GuardedCommand) -> Result<Self, SpawnError> {
        let mut command = command;
        let exe = command.guard_exe()?;
        let (socket, guard_socket) = socket_pair().map_err(SpawnError::Setup)?;
        let guard = command.spawn_guard(&exe, guard_socket);
        let guard = guard.map_err(|source| SpawnError::Guard { exe: exe.clone(), source })?;
        let (reports, orders) = socket.into_split();
        let reports = BufReader::new(reports).lines();
        let mut guarded = Self { guard, orders, reports, pid: 0, status: None };
        match time::timeout(command.deadline(), guarded.handshake(&command.input)).await {
            Ok(Some(Report::Started { pid })) => Ok(Self { pid, ..guarded }),
            Ok(Some(Report::Failed { step, errno })) => Err(command.failure(step, errno)),
            _ => {
                let _ = guarded.guard.start_kill();
                Err(SpawnError::NoGuard { exe })
            }
        }
    }

    /// Gives the guard its first order, and returns what it reports first.
    async fn handshake(&mut self, input: &[u8]) -> Option<Report> {
        let order = Order::Start { input: input.len() }.to_line();
        self.orders.write_all(order.as_bytes()).await.ok()?;
        self.orders.write_all(input).await.ok()?;
        Report::from_line(&self.reports.next_line().await.ok()??)
    }

    /// The process id of the program.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What the program and its descendants print on standard output, if it is [`Output::Piped`] and was not taken yet.
    /// It ends when they all have.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.guard.stdout.take()
    }

    /// The same for standard error.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.guard.stderr.take()
    }

    /// How the program ended, once it and all its descendants are gone. Cancel-safe.
    ///
    /// # Errors
    /// The guard was killed, so that nobody knows.
    pub async fn wait(&mut self) -> Result<ExitStatus, GuardLost> {
        while let Ok(Some(line)) = self.reports.next_line().await {
            if let Some(Report::Exited { status }) = Report::from_line(&line) {
                self.status = Some(ExitStatus::from_raw(status));
            }
        }
        let _ = self.guard.wait().await;
        self.status.ok_or(GuardLost { pid: self.pid })
    }

    /// Sends the program TERM, gives it the grace to end, kills what is left then, and returns how the program ended. With
    /// no grace it is killed at once.
    ///
    /// # Errors
    /// The guard was killed, so that nobody knows.
    pub async fn stop(&mut self, grace: Duration) -> Result<ExitStatus, GuardLost> {
        let order = Order::Stop { grace }.to_line();
        // A guard that does not hear it has ended, which the wait finds out.
        let _ = self.orders.write_all(order.as_bytes()).await;
        self.wait().await
    }
}
