//! Programs under a guard: this binary is the guard, an owner to be killed, and the tests.

use std::{
    error::Error as _,
    fs,
    io::{BufRead, BufReader, Read as _},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use lattice_guard::{Guarded, GuardedCommand, Output, SpawnError, run_if_guard};
use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{io::AsyncReadExt as _, runtime::Runtime};

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(30);

/// A grace that no test uses up.
const LONG: Duration = Duration::from_secs(600);

/// First argument that makes this binary an owner, which runs a family of processes and waits to be killed.
const OWNER: &str = "__owner";

/// Prints the process ids of itself, a child, and a grandchild in a session of its own, all deaf to TERM and HUP. Each
/// sleeps in a loop, so that killing only its `sleep` does not end it.
const DEAF_FAMILY: &str = r#"
    trap '' TERM HUP
    echo $$
    setsid sh -c 'echo $$; sh -c "echo \$\$; while :; do sleep 600; done" & while :; do sleep 600; done' &
    while :; do sleep 600; done"#;

fn main() -> ExitCode {
    if let Some(code) = run_if_guard() {
        return code;
    }
    if std::env::args().nth(1).as_deref() == Some(OWNER) {
        return own_a_family();
    }
    libtest_mimic::run(&Arguments::from_args(), tests()).exit_code()
}

fn tests() -> Vec<Trial> {
    fn test(name: &str, body: fn()) -> Trial {
        Trial::test(name, move || {
            body();
            Ok::<(), Failed>(())
        })
    }
    vec![
        test("a_killed_owner_leaves_nobody", a_killed_owner_leaves_nobody),
        test("a_dropped_owner_leaves_nobody", a_dropped_owner_leaves_nobody),
        test("a_stop_ends_the_deaf_too", a_stop_ends_the_deaf_too),
        test("a_stop_lets_the_program_end", a_stop_lets_the_program_end),
        test("the_leftovers_of_a_program_are_killed", the_leftovers_of_a_program_are_killed),
        test("the_exit_status_is_reported", the_exit_status_is_reported),
        test("a_killed_guard_takes_the_program_along", a_killed_guard_takes_the_program_along),
        test("a_signal_to_the_guard_is_an_orderly_stop", a_signal_to_the_guard_is_an_orderly_stop),
        test("the_program_gets_its_surroundings", the_program_gets_its_surroundings),
        test("a_large_input_arrives_whole", a_large_input_arrives_whole),
        test("a_limit_of_memory_is_kept", a_limit_of_memory_is_kept),
        test("what_cannot_start_says_why", what_cannot_start_says_why),
        test("a_binary_that_is_no_guard_is_named", a_binary_that_is_no_guard_is_named),
        test("a_lock_is_held_until_everybody_is_gone", a_lock_is_held_until_everybody_is_gone),
        test("debug_shows_no_secrets", debug_shows_no_secrets),
    ]
}

fn own_a_family() -> ExitCode {
    run(async {
        let _family = Guarded::spawn(shell(DEAF_FAMILY).stderr(Output::Null)).await.expect("the shell starts");
        std::future::pending().await
    })
}

fn a_killed_owner_leaves_nobody() {
    let this = std::env::current_exe().expect("this binary has a path");
    let mut owner = Command::new(this).arg(OWNER).stdout(Stdio::piped()).spawn().expect("the owner starts");
    let output = owner.stdout.take().expect("the output is a pipe");
    let family: Vec<u32> = BufReader::new(output).lines().take(3).map(|line| pid(&line.expect("a line"))).collect();
    let guard = parent(family[0]);
    owner.kill().expect("the owner can be killed");
    owner.wait().expect("a child can be waited for");
    expect_gone(&family);
    expect_gone(&[guard]);
}

fn a_dropped_owner_leaves_nobody() {
    run(async {
        let (guarded, family) = family().await;
        drop(guarded);
        expect_gone(&family);
    });
}

fn a_stop_ends_the_deaf_too() {
    run(async {
        let (mut guarded, family) = family().await;
        let status = guarded.stop(Duration::from_millis(20)).await.expect("the guard lives");
        assert_eq!(signal(status), Some(9));
        assert!(!family.iter().any(|pid| alive(*pid)), "they are gone when the stop returns");
    });
}

fn a_stop_lets_the_program_end() {
    run(async {
        let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
        let mut guarded = Guarded::spawn(shell(script).stdout(Output::Piped)).await.expect("the shell starts");
        read_line(&mut guarded).await;
        let status = guarded.stop(LONG).await.expect("the guard lives");
        assert_eq!(status.code(), Some(7));
        let again = guarded.stop(LONG).await.expect("the status is remembered");
        assert_eq!(again.code(), Some(7));
    });
}

fn the_leftovers_of_a_program_are_killed() {
    run(async {
        let script = "setsid sleep 600 & echo $!; exit 3";
        let mut guarded = Guarded::spawn(shell(script).stdout(Output::Piped)).await.expect("the shell starts");
        let leftover = pid(&read_line(&mut guarded).await);
        let status = guarded.wait().await.expect("the guard lives");
        assert_eq!(status.code(), Some(3));
        assert!(!alive(leftover), "it is gone when the wait returns");
    });
}

fn the_exit_status_is_reported() {
    run(async {
        for (script, code, killed_by) in
            [("exit 0", Some(0), None), ("exit 3", Some(3), None), ("kill -6 $$", None, Some(6))]
        {
            let mut guarded = Guarded::spawn(shell(script)).await.expect("the shell starts");
            let status = guarded.wait().await.expect("the guard lives");
            assert_eq!((status.code(), signal(status)), (code, killed_by), "{script}");
        }
    });
}

fn a_killed_guard_takes_the_program_along() {
    run(async {
        let mut guarded = Guarded::spawn(GuardedCommand::new("sleep").arg("600")).await.expect("sleep starts");
        send(parent(guarded.pid()), Signal::KILL);
        let lost = guarded.wait().await.expect_err("nobody knows the status");
        assert_eq!(lost.pid, guarded.pid());
        expect_gone(&[guarded.pid()]);
    });
}

fn a_signal_to_the_guard_is_an_orderly_stop() {
    run(async {
        let script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done";
        let mut guarded = Guarded::spawn(shell(script).stdout(Output::Piped)).await.expect("the shell starts");
        read_line(&mut guarded).await;
        send(parent(guarded.pid()), Signal::TERM);
        let status = guarded.wait().await.expect("the guard lives");
        assert_eq!(status.code(), Some(5));
    });
}

fn the_program_gets_its_surroundings() {
    run(async {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().canonicalize().expect("it exists");
        let command = GuardedCommand::new("/bin/sh")
            .args(["-c", "read -r line; pwd; echo \"$A/${HOME-none}/$line\"; echo problem >&2"])
            .env_clear()
            .env("A", "a value")
            .directory(&path)
            .stdin("told\n")
            .stdout(Output::Piped)
            .stderr(Output::File(fs::File::create(path.join("errors")).expect("the directory can be written")));
        let mut guarded = Guarded::spawn(command).await.expect("the shell starts");
        let mut printed = String::new();
        let mut stdout = guarded.take_stdout().expect("the output is piped");
        stdout.read_to_string(&mut printed).await.expect("it can be read");
        assert_eq!(printed, format!("{}\na value/none/told\n", path.display()));
        assert!(guarded.wait().await.expect("the guard lives").success());
        let errors = fs::read_to_string(path.join("errors")).expect("the file is there");
        assert_eq!(errors, "problem\n");
    });
}

fn a_large_input_arrives_whole() {
    run(async {
        let command = shell("wc -c").stdin(vec![b'x'; 1_000_000]).stdout(Output::Piped);
        let mut guarded = Guarded::spawn(command).await.expect("the shell starts");
        assert_eq!(read_line(&mut guarded).await.trim(), "1000000");
    });
}

fn a_limit_of_memory_is_kept() {
    run(async {
        let hoard = "x=$(head -c 100000000 /dev/zero | tr '\\0' x); exit 0";
        for (limit, is_enough) in [(32 << 20, false), (2 << 30, true)] {
            let command = shell(hoard).memory(limit).stderr(Output::Null);
            let mut guarded = Guarded::spawn(command).await.expect("the shell starts");
            let status = guarded.wait().await.expect("the guard lives");
            assert_eq!(status.success(), is_enough, "{limit} bytes: {status}");
        }
    });
}

fn what_cannot_start_says_why() {
    run(async {
        let error = Guarded::spawn(GuardedCommand::new("/nowhere/program")).await.expect_err("there is none");
        assert_eq!(error.to_string(), "`/nowhere/program` could not be started");
        let cause = error.source().expect("there is a cause").to_string();
        assert!(cause.starts_with("No such file or directory"), "{cause}");

        let error = Guarded::spawn(shell("true").directory("/nowhere")).await.expect_err("there is none");
        assert!(matches!(error, SpawnError::Directory { .. }), "{error:?}");
        let error = Guarded::spawn(shell("true").lock("/nowhere/lock")).await.expect_err("there is none");
        assert!(matches!(error, SpawnError::Lock { .. }), "{error:?}");
        let error = Guarded::spawn(shell("true").exe("/nowhere/guard")).await.expect_err("there is none");
        assert!(matches!(error, SpawnError::Guard { .. }), "{error:?}");
    });
}

fn a_binary_that_is_no_guard_is_named() {
    run(async {
        let error = Guarded::spawn(shell("true").exe("/bin/true")).await.expect_err("it is no guard");
        assert_eq!(error.to_string(), "/bin/true did not act as a guard");
    });
}

fn a_lock_is_held_until_everybody_is_gone() {
    run(async {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let lock = directory.path().join("lock");
        let sleeper = || GuardedCommand::new("sleep").arg("600").lock(&lock);
        let mut first = Guarded::spawn(sleeper()).await.expect("sleep starts");
        let error = Guarded::spawn(sleeper()).await.expect_err("the lock is held");
        assert!(matches!(error, SpawnError::Locked { ref path } if *path == lock), "{error:?}");
        first.stop(LONG).await.expect("the guard lives");
        Guarded::spawn(sleeper()).await.expect("the lock is free");
    });
}

fn debug_shows_no_secrets() {
    let command = shell("true").env("TOKEN", "secret").stdin("secret");
    assert!(!format!("{command:?}").contains("secret"));
}

fn run<T>(body: impl Future<Output = T>) -> T {
    Runtime::new().expect("a runtime can be made").block_on(body)
}

fn shell(script: &str) -> GuardedCommand {
    GuardedCommand::new("/bin/sh").args(["-c", script])
}

async fn family() -> (Guarded, Vec<u32>) {
    let mut guarded =
        Guarded::spawn(shell(DEAF_FAMILY).stderr(Output::Null).stdout(Output::Piped)).await.expect("the shell starts");
    let mut family = Vec::new();
    let mut stdout = guarded.take_stdout().expect("the output is piped");
    while family.len() < 3 {
        family.push(pid(&line(&mut stdout).await));
    }
    (guarded, family)
}

async fn read_line(guarded: &mut Guarded) -> String {
    line(&mut guarded.take_stdout().expect("the output is piped")).await
}

async fn line(output: &mut tokio::process::ChildStdout) -> String {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(output.read_u8().await.expect("a line is printed"));
    }
    String::from_utf8(line).expect("it is text")
}

fn pid(line: &str) -> u32 {
    line.trim().parse().expect("a process id is printed")
}

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().expect("process ids are small")).expect("process ids are not zero");
    kill_process(pid, signal).expect("the process is there");
}

fn signal(status: std::process::ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

fn stat(pid: u32) -> Option<(char, u32)> {
    let mut stat = String::new();
    fs::File::open(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?.read_to_string(&mut stat).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn parent(pid: u32) -> u32 {
    stat(pid).expect("the process is there").1
}

/// Whether it runs: a process that has ended and is not reaped yet does not.
fn alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

fn expect_gone(pids: &[u32]) {
    let deadline = Instant::now() + DEADLINE;
    while let Some(left) = pids.iter().find(|pid| alive(**pid)) {
        assert!(Instant::now() < deadline, "process {left} is still there");
        std::thread::yield_now();
    }
}
