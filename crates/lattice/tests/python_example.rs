//! The example in `examples/python`, run as its users run it: a Python interpreter, two packages and a host.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{self, Command},
    time::{Duration, SystemTime},
};

use lattice_claims::{AccountSeed, ModuleSeed, NewModuleClaims, sign_module};
use lattice_guard::{Guarded, GuardedCommand, Output};
use lattice_testkit::{NatsServer, cache_dir, eventually};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// How long a host may take to answer; it takes well under a second on an idle machine.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// What the host logs, in the test's directory.
const LOG: &str = "host.log";

#[tokio::test]
async fn the_example_steers_a_host_in_every_form() {
    let lab = Lab::start().await;
    let module = lab.signed_module();
    for (encoding, spelling) in [("msgpack", "camel"), ("msgpack", "snake"), ("json", "snake"), ("json", "camel")] {
        let output = lab.run(&["--actor", &module, "--encoding", encoding, "--spelling", spelling]);
        let (told, complaint) = texts(&output);
        assert!(output.status.success(), "{encoding} {spelling}: {complaint}\n{told}");
        let steps: Vec<&str> = told.lines().filter_map(|line| line.split_once(':')).map(|(step, _)| step).collect();
        assert_eq!(steps, ["hosts", "inventory", "started", "scaled", "stopped"], "{encoding} {spelling}: {told}");
        // Each run stops what it started, so that the next finds nothing.
        assert!(told.contains(", actors: 0\n"), "{encoding} {spelling}: {told}");
    }
}

#[tokio::test]
async fn the_example_tells_why_a_step_failed() {
    let lab = Lab::start().await;
    let missing = format!("file://{}", lab.path("missing.wasm").display());
    lab.expect_failure(&["--actor", &missing], "the host could not do it: cannot fetch");
    lab.expect_failure(&["--actor", "no reference at all"], "la was refused: ");
    lab.expect_failure(&["--actor", &missing, "--lattice", "elsewhere"], "no host answers in lattice elsewhere");
}

/// A host on a server of its own, and all that the example needs. Everything ends with this value and with this process.
struct Lab {
    host: Guarded,
    nats: NatsServer,
    packages: PathBuf,
    directory: TempDir,
}

impl Lab {
    async fn start() -> Self {
        let packages = packages();
        let nats = NatsServer::start().await;
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let host = Guarded::spawn(host(&nats.url(), directory.path())).await.expect("the host starts");
        let mut lab = Self { host, nats, packages, directory };
        lab.wait_for_host().await;
        lab
    }

    /// A host that ends has failed, and its log says why.
    async fn wait_for_host(&mut self) {
        let client = self.nats.client().await;
        let answers = eventually("the host answers", START_DEADLINE, async || {
            client.request("wasmbus.ctl.default.ping.hosts", "".into()).await.ok()
        });
        tokio::select! {
            _ = answers => {}
            ended = self.host.wait() => panic!("the host ended ({ended:?}):\n{}", self.log()),
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path(LOG)).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The reference of the demo actor, signed with keys of this test.
    fn signed_module(&self) -> String {
        let module = fs::read(repository().join("guests/built/hello.wasm")).expect("the demo actor is committed");
        let claims = NewModuleClaims::new(ModuleSeed::generate().public(), SystemTime::now());
        let signed = sign_module(&module, &claims, &AccountSeed::generate()).expect("the demo actor can be signed");
        let path = self.path("hello.wasm");
        fs::write(&path, signed).expect("the test's directory can be written");
        format!("file://{}", path.display())
    }

    fn run(&self, arguments: &[&str]) -> process::Output {
        let mut python = Command::new("python3");
        python.arg(repository().join("examples/python/control.py")).args(["--url", &self.nats.url()]).args(arguments);
        // Without caches of byte code, for the sources shall stay as they are.
        python.env("PYTHONPATH", &self.packages).env("PYTHONDONTWRITEBYTECODE", "1");
        python.output().expect("python3 starts")
    }

    #[track_caller]
    fn expect_failure(&self, arguments: &[&str], reason: &str) {
        let output = self.run(arguments);
        let (told, complaint) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{told}{complaint}");
        assert!(complaint.starts_with("control.py: ") && complaint.contains(reason), "{complaint}");
    }
}

/// The environment is cleared, so that no setting of whoever runs the tests reaches the host.
fn host(nats_url: &str, directory: &Path) -> GuardedCommand {
    let log = File::create(directory.join(LOG)).expect("the test's directory can be written");
    GuardedCommand::new(env!("CARGO_BIN_EXE_lattice"))
        .exe(env!("CARGO_BIN_EXE_lattice"))
        .args(["host", "--allow-file", "--nats-url", nats_url, "--data-dir"])
        .arg(directory.join("data"))
        .env_clear()
        .env("HOME", directory)
        .stderr(Output::File(log))
}

/// The packages of `requirements.txt`, installed once for all tests of this machine.
///
/// Who comes first among several is the one whose directory stays; each installs into one of its own first.
fn packages() -> PathBuf {
    let requirements = repository().join("examples/python/requirements.txt");
    let place = cache_dir().join("python");
    let packages = place.join(packages_name(&requirements));
    if packages.exists() {
        return packages;
    }
    fs::create_dir_all(&place).expect("the test cache can be written");
    let unfinished = tempfile::tempdir_in(&place).expect("the test cache can be written");
    let mut install = Command::new("python3");
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--target"]);
    let output =
        install.arg(unfinished.path()).arg("--requirement").arg(&requirements).output().expect("python3 starts");
    assert!(output.status.success(), "pip cannot install the example's packages: {}", texts(&output).1);
    if fs::rename(unfinished.path(), &packages).is_err() {
        assert!(packages.exists(), "the packages cannot be moved to {}", packages.display());
    }
    packages
}

/// Other requirements and other interpreters need other packages.
fn packages_name(requirements: &Path) -> String {
    let text = fs::read(requirements).expect("the example has requirements");
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(text)[..8]);
    let tag = Command::new("python3").args(["-c", "import sys; print(sys.implementation.cache_tag)"]).output();
    let tag = texts(&tag.expect("python3 starts")).0;
    format!("{}-{digest}", tag.trim())
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn texts(output: &process::Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}
