//! What this binary is beside the tests: a provider that echoes, and a host for a test that wants another process.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    time::SystemTime,
};

use bytes::Bytes;
use lattice_artifact::archive::{Packing, pack, this_target};
use lattice_claims::{AccountSeed, NewProviderClaims, ProviderSeed};
use lattice_host::Host;
use lattice_protocol::{HostKey, ProviderKey};
use lattice_provider::{HandlerError, Provider, ProviderCall, run};
use lattice_testkit::NatsServer;

use crate::{
    shop::from,
    support::{Seeds, config},
};

const PROVIDER: &str = "__provider";
const HOST: &str = "__host";
pub(crate) const CONTRACT: &str = "test:echo";

/// Runs the program that the command line asks for, if it asks for one.
pub(crate) fn run_if_program() -> Option<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [PROVIDER] => Some(run(|_| async { Ok(Echo) })),
        [HOST, nats, cache, registry] => Some(run_host(nats, cache.as_ref(), registry)),
        _ => None,
    }
}

struct Echo;

impl Provider for Echo {
    async fn handle(&self, call: ProviderCall) -> Result<Bytes, HandlerError> {
        Ok(call.payload)
    }
}

/// An archive with that provider for this machine. Each has another digest.
pub(crate) fn archive(account: &AccountSeed, name: &str) -> (ProviderKey, Bytes) {
    archive_with(account, name, "")
}

/// The same, whose program has a comment.
pub(crate) fn archive_with(account: &AccountSeed, name: &str, comment: &str) -> (ProviderKey, Bytes) {
    let seed = ProviderSeed::generate();
    let contract = CONTRACT.parse().expect("a contract");
    let mut claims = NewProviderClaims::new(seed.public(), contract, SystemTime::now());
    claims.name = Some(name.to_owned());
    let this = env::current_exe().expect("this binary");
    let program = format!("#!/bin/sh\n# {comment}\nexec '{}' {PROVIDER}\n", this.display());
    let packed = pack(claims, account, &[(&this_target(), program.as_bytes())], Packing::TarGz);
    (seed.public(), packed.expect("it can be packed").into())
}

/// Says its key and runs until its input ends.
fn run_host(nats: &str, cache: &Path, registry: &str) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let client = async_nats::connect(nats).await.expect("the server is there");
        let mut config = config(&client, &Seeds::generate(), &dir);
        config.cache_dir = cache.to_owned();
        from(&mut config, registry);
        let host = Host::start(config).await.expect("the host starts");
        writeln!(std::io::stdout(), "{}", host.key()).expect("somebody reads it");
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        ended.await.expect("no panic").expect("it can be read");
        host.stop(None).await;
    });
    ExitCode::SUCCESS
}

/// A host in a process of its own, which ends with this value.
pub(crate) struct HostProcess {
    pub(crate) key: HostKey,
    child: Child,
    /// Kept open, so that it can always say something.
    _said: BufReader<ChildStdout>,
}

impl HostProcess {
    /// Starts one with that cache, which reaches the registry without TLS.
    pub(crate) fn start(nats: &NatsServer, cache: &Path, registry: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("this binary"));
        command.args([HOST, &nats.url()]).arg(cache).arg(registry);
        Self::of(command)
    }

    /// The same, where the cache is on a disk of its own of so many bytes, which nobody else sees and which is gone with
    /// it. None where such a disk cannot be had.
    pub(crate) fn with_disk(bytes: usize, nats: &NatsServer, cache: &Path, registry: &str) -> Option<Self> {
        let inside = |script: &str| {
            let mut command = Command::new("unshare");
            command.args(["--map-root-user", "--mount", "sh", "-c"]);
            command.arg(format!("mount -t tmpfs -o mode=700,size={bytes} disk \"$0\" && {script}")).arg(cache);
            command
        };
        if !inside("true").output().is_ok_and(|output| output.status.success()) {
            return None;
        }
        let mut command = inside("exec \"$@\"");
        command.arg(env::current_exe().expect("this binary")).args([HOST, &nats.url()]).arg(cache).arg(registry);
        Some(Self::of(command))
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be started");
        let mut said = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("it can be read");
        let key = line.trim().parse().unwrap_or_else(|_| panic!("no key but `{line}`"));
        Self { key, child, _said: said }
    }

    /// Has it stop, which must go well.
    pub(crate) fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("a child can be waited for").success());
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        // It has ended, unless the test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
