//! The example in `examples/python`, run as its users run it: a Python interpreter, two packages and a host.

mod support;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

use lattice_claims::{AccountSeed, ModuleSeed, NewModuleClaims, sign_module};
use lattice_testkit::{NatsServer, cache_dir, eventually};
use sha2::{Digest, Sha256};
use support::{DEADLINE, Daemon, Home, Outcome};
use tokio::process::Command;

/// What the example tells, each at the start of a line.
const STEPS: [&str; 10] =
    ["hosts", "inventory", "labelled", "auction", "started", "scaled", "linked", "unlinked", "stopped", "operation"];

/// What the host logs, in its home.
const LOG: &str = "host.log";

#[tokio::test]
async fn the_example_steers_a_host_in_every_form() {
    let lab = Lab::start().await;
    let module = lab.signed_module();
    for (encoding, spelling) in [("msgpack", "camel"), ("msgpack", "snake"), ("json", "snake"), ("json", "camel")] {
        let outcome = lab.run(&["--actor", &module, "--encoding", encoding, "--spelling", spelling]).await;
        let told = outcome.done();
        let steps: Vec<&str> = told.lines().filter_map(|line| line.split_once(':')).map(|(step, _)| step).collect();
        assert_eq!(steps, STEPS, "{outcome:#?}");
        // Each run stops what it started, and removes what it set, so that the next finds nothing.
        let clean = [", actors: 0\n", "the best runs 0 instances", "{'some_key': 'some value'}\n", "unlinked: 0 links"];
        assert!(clean.iter().all(|text| told.contains(text)), "{outcome:#?}");
        assert!(told.ends_with(", running\n") && told.contains("operation: the start went accepted, "), "{outcome:#?}");
    }
}

#[tokio::test]
async fn the_example_tells_why_a_step_failed() {
    let lab = Lab::start().await;
    let missing = format!("file://{}", lab.home.path("missing.wasm").display());
    lab.expect_failure(&["--actor", &missing], "the host could not do it: cannot fetch").await;
    lab.expect_failure(&["--actor", "no reference at all"], "no host bids: `no reference at all` ").await;
    lab.expect_failure(&["--actor", &missing, "--lattice", "elsewhere"], "no host answers in lattice elsewhere").await;
}

/// A host on a server of its own, and all that the example needs.
struct Lab {
    home: Home,
    nats: NatsServer,
    packages: PathBuf,
    _host: Daemon,
}

impl Lab {
    async fn start() -> Self {
        let packages = packages().await;
        let (home, nats) = (Home::new().await, NatsServer::start().await);
        let log = File::create(home.path(LOG)).expect("the home can be written");
        let mut host = home.command(&["host", "--allow-file", "--nats-url", &nats.url()]);
        host.stderr(log);
        let mut host = Daemon::start(host);
        wait_for_host(&mut host, &nats, &home).await;
        Self { home, nats, packages, _host: host }
    }

    /// The reference of the demo actor, signed with keys of this test.
    fn signed_module(&self) -> String {
        let module = fs::read(repository().join("guests/built/hello.wasm")).expect("the demo actor is committed");
        let claims = NewModuleClaims::new(ModuleSeed::generate().public(), SystemTime::now());
        let signed = sign_module(&module, &claims, &AccountSeed::generate()).expect("the demo actor can be signed");
        format!("file://{}", self.home.file("hello.wasm", &signed))
    }

    async fn run(&self, arguments: &[&str]) -> Outcome {
        let mut python = self.home.shell_command("python3");
        python.arg(repository().join("examples/python/control.py")).args(["--url", &self.nats.url()]).args(arguments);
        // Without caches of byte code, for the sources shall stay as they are.
        python.env("PYTHONPATH", &self.packages).env("PYTHONDONTWRITEBYTECODE", "1");
        Outcome::of(python).await
    }

    async fn expect_failure(&self, arguments: &[&str], reason: &str) {
        let outcome = self.run(arguments).await;
        assert_eq!(outcome.code, Some(1), "{outcome:#?}");
        assert!(outcome.stderr.starts_with("control.py: ") && outcome.stderr.contains(reason), "{outcome:#?}");
    }
}

/// A host that ends instead of answering has failed, and its log says why.
async fn wait_for_host(host: &mut Daemon, nats: &NatsServer, home: &Home) {
    let client = nats.client().await;
    let answers = eventually("the host answers", DEADLINE, async || {
        client.request("wasmbus.ctl.default.ping.hosts", "".into()).await.ok()
    });
    // A host prints nothing, so that a line is none: the end of what it prints.
    tokio::select! {
        _ = answers => {}
        line = host.line() => {
            let log = fs::read_to_string(home.path(LOG)).unwrap_or_default();
            panic!("the host ended ({line:?}):\n{log}");
        }
    }
}

/// The packages of `requirements.txt`, installed once for all tests of this machine.
///
/// Who comes first among several is the one whose directory stays; each installs into one of its own first.
async fn packages() -> PathBuf {
    let requirements = repository().join("examples/python/requirements.txt");
    let place = cache_dir().join("python");
    let packages = place.join(packages_name(&requirements).await);
    if packages.exists() {
        return packages;
    }
    fs::create_dir_all(&place).expect("the test cache can be written");
    let unfinished = tempfile::tempdir_in(&place).expect("the test cache can be written");
    let mut install = Command::new("python3");
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]);
    install.arg("--target").arg(unfinished.path()).arg("--requirement").arg(&requirements);
    Outcome::of(install).await.done();
    if fs::rename(unfinished.path(), &packages).is_err() {
        assert!(packages.exists(), "the packages cannot be moved to {}", packages.display());
    }
    packages
}

/// Other requirements and other interpreters need other packages.
async fn packages_name(requirements: &Path) -> String {
    let text = fs::read(requirements).expect("the example has requirements");
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(text)[..8]);
    let mut python = Command::new("python3");
    python.args(["-c", "import sys; print(sys.implementation.cache_tag)"]);
    let tag = Outcome::of(python).await;
    format!("{}-{digest}", tag.done().trim())
}

fn repository() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo tells tests")).join("../..")
}
