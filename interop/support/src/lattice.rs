//! A lattice on this machine: `lattice up` in a directory of its own, gone with the test.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::eventually;

/// The name of every lattice here that is given no other, which is not the one that programs assume.
pub const LATTICE: &str = "interop";

/// The variable that names the binary under test.
const BINARY: &str = "LATTICE_BIN";

/// The variable that names a nats-server; the only one of the lattice's variables that is handed on.
const NATS_SERVER: &str = "LATTICE_NATS_SERVER";

/// The actor that runs here, as it is committed.
/// From the folder of the package whose tests run.
const MODULE: &str = "../../guests/built/counter.wasm";

/// Ends the process that it is told when its input closes, which happens however this process ends.
const WATCHER: &str = "read -r _; kill -TERM \"$0\"";

/// How long `up` may take to stop everything in order. It takes less than a second.
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// A running lattice of one host, open to published clients. It is stopped when this is dropped.
pub struct Lattice {
    // First, so that it is stopped before its directory is removed.
    up: Mutex<Up>,
    ready: Value,
    directory: TempDir,
}

/// A signed module that a host can start.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The public key.
    pub key: String,
    /// Where hosts find it.
    pub reference: String,
    /// The revision that its claims tell.
    pub revision: u32,
}

impl Lattice {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// If there is no binary to start, or it does not become ready.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with these options of `lattice up` besides, and waits until it is ready.
    ///
    /// # Panics
    /// If there is no binary to start, or it does not become ready.
    pub async fn start_with(options: &[&str]) -> Self {
        Self::start_named(LATTICE, options).await
    }

    /// Starts one of this name, for clients of several lattices, and waits until it is ready.
    ///
    /// # Panics
    /// If there is no binary to start, or it does not become ready.
    pub async fn start_named(name: &str, options: &[&str]) -> Self {
        let directory = tempfile::Builder::new().prefix("lattice-interop-").tempdir();
        let directory = directory.expect("a temporary directory can be made");
        share_provisioned(directory.path());
        let mut up = Up::start(directory.path(), name, options);
        let line = eventually("`lattice up` is ready", async || {
            up.expect_alive();
            fs::read_to_string(directory.path().join("out")).ok()?.split_once('\n').map(|(line, _)| line.to_owned())
        });
        let ready: Value = serde_json::from_str(&line.await).expect("`up` prints documents, one a line");
        assert!(ready["ready"].is_object(), "{ready}");
        Self { up: Mutex::new(up), ready: ready["ready"].clone(), directory }
    }

    /// Where clients connect.
    pub fn nats_url(&self) -> &str {
        self.text("/nats_url")
    }

    /// The key of its one host.
    pub fn host(&self) -> &str {
        self.text("/host_id")
    }

    /// The name of its host for people.
    pub fn host_name(&self) -> &str {
        self.text("/host_name")
    }

    /// The key that signs calls.
    pub fn issuer(&self) -> &str {
        self.text("/inventory/issuer")
    }

    /// The seed of that key: who has it calls in the name of any actor.
    pub fn cluster_seed(&self) -> String {
        let file = self.directory.path().join("data/keys/cluster.nk");
        let seed = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        seed.trim().to_owned()
    }

    /// The actor in this revision. All revisions have the same key.
    pub async fn sign(&self, revision: u32) -> Actor {
        self.sign_for(&[], revision).await
    }

    /// The same for an actor that may use these contracts.
    pub async fn sign_for(&self, contracts: &[&str], revision: u32) -> Actor {
        let file = self.path(&format!("counter-{revision}.wasm"));
        let number = revision.to_string();
        let mut arguments = vec!["claims", "sign", MODULE, "--name", "counter", "--revision", &number, "--out", &file];
        contracts.iter().for_each(|contract| arguments.extend(["--cap", contract]));
        let signed = self.run(&arguments).await;
        let key = signed["public_key"].as_str().expect("signing tells the key").to_owned();
        Actor { key, reference: format!("file://{file}"), revision }
    }

    /// Calls the actor: its answer as it is, or what the command says why there is none.
    ///
    /// # Errors
    /// What the command printed.
    pub async fn call(&self, actor: &Actor, operation: &str, argument: &Value) -> Result<Vec<u8>, String> {
        let output = self.output(&["call", &actor.key, operation, &argument.to_string(), "--raw"]).await;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()),
        }
    }

    /// What the host runs, with all that the lattice itself says of it, whatever a client understands of that.
    pub async fn inventory(&self) -> Value {
        self.run(&["get", "inventory"]).await["inventories"][0].clone()
    }

    /// A reference to a module that is not there.
    pub fn missing(&self) -> String {
        format!("file://{}", self.path("missing.wasm"))
    }

    /// How many instances of the actor the lattice itself says are running, whatever a client understands of that.
    pub async fn running(&self, actor: &Actor) -> u64 {
        let actors = self.inventory().await["actors"].as_array().cloned().unwrap_or_default();
        let instances = actors.iter().filter(|found| found["id"] == actor.key.as_str());
        let instances = instances.flat_map(|found| found["instances"].as_array().cloned().unwrap_or_default());
        instances.filter_map(|instance| instance["max_instances"].as_u64()).sum()
    }

    /// Waits until so many instances of the actor run.
    pub async fn until_running(&self, actor: &Actor, count: u64) {
        let what = format!("{count} instances run");
        eventually(&what, async || (self.running(actor).await == count).then_some(())).await;
    }

    /// Waits for the end of `up`, which something else has brought about.
    pub async fn ended(&self) -> ExitStatus {
        let look = || self.up.lock().expect("no look panics").child.try_wait().expect("a child can be waited for");
        eventually("`lattice up` ends", async || look()).await
    }

    /// Where a test may put a file of this name.
    pub fn path(&self, name: &str) -> String {
        self.directory.path().join(name).into_os_string().into_string().expect("temporary paths are UTF-8")
    }

    /// Runs the command to its end; returns the document that it printed.
    ///
    /// # Panics
    /// If the command fails.
    pub async fn run(&self, arguments: &[&str]) -> Value {
        let output = self.output(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:?}"))
    }

    /// Runs a command that is to fail; returns what it printed.
    ///
    /// # Panics
    /// If it does not fail.
    pub async fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments).await;
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    async fn output(&self, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::from(command(self.directory.path()));
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        command.output().await.unwrap_or_else(|error| panic!("{}: {error}", binary().display()))
    }

    fn text(&self, pointer: &str) -> &str {
        let text = self.ready.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no {pointer} in {}", self.ready))
    }
}

/// The process, which ends with this value, and the broker and all else with it.
struct Up {
    child: Child,
    watcher: Child,
    log: PathBuf,
}

impl Up {
    fn start(directory: &Path, lattice: &str, options: &[&str]) -> Self {
        let log = directory.join("log");
        let file = |path: &Path| File::create(path).expect("the test's directory can be written");
        let mut command = command(directory);
        command.args(["up", "--compat", "wasmcloud", "--port", "0", "--lattice", lattice]).args(options);
        command.stdin(Stdio::null()).stdout(file(&directory.join("out"))).stderr(file(&log));
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        let watcher = watcher(child.id()).inspect_err(|_| child.kill().expect("a child can be killed"));
        Self { child, watcher: watcher.expect("a shell can be started"), log }
    }

    fn expect_alive(&mut self) {
        if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
            panic!("`lattice up` ended ({status}):\n{}", self.logged());
        }
    }

    fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it has ended, waiting for that as long as an orderly end may take.
    fn ends(&mut self) -> bool {
        let deadline = Instant::now() + STOP_DEADLINE;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("`lattice up` logged:\n{}", self.logged());
        }
        // Before the process id can become another's.
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
        let running = matches!(self.child.try_wait(), Ok(None));
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()).filter(|_| running) {
            let _ = kill_process(pid, Signal::TERM);
        }
        if !self.ends() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn watcher(pid: u32) -> io::Result<Child> {
    Command::new("/bin/sh").args(["-c", WATCHER, &pid.to_string()]).stdin(Stdio::piped()).spawn()
}

/// The program, with data below this directory, and nothing of the user's settings. It prints for programs.
///
/// # Panics
/// If there is no binary to start.
pub fn command(directory: &Path) -> Command {
    let mut command = Command::new(binary());
    let settings = |name: &OsString| {
        let name = name.to_string_lossy();
        name != NATS_SERVER && ["LATTICE_", "WASMCLOUD_", "BINDLE_"].iter().any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in env::vars_os().filter(|(name, _)| settings(name)) {
        command.env_remove(name);
    }
    command.arg("--data-dir").arg(directory.join("data")).args(["-o", "json"]);
    command
}

fn binary() -> PathBuf {
    let path = env::var_os(BINARY).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = path.unwrap_or_else(|| panic!("{BINARY} is not set: it names the `lattice` to test, built before"));
    assert!(path.is_absolute(), "{BINARY} is `{}`, it must be an absolute path", path.display());
    assert!(path.is_file(), "{BINARY} is `{}`, where there is no file: build it first", path.display());
    path
}

/// Has every lattice provision its nats-server, if it has to, into the cache of the tests, where all find it.
fn share_provisioned(directory: &Path) {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user_cache = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let cache = variable("LATTICE_TEST_CACHE").or_else(|| Some(user_cache()?.join("lattice-test")));
    let Some(cache) = cache else { return };
    let (cache, data) = (cache.join("bin"), directory.join("data"));
    fs::create_dir_all(&cache).unwrap_or_else(|error| panic!("{}: {error}", cache.display()));
    fs::create_dir(&data).expect("the test's directory can be written");
    symlink(cache, data.join("bin")).expect("the test's directory can be written");
}
