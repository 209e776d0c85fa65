//! Finds `docker-registry`, or gets it out of Debian's package without installing it.

use std::{
    env, fs,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tokio::{sync::OnceCell, task};

use crate::cache_dir;

/// The environment variable that names the registry to use.
pub const DOCKER_REGISTRY_VARIABLE: &str = "LATTICE_DOCKER_REGISTRY";

const NAME: &str = "docker-registry";

/// Lists and packages in a directory of their own, so that neither root is needed nor anything on the machine changes: commands
/// that the machine has set for after an update are about its own lists.
const APT: &str = r#"
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
"#;

/// A usable `docker-registry`: the one that [`DOCKER_REGISTRY_VARIABLE`] names, else the one on the `PATH`, else the one in the
/// test cache, which is provisioned if it is not there.
///
/// # Panics
/// If there is none.
pub(super) async fn docker_registry() -> &'static Path {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    let found = BINARY.get_or_init(|| async {
        let found = task::spawn_blocking(find_or_provision).await.expect("looking for a program does not panic");
        found.unwrap_or_else(|error| {
            panic!(
                "no {NAME}: {DOCKER_REGISTRY_VARIABLE} is not set, there is none on the PATH, and Debian's package could not be \
                 unpacked into {}: {error}\nInstall the package {NAME}, or name a binary with {DOCKER_REGISTRY_VARIABLE}.",
                directory().display()
            )
        })
    });
    found.await
}

fn find_or_provision() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(DOCKER_REGISTRY_VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(named.into());
    }
    match on_path() {
        Some(found) => Ok(found),
        None => in_cache(),
    }
}

fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(NAME)).find(|file| file.is_file())
}

fn directory() -> PathBuf {
    cache_dir().join(NAME)
}

/// Tests of other processes wait while one provisions.
fn in_cache() -> Result<PathBuf, String> {
    let binary = directory().join(NAME);
    fs::create_dir_all(directory()).map_err(|error| error.to_string())?;
    let lock = File::create(directory().join(".lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if !binary.is_file() {
        provision(&binary)?;
    }
    Ok(binary)
}

fn provision(binary: &Path) -> Result<(), String> {
    let work = tempfile::tempdir_in(directory()).map_err(|error| error.to_string())?;
    prepare(work.path()).map_err(|error| error.to_string())?;
    let apt = || {
        let mut command = Command::new("apt-get");
        command.args(["--config-file", "apt.conf", "--quiet", "--assume-yes"]).current_dir(work.path());
        command
    };
    // Sources that cannot be reached are no matter, as long as one has the package.
    let updated = run(apt().arg("update"));
    run(apt().args(["download", NAME])).map_err(|error| match updated {
        Ok(()) => error,
        Err(before) => format!("{error}\n{before}"),
    })?;
    let package = package(work.path()).map_err(|error| error.to_string())?;
    run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(work.path().join("root")))?;
    fs::rename(work.path().join("root/usr/bin").join(NAME), binary).map_err(|error| error.to_string())
}

fn prepare(work: &Path) -> io::Result<()> {
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(work.join(folder))?;
    }
    let lists = format!("Dir::State::Lists {:?};\n", work.join("lists").display().to_string());
    let cache = format!("Dir::Cache {:?};\n", work.join("cache").display().to_string());
    fs::write(work.join("apt.conf"), [APT, &lists, &cache].concat())
}

fn package(work: &Path) -> io::Result<PathBuf> {
    for entry in fs::read_dir(work)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            return Ok(path);
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "apt-get downloaded no package"))
}

fn run(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let Output { status, stdout, stderr } = command.output().map_err(|error| format!("{shown}: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => {
            let said = [stdout, stderr].concat();
            Err(format!("{shown}: {status}\n{}", String::from_utf8_lossy(&said).trim()))
        }
    }
}
