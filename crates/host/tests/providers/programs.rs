//! The providers of these tests: one that does what its callers say, built with the SDK, and shell scripts that misbehave.

use std::{env, ffi::OsString, process::ExitCode, sync::Arc};

use bytes::Bytes;
use lattice_claims::{ClusterSeed, InvocationSigner, ProviderSeed};
use lattice_host::Builtin;
use lattice_protocol::{ProviderKey, error_chain};
use lattice_provider::{Context, Failure, HandlerError, Link, Provider, ProviderCall, encode, run};
use lattice_rpc::{Call, Entity, RpcClient};

/// The first argument that makes this binary a provider.
const ENTRY: &str = "__provider";
pub(crate) const CONTRACT: &str = "test:obedient";

/// Runs the provider that the command line asks for, if it asks for one.
pub(crate) fn run_if_provider() -> Option<ExitCode> {
    (env::args().nth(1).as_deref() == Some(ENTRY)).then(|| run(|context| async { Ok(Obedient { context }) }))
}

/// Does what its callers say.
struct Obedient {
    context: Context,
}

impl Provider for Obedient {
    async fn put_link(&self, link: Arc<Link>) -> Result<(), Failure> {
        let reason = link.values.get("refuse").map(str::to_owned);
        // As one whose server is down, until it is not.
        let for_now = || std::fs::read_to_string(link.values.get("refuse_while")?).ok();
        reason.or_else(for_now).map_or(Ok(()), |reason| Err(Failure::new(reason)))
    }

    async fn handle(&self, call: ProviderCall) -> Result<Bytes, HandlerError> {
        match call.method() {
            "Echo" => Ok(call.payload),
            "Value" => Ok(encode(call.link.values.get("value").unwrap_or_default())),
            "Configuration" => Ok(encode(self.context.configuration().unwrap_or_default())),
            "Environment" => {
                let names: Vec<String> = env::vars().map(|(name, _)| name).collect();
                Ok(encode(&names.join(",")))
            }
            "CallBack" => {
                let back = self.context.call(&call.link, "Test.Echo", call.payload.clone()).within(&call);
                back.send().await.map_err(|error| HandlerError::Failed(error.to_string()))
            }
            "Signer" => Ok(encode(self.signing_key().public().as_str())),
            "Forge" => Ok(encode(&self.forge(&call).await)),
            "Visit" => Ok(encode(&self.visit(&call).await)),
            "Abort" => std::process::abort(),
            "Leave" => std::process::exit(0),
            "Leak" => leak(),
            _ => Err(HandlerError::Failed(format!("there is no operation `{}`", call.operation))),
        }
    }
}

impl Obedient {
    fn signing_key(&self) -> ClusterSeed {
        self.context.host_data().invocation_seed.parse().expect("the host tells a seed")
    }

    /// Calls the actor whose key is the payload, and returns what it is told.
    async fn visit(&self, call: &ProviderCall) -> String {
        let actor = std::str::from_utf8(&call.payload).ok().and_then(|key| key.parse().ok()).expect("a key");
        let link = self.context.link(&actor).expect("it is linked");
        match self.context.call(&link, "Test.Visit", "").within(call).send().await {
            Ok(_) => "it was let in".to_owned(),
            Err(error) => error_chain(&error),
        }
    }

    /// Calls its caller in that actor's own name, and returns what it is told.
    async fn forge(&self, call: &ProviderCall) -> String {
        let (data, actor) = (self.context.host_data(), Entity::Actor(call.actor().clone()));
        let signer = InvocationSigner::new(self.signing_key());
        let (nats, lattice) = (self.context.nats().clone(), data.lattice_rpc_prefix.clone());
        let rpc = RpcClient::new(nats, lattice, data.host_id.clone(), signer);
        match rpc.call(Call::new(actor.clone(), actor, "Test.Echo", "forged")).await {
            Ok(_) => "it was believed".to_owned(),
            Err(error) => format!("{error:?}"),
        }
    }
}

/// Takes memory until there is no more.
fn leak() -> ! {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1_u8; 1 << 20]);
    }
}

/// The provider that does what its callers say.
pub(crate) fn obedient() -> Builtin {
    builtin("obedient", env::current_exe().expect("this binary").into_os_string(), vec![ENTRY.into()])
}

/// The same under another name, which serves when there is a file.
pub(crate) fn late(name: &str, file: &std::path::Path) -> Builtin {
    let this = env::current_exe().expect("this binary");
    let (file, this) = (file.display(), this.display());
    script(name, &format!("while [ ! -e '{file}' ]; do sleep 0.1; done; exec '{this}' {ENTRY}"))
}

/// The same under another name, which ends at once unless there is a file.
pub(crate) fn needy(name: &str, file: &std::path::Path) -> Builtin {
    let this = env::current_exe().expect("this binary");
    let (file, this) = (file.display(), this.display());
    script(name, &format!("[ -e '{file}' ] && exec '{this}' {ENTRY}; echo nothing there; exit 3"))
}

/// A provider that is a shell script.
pub(crate) fn script(name: &str, script: &str) -> Builtin {
    builtin(name, "/bin/sh".into(), vec!["-c".into(), script.into()])
}

fn builtin(name: &str, exe: OsString, arguments: Vec<OsString>) -> Builtin {
    Builtin {
        name: name.to_owned(),
        key: key(name),
        contract: CONTRACT.parse().expect("a contract"),
        title: format!("Test {name}"),
        revision: 3,
        version: "0.3.0".to_owned(),
        exe: exe.into(),
        arguments,
    }
}

/// A key that the name stands for.
pub(crate) fn key(name: &str) -> ProviderKey {
    seed(name).public()
}

fn seed(name: &str) -> ProviderSeed {
    thread_local! {
        static SEEDS: std::cell::RefCell<Vec<(String, ProviderSeed)>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    SEEDS.with_borrow_mut(|seeds| match seeds.iter().find(|(known, _)| known == name) {
        Some((_, seed)) => seed.clone(),
        None => {
            let seed = ProviderSeed::generate();
            seeds.push((name.to_owned(), seed.clone()));
            seed
        }
    })
}
