//! The actor that a bench starts: its modules, signed and put where the host can read them, and its starts and stops.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lattice_artifact::Reference;
use lattice_claims::{AccountSeed, ModuleSeed, NewModuleClaims, sign_module};
use lattice_client::{Client, Operation, RequestError, Settled, UpdateOptions};
use lattice_protocol::{
    ActorKey, Annotations, Count, HostKey, OperationRecord, StartActor, StopActor, UpdateActor,
    contract::{http_server, messaging},
};
use uuid::Uuid;

use crate::{
    defaults::{ANNOTATION, LINK_NAME, OPERATION_DEADLINE},
    error::BenchError,
    load::{Load, timed},
};

/// An actor that sends back what it is sent, unsigned.
const MODULE: &[u8] = include_bytes!("../../../guests/built/counter.wasm");
/// The operation of it that does so.
pub(crate) const ECHO: &str = "Fault.Echo";
/// The operation that makes a call of its own, see [`host_call`].
pub(crate) const HOST_CALL: &str = "Fault.HostCall";
/// The capabilities in its claims.
const CAPABILITIES: [&str; 3] = ["wasmcloud:builtin:logging", http_server::CONTRACT_ID, messaging::CONTRACT_ID];
/// The name in its claims.
const NAME: &str = "lattice-bench";
/// What a file of it is called; a random part comes between.
const FILE: (&str, &str) = ("bench-", ".wasm");

/// Who signs the bench's modules, and where they are put.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    pub(crate) account: AccountSeed,
    /// One key for all of them, since a lattice keeps the claims of every actor that it has ever seen.
    pub(crate) module: ModuleSeed,
    pub(crate) directory: PathBuf,
}

/// The argument of [`HOST_CALL`]: what it is to call, and with what.
pub(crate) fn host_call(namespace: &str, operation: &str, payload: Vec<u8>) -> Vec<u8> {
    encode(&[
        ("binding", LINK_NAME.into()),
        ("namespace", namespace.into()),
        ("operation", operation.into()),
        ("payload", payload.into()),
    ])
}

/// A MessagePack map.
pub(crate) fn encode(fields: &[(&str, rmpv::Value)]) -> Vec<u8> {
    let map = rmpv::Value::Map(fields.iter().map(|(key, value)| ((*key).into(), value.clone())).collect());
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &map).expect("memory takes all that is written");
    bytes
}

impl Signer {
    /// A module that no host has seen before, in a file.
    pub(crate) fn new_module(&self) -> Result<Module, BenchError> {
        let signed = self.sign(&unique(MODULE)).map_err(|source| BenchError::Sign { source })?;
        let path = self.directory.join(format!("{}{}{}", FILE.0, Uuid::new_v4().simple(), FILE.1));
        let reference = Reference::from_path(&path);
        let reference = reference.map_err(|source| BenchError::Path { path: path.clone(), source })?.to_string();
        let module = Module { path, reference };
        // Before it is written: what is written by half goes too.
        let written = fs::write(&module.path, signed);
        written.map_err(|source| BenchError::Write { path: module.path.clone(), source })?;
        Ok(module)
    }

    fn sign(&self, module: &[u8]) -> Result<Vec<u8>, lattice_claims::ModuleClaimsError> {
        let claims = NewModuleClaims {
            name: Some(NAME.to_owned()),
            caps: CAPABILITIES.map(str::to_owned).to_vec(),
            ..NewModuleClaims::new(self.module.public(), SystemTime::now())
        };
        sign_module(module, &claims, &self.account)
    }
}

/// A copy with a custom section of its own, which changes what the module's digest is and nothing of what it does.
fn unique(module: &[u8]) -> Vec<u8> {
    const CUSTOM_SECTION: u8 = 0;
    let id = Uuid::new_v4();
    let mut section = vec![u8::try_from(NAME.len()).expect("the name is short")];
    section.extend_from_slice(NAME.as_bytes());
    section.extend_from_slice(id.as_bytes());
    let size = u8::try_from(section.len()).expect("a size below 128 is one byte");
    [module, &[CUSTOM_SECTION, size], &section].concat()
}

/// A signed module in a file, which goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Module {
    path: PathBuf,
    reference: String,
}

impl Module {
    /// Where it is, as hosts are told.
    pub(crate) fn reference(&self) -> &str {
        &self.reference
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // What cannot be removed is one small file too many.
        let _ = fs::remove_file(&self.path);
    }
}

/// The bench's actor on the host that is measured.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) client: Client,
    pub(crate) host: HostKey,
    pub(crate) actor: ActorKey,
}

impl Guest {
    /// Starts it, and returns once it runs.
    pub(crate) async fn start(&self, module: &Module, count: u16) -> Result<(), BenchError> {
        let command = StartActor {
            actor_ref: module.reference.clone(),
            annotations: annotations(),
            count: count.into(),
            host_id: None,
            lattice_id: None,
        };
        carry_out(self.client.start_actor(&self.host, command), "start the actor").await
    }

    /// Replaces what runs by another module of it, and returns how long calls met neither.
    pub(crate) async fn update(&self, module: &Module) -> Result<Duration, BenchError> {
        let command = UpdateActor {
            actor_id: self.actor.clone(),
            annotations: annotations(),
            host_id: None,
            lattice_id: None,
            new_actor_ref: module.reference.clone(),
        };
        let what = "update the actor";
        let taken_on = self.client.update_actor(&self.host, command, UpdateOptions::default()).await;
        let operation = taken_on.map_err(|source| BenchError::Command { what, source })?;
        let settled = operation.wait(OPERATION_DEADLINE).await;
        match settled.map_err(|error| BenchError::Operation { what, source: error.into() })? {
            Settled::ByOperation(OperationRecord { swap_micros: Some(micros), .. }) => {
                Ok(Duration::from_micros(micros))
            }
            _ => Err(BenchError::NoSwap),
        }
    }

    /// Stops all that a bench has started of it, also what is still starting, and returns once that has stopped. That
    /// nothing runs is as good.
    pub(crate) async fn stop(&self) -> Result<(), BenchError> {
        let command = StopActor {
            actor_id: self.actor.clone(),
            annotations: annotations(),
            count: Count::default(),
            host_id: None,
            lattice_id: None,
        };
        match carry_out(self.client.stop_actor(&self.host, command), "stop the actor").await {
            Err(BenchError::Command { source: RequestError::Refused { .. }, .. }) if !self.runs().await? => Ok(()),
            stopped => stopped,
        }
    }

    /// Whether something runs of it that a bench has started.
    async fn runs(&self) -> Result<bool, BenchError> {
        let inventory = self.client.inventory(&self.host).await.map_err(|source| BenchError::Query { source })?;
        let actor = inventory.actors.iter().find(|actor| actor.id == self.actor);
        Ok(actor.is_some_and(|actor| actor.instances.iter().any(|instance| is_ours(&instance.annotations))))
    }
}

/// Has a command taken on, and waits until it is done.
pub(crate) async fn carry_out(
    command: impl Future<Output = Result<Operation, RequestError>>,
    what: &'static str,
) -> Result<(), BenchError> {
    let operation = command.await.map_err(|source| BenchError::Command { what, source })?;
    let finished = operation.wait(OPERATION_DEADLINE).await;
    finished.map(drop).map_err(|error| BenchError::Operation { what, source: error.into() })
}

pub(crate) fn is_ours(annotations: &Annotations) -> bool {
    annotations.get(ANNOTATION.0) == Some(ANNOTATION.1)
}

pub(crate) fn annotations() -> Annotations {
    [(ANNOTATION.0.to_owned(), ANNOTATION.1.to_owned())].into_iter().collect()
}

/// Starts one module again and again; the host compiles it the first time.
#[derive(Clone, Debug)]
pub(crate) struct WarmStart {
    pub(crate) guest: Guest,
    pub(crate) module: Arc<Module>,
}

impl Load for WarmStart {
    async fn once(&self) -> Result<Duration, BenchError> {
        let ((), took) = timed(self.guest.start(&self.module, 1)).await?;
        self.guest.stop().await?;
        Ok(took)
    }
}

/// Starts another module each time.
#[derive(Clone, Debug)]
pub(crate) struct ColdStart {
    pub(crate) guest: Guest,
    pub(crate) signer: Signer,
}

impl Load for ColdStart {
    async fn once(&self) -> Result<Duration, BenchError> {
        let module = self.signer.new_module()?;
        let ((), took) = timed(self.guest.start(&module, 1)).await?;
        self.guest.stop().await?;
        Ok(took)
    }
}

#[cfg(test)]
mod tests {
    use lattice_claims::verify_module;

    use super::*;

    #[test]
    fn every_module_is_another_one_of_the_same_actor_and_goes_with_its_value() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let (account, module) = (AccountSeed::generate(), ModuleSeed::generate());
        let signer = Signer { account, module, directory: directory.path().to_owned() };
        let claims = || {
            let module = signer.new_module().expect("it can be signed and written");
            let bytes = fs::read(&module.path).expect("it was written");
            verify_module(&bytes, SystemTime::now()).expect("it is in order")
        };
        let (first, second) = (claims(), claims());
        assert_ne!(first.hash, second.hash);
        assert_eq!((first.subject, first.issuer), (second.subject, second.issuer));
        assert_eq!(fs::read_dir(directory.path()).expect("it can be read").count(), 0);
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_named() {
        let directory = PathBuf::from("/nowhere/at/all");
        let signer = Signer { account: AccountSeed::generate(), module: ModuleSeed::generate(), directory };
        let error = signer.new_module().expect_err("there is no such directory");
        assert!(error.to_string().contains("/nowhere/at/all/bench-"), "{error}");
    }
}
