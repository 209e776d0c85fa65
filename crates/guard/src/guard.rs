//! The guard's own process: starts the program, waits for its end or the owner's, and leaves nothing behind.
//!
//! It has one thread. Everything it waits for, the owner, its children, signals and the clock, meets in one loop.

use std::{
    env::ArgsOs,
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    os::{
        fd::AsFd,
        unix::{net::UnixStream as StdUnixStream, process::CommandExt},
    },
    path::PathBuf,
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::ChildStdin,
    runtime::Builder,
    signal::unix::{Signal as Signals, SignalKind, signal},
    time::{self, Instant},
};

use crate::{
    defaults::{FIRST_KILL_PAUSE, LAST_KILL_PAUSE, LOCK_DEADLINE, LOCK_PAUSE, SIGNAL_GRACE},
    descendants::{self, Reaped},
    wire::{Order, Report, Step},
};

/// Exit code for a command line or an input that is not an owner's.
const USAGE: u8 = 64;

/// What the command line asks for: `[--lock FILE] [--directory DIR] [--memory BYTES] -- PROGRAM [ARGUMENT]...`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Task {
    lock: Option<PathBuf>,
    directory: Option<PathBuf>,
    memory: Option<u64>,
    program: OsString,
    arguments: Vec<OsString>,
}

/// Why the program was not started.
struct Failure {
    step: Step,
    error: io::Error,
}

/// Runs the guard to its end.
pub(crate) fn run(arguments: std::iter::Skip<ArgsOs>) -> ExitCode {
    let Some(task) = Task::parse(arguments) else {
        return ExitCode::from(USAGE);
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(serve(task))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(USAGE),
    }
}

/// Fails only if there is no owner to talk to.
async fn serve(task: Task) -> io::Result<()> {
    let socket = StdUnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    let (orders, reports) = UnixStream::from_std(socket)?.into_split();
    let mut owner = Owner { orders: BufReader::new(orders).lines(), reports };
    let input = owner.read_start().await?;
    match prepare(&task, &mut owner, input).await {
        Ok(Some(mut guard)) => guard.run(&mut owner).await,
        Ok(None) => {}
        Err(Failure { step, error }) => {
            let errno = error.raw_os_error().unwrap_or_default();
            owner.report(Report::Failed { step, errno }).await;
        }
    }
    Ok(())
}

/// Everything up to the running program; none if the owner went away first.
async fn prepare(task: &Task, owner: &mut Owner, input: Vec<u8>) -> Result<Option<Guard>, Failure> {
    let setup = |error| Failure { step: Step::Setup, error };
    become_guard().map_err(setup)?;
    let child_signals = signal(SignalKind::child()).map_err(setup)?;
    let end_signals = EndSignals::new().map_err(setup)?;
    // Both arms only read or poll, so the one that is given up loses nothing.
    let lock = tokio::select! {
        lock = take_lock(task) => lock?,
        _ = owner.next() => return Ok(None),
    };
    let program = task.start(input)?;
    Ok(Some(Guard { program, child_signals, end_signals, status: None, _lock: lock }))
}

/// A session of its own keeps a terminal's signals away; a subreaper inherits the orphans among its descendants.
fn become_guard() -> io::Result<()> {
    rustix::process::setsid()?;
    #[cfg(target_os = "linux")]
    {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        rustix::thread::set_name(c"lattice-guard")?;
    }
    Ok(())
}

async fn take_lock(task: &Task) -> Result<Option<File>, Failure> {
    let Some(path) = &task.lock else { return Ok(None) };
    let broken = |error| Failure { step: Step::Lock, error };
    let file = File::options().create(true).append(true).open(path).map_err(broken)?;
    let deadline = Instant::now() + LOCK_DEADLINE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(broken(error)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => time::sleep(LOCK_PAUSE).await,
            Err(error) => return Err(Failure { step: Step::Locked, error: error.into() }),
        }
    }
}

impl Task {
    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut task = Self::default();
        loop {
            match arguments.next()?.to_str()? {
                "--lock" => task.lock = Some(arguments.next()?.into()),
                "--directory" => task.directory = Some(arguments.next()?.into()),
                "--memory" => task.memory = Some(arguments.next()?.to_str()?.parse().ok()?),
                "--" => break,
                _ => return None,
            }
        }
        task.program = arguments.next()?;
        task.arguments = arguments.collect();
        Some(task)
    }

    /// Starts the program and a task that feeds it its input.
    fn start(&self, input: Vec<u8>) -> Result<Pid, Failure> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).process_group(0);
        command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
        if let Some(directory) = &self.directory {
            fs::read_dir(directory).map_err(|error| Failure { step: Step::Directory, error })?;
            command.current_dir(directory);
        }
        die_with_guard(&mut command);
        if let Some(bytes) = self.memory {
            limit_memory(&mut command, bytes);
        }
        let mut child = command.spawn().map_err(|error| Failure { step: Step::Program, error })?;
        if let Err(error) = feed(&mut child, input) {
            let _ = child.kill().and_then(|()| child.wait());
            return Err(Failure { step: Step::Program, error });
        }
        Ok(Pid::from_child(&child))
    }
}

/// Should the guard itself be killed, its last act is that the system kills the program.
#[cfg(target_os = "linux")]
fn die_with_guard(command: &mut Command) {
    let guard = rustix::process::getpid();
    let ask_to_be_killed = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // A guard that has already gone sends no signal.
        match rustix::process::getppid() {
            Some(parent) if parent == guard => Ok(()),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    };
    // SAFETY: between fork and exec the closure makes two system calls; it neither allocates nor takes a lock.
    unsafe { command.pre_exec(ask_to_be_killed) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_guard(_: &mut Command) {}

/// The guard itself keeps the limits that it has.
fn limit_memory(command: &mut Command, bytes: u64) {
    let limit = move || {
        let most = getrlimit(Resource::Data).maximum.map_or(bytes, |most| most.min(bytes));
        setrlimit(Resource::Data, Rlimit { current: Some(most), maximum: Some(most) })?;
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes two system calls; it neither allocates nor takes a lock.
    unsafe { command.pre_exec(limit) };
}

fn feed(child: &mut Child, input: Vec<u8>) -> io::Result<()> {
    let Some(pipe) = child.stdin.take() else { return Ok(()) };
    let mut pipe = ChildStdin::from_std(pipe)?;
    tokio::spawn(async move { pipe.write_all(&input).await });
    Ok(())
}

/// The other end of the socket.
struct Owner {
    orders: Lines<BufReader<OwnedReadHalf>>,
    reports: OwnedWriteHalf,
}

impl Owner {
    /// The input in the first order.
    async fn read_start(&mut self) -> io::Result<Vec<u8>> {
        let Some(Order::Start { input: length }) = self.next().await else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut input = vec![0; length];
        self.orders.get_mut().read_exact(&mut input).await?;
        Ok(input)
    }

    /// The next order; none if the owner is gone, or says what no owner says. Cancel-safe.
    async fn next(&mut self) -> Option<Order> {
        Order::from_line(&self.orders.next_line().await.ok()??)
    }

    /// An owner that is gone needs no report.
    async fn report(&mut self, report: Report) {
        let _ = self.reports.write_all(report.to_line().as_bytes()).await;
    }
}

/// The signals by which somebody asks this process to end.
struct EndSignals {
    hangup: Signals,
    interrupt: Signals,
    terminate: Signals,
}

impl EndSignals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Until one of them arrives. Cancel-safe.
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.hangup.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The guard once the program runs.
struct Guard {
    program: Pid,
    child_signals: Signals,
    end_signals: EndSignals,
    /// How the program ended.
    status: Option<i32>,
    _lock: Option<File>,
}

impl Guard {
    async fn run(&mut self, owner: &mut Owner) {
        let pid = self.program.as_raw_pid().unsigned_abs();
        owner.report(Report::Started { pid }).await;
        self.attend(owner).await;
        self.report_exit(owner).await;
        self.end_all().await;
        self.report_exit(owner).await;
    }

    /// Until the program has ended, the owner is gone, or the grace of an orderly stop is over.
    async fn attend(&mut self, owner: &mut Owner) {
        let mut deadline = None;
        while self.reap_all() && self.status.is_none() {
            // Every arm only receives, so those that are given up lose nothing.
            tokio::select! {
                _ = self.child_signals.recv() => {}
                order = owner.next() => match order {
                    Some(Order::Stop { grace }) => deadline = Some(self.ask_to_end(grace)),
                    _ => return,
                },
                () = self.end_signals.recv() => deadline = Some(self.ask_to_end(SIGNAL_GRACE)),
                () = until(deadline) => return,
            }
        }
    }

    fn ask_to_end(&self, grace: Duration) -> Instant {
        let _ = kill_process(self.program, Signal::TERM);
        Instant::now() + grace
    }

    /// Kills until nobody is left.
    async fn end_all(&mut self) {
        let mut pause = FIRST_KILL_PAUSE;
        loop {
            descendants::kill(self.program);
            if !self.reap_all() {
                return;
            }
            let _ = time::timeout(pause, self.child_signals.recv()).await;
            pause = (pause * 2).min(LAST_KILL_PAUSE);
        }
    }

    /// Reaps every child that has ended, and tells whether any are left.
    fn reap_all(&mut self) -> bool {
        loop {
            match descendants::reap() {
                Reaped::Child(pid, status) if pid == self.program => self.status = Some(status),
                Reaped::Child(..) => {}
                Reaped::NoneEnded => return true,
                Reaped::NoneLeft => return false,
            }
        }
    }

    /// Reports the end of the program, once.
    async fn report_exit(&mut self, owner: &mut Owner) {
        if let Some(status) = self.status.take() {
            owner.report(Report::Exited { status }).await;
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Option<Task> {
        Task::parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn reads_the_command_line() {
        let options = ["--lock", "l", "--directory", "d", "--memory", "7"];
        let task = parse(&[&options[..], &["--", "sh", "--lock", "--"]].concat()).unwrap();
        assert_eq!((task.lock, task.directory, task.memory), (Some("l".into()), Some("d".into()), Some(7)));
        assert_eq!((task.program, task.arguments), ("sh".into(), vec!["--lock".into(), "--".into()]));
    }

    #[test]
    fn refuses_what_is_not_an_owners_command_line() {
        for bad in [
            &[][..],
            &["--"],
            &["sh"],
            &["--lock"],
            &["--lock", "l"],
            &["--memory", "all", "--", "sh"],
            &["-x", "--", "sh"],
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
