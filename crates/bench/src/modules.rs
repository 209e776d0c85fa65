//! The modules that a bench has hosts run: signed, new to every host, and handed over as the host takes them.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use lattice_artifact::Reference;
use lattice_claims::{AccountSeed, ModuleSeed, NewModuleClaims, sign_module};
use lattice_client::{Client, PushOptions, Pushed, WaitError};
use lattice_protocol::{
    HostKey, RefusalCode,
    contract::{http_server, messaging},
};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{
    error::BenchError,
    guest::{carry_out, settled},
};

/// The capabilities in the claims of a module.
const CAPABILITIES: [&str; 3] = ["wasmcloud:builtin:logging", http_server::CONTRACT_ID, messaging::CONTRACT_ID];
/// The name in its claims, and what its own section is called.
const NAME: &str = "lattice-bench";
/// What a file of it is called; a random part comes between.
const FILE: (&str, &str) = ("bench-", ".wasm");

/// What a module does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Sends back what it is sent, and makes calls of its own.
    Echo,
    /// What an actor of the field does, which answers messages.
    Published,
}

impl Code {
    /// The module, whoever signed it.
    fn bytes(self) -> &'static [u8] {
        match self {
            Code::Echo => include_bytes!("../../../guests/built/counter.wasm"),
            Code::Published => include_bytes!("../fixtures/echo_messaging_v0.9.0.wasm"),
        }
    }
}

/// How a host gets modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As files, which it can read.
    File,
    /// From the lattice, where they are stored for it.
    Lattice,
}

/// Makes modules of one actor; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Modules {
    pub(crate) client: Client,
    /// The host that is to have them.
    pub(crate) host: HostKey,
    pub(crate) account: AccountSeed,
    /// One key for all of them, since a lattice keeps the claims of every actor that it has ever seen.
    pub(crate) module: ModuleSeed,
    /// Where files of them are put.
    pub(crate) directory: PathBuf,
    pub(crate) ways: Ways,
}

/// What is known of how the host gets modules, and what is on its way there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ways {
    known: Arc<OnceLock<Way>>,
    /// Held while a module is being stored in the lattice.
    storing: Arc<Mutex<()>>,
}

impl Modules {
    /// A module that no host has seen before, where the host can fetch it.
    pub(crate) async fn new_module(&self, code: Code) -> Result<Module, BenchError> {
        let signed = self.sign(&with_section(code.bytes(), Uuid::new_v4().as_bytes()))?;
        match self.way().await {
            Way::File => self.in_file(&signed),
            Way::Lattice => self.in_lattice(signed).await,
        }
    }

    /// A module in the lattice that no host has seen before, with so many bytes that mean nothing.
    pub(crate) async fn new_large(&self, padding: usize) -> Result<Module, BenchError> {
        self.in_lattice(self.sign(&with_section(Code::Echo.bytes(), &noise(padding)))?).await
    }

    /// Removes a module from where the host fetched it.
    pub(crate) async fn discard(&self, module: Module) -> Result<(), BenchError> {
        match module.file {
            Some(_) => Ok(()),
            None => self.remove(&module.reference).await,
        }
    }

    /// Removes from the lattice what was stored there for this host, by this bench or one that was killed.
    pub(crate) async fn clean_up(&self) -> Result<(), BenchError> {
        // What was on its way when a run was cut short is there by then.
        let _none_on_its_way = self.ways.storing.lock().await;
        let left = match self.client.artifacts().await {
            Ok(artifacts) => artifacts.artifacts,
            Err(source) if self.ways.known.get() == Some(&Way::Lattice) => return Err(BenchError::Query { source }),
            // A lattice that keeps no artifacts has none of this bench.
            Err(_) => return Ok(()),
        };
        for artifact in left.iter().filter(|artifact| artifact.reference.starts_with(&self.prefix())) {
            self.remove(&artifact.reference).await?;
        }
        Ok(())
    }

    async fn remove(&self, reference: &str) -> Result<(), BenchError> {
        carry_out(self.client.delete_artifact(reference), "remove a module from the lattice").await.map(drop)
    }

    /// What references in the lattice start with.
    fn prefix(&self) -> String {
        format!("nats://{NAME}-{}:", self.host)
    }

    /// How the host gets modules, which it is asked once. Where it cannot be asked, it is told of files, and says then
    /// what is wrong.
    async fn way(&self) -> Way {
        match self.ways.known.get() {
            Some(way) => *way,
            // On the heap: it is asked within all that needs a module, and once.
            None => match Box::pin(self.try_file()).await {
                Some(way) => *self.ways.known.get_or_init(|| way),
                None => Way::File,
            },
        }
    }

    /// Has the host fetch a file, which it may not take, or not find where it runs.
    async fn try_file(&self) -> Option<Way> {
        let module = self.in_file(&self.sign(Code::Echo.bytes()).ok()?).ok()?;
        match carry_out(self.client.prefetch(&self.host, module.reference()), "fetch a file").await {
            Ok(_) => Some(Way::File),
            Err(BenchError::Command { source, .. }) if source.refusal_code() == Some(RefusalCode::NotAllowed) => {
                Some(Way::Lattice)
            }
            Err(BenchError::Operation { source, .. }) if matches!(*source, WaitError::Failed { .. }) => {
                Some(Way::Lattice)
            }
            Err(_) => None,
        }
    }

    fn in_file(&self, signed: &[u8]) -> Result<Module, BenchError> {
        let path = self.directory.join(format!("{}{}{}", FILE.0, Uuid::new_v4().simple(), FILE.1));
        let reference = Reference::from_path(&path);
        let reference = reference.map_err(|source| BenchError::Path { path: path.clone(), source })?.to_string();
        // Before it is written: what is written by half goes too.
        let module = Module { reference, file: Some(File(path.clone())) };
        fs::write(&path, signed).map_err(|source| BenchError::Write { path, source })?;
        Ok(module)
    }

    /// In a task of its own, so that whoever cleans up can wait for it when a run is cut short.
    async fn in_lattice(&self, signed: Vec<u8>) -> Result<Module, BenchError> {
        let reference = format!("{}{}", self.prefix(), Uuid::new_v4().simple());
        let (client, stored) = (self.client.clone(), reference.clone());
        let storing = Arc::clone(&self.ways.storing).lock_owned().await;
        let task = tokio::spawn(async move {
            let _storing = storing;
            store(&client, &stored, signed).await
        });
        task.await.expect("storing neither panics nor is aborted")?;
        Ok(Module { reference, file: None })
    }

    fn sign(&self, module: &[u8]) -> Result<Vec<u8>, BenchError> {
        let claims = NewModuleClaims {
            name: Some(NAME.to_owned()),
            caps: CAPABILITIES.map(str::to_owned).to_vec(),
            ..NewModuleClaims::new(self.module.public(), SystemTime::now())
        };
        sign_module(module, &claims, &self.account).map_err(|source| BenchError::Sign { source })
    }
}

async fn store(client: &Client, reference: &str, bytes: Vec<u8>) -> Result<(), BenchError> {
    let pushed = client.push_artifact(reference, bytes, PushOptions::default(), |_, _| {}).await;
    match pushed.map_err(|source| BenchError::Store { source })? {
        Pushed::Unchanged(_) => Ok(()),
        Pushed::Taken(operation) => settled(operation, "store a module in the lattice").await.map(drop),
    }
}

/// A copy with a custom section of its own, which changes what the module's digest is and nothing of what it does.
fn with_section(module: &[u8], content: &[u8]) -> Vec<u8> {
    const CUSTOM_SECTION: u8 = 0;
    let length = u8::try_from(NAME.len()).expect("the name is short");
    let size = leb128(1 + NAME.len() + content.len());
    [module, &[CUSTOM_SECTION], &size, &[length], NAME.as_bytes(), content].concat()
}

/// A number as WebAssembly has it: seven bits in each byte, the lowest first.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Bytes that nobody has seen before and nothing makes smaller: a random number, and what xorshift makes of it.
fn noise(size: usize) -> Vec<u8> {
    let (mut state, _) = Uuid::new_v4().as_u64_pair();
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        bytes.extend_from_slice(&state.to_le_bytes());
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    bytes.truncate(size);
    bytes
}

/// A signed module where the host can fetch it. A file goes when this is dropped; what lies in the lattice is discarded.
#[derive(Debug)]
pub(crate) struct Module {
    reference: String,
    file: Option<File>,
}

impl Module {
    /// Where it is, as hosts are told.
    pub(crate) fn reference(&self) -> &str {
        &self.reference
    }
}

#[derive(Debug)]
struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        // What cannot be removed is one small file too many.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use lattice_claims::{HostSeed, verify_module};
    use lattice_client::ClientSettings;
    use lattice_testkit::NatsServer;

    use super::*;

    async fn modules(nats: &NatsServer, directory: PathBuf) -> Modules {
        Modules {
            client: Client::new(nats.client().await, ClientSettings::default()),
            host: HostSeed::generate().public(),
            account: AccountSeed::generate(),
            module: ModuleSeed::generate(),
            directory,
            ways: Ways::default(),
        }
    }

    #[tokio::test]
    async fn every_module_is_another_one_of_the_same_actor_and_goes_with_its_value() {
        let (nats, directory) = (NatsServer::start().await, tempfile::tempdir().expect("a temporary directory"));
        let modules = modules(&nats, directory.path().to_owned()).await;
        let mut hashes = std::collections::BTreeSet::new();
        for code in [Code::Echo, Code::Echo, Code::Published, Code::Published] {
            let module = modules.new_module(code).await.expect("it can be signed and written");
            let bytes = fs::read(&module.file.as_ref().expect("nobody says that he takes no files").0);
            let bytes = bytes.expect("it was written");
            let claims = verify_module(&bytes, SystemTime::now()).expect("it is in order");
            assert_eq!((claims.subject, claims.issuer), (modules.module.public(), modules.account.public()));
            assert!(hashes.insert(claims.hash));
        }
        assert_eq!(fs::read_dir(directory.path()).expect("it can be read").count(), 0);
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_written_is_named() {
        let nats = NatsServer::start().await;
        let modules = modules(&nats, PathBuf::from("/nowhere/at/all")).await;
        let error = modules.new_module(Code::Echo).await.expect_err("there is no such directory");
        assert!(error.to_string().contains("/nowhere/at/all/bench-"), "{error}");
    }

    #[test]
    fn sections_of_any_size_are_read_as_they_are_written() {
        for size in [0, 16, 113, 114, 20_000, 3 << 20] {
            let content = noise(size);
            let module = with_section(Code::Echo.bytes(), &content);
            let section = [NAME.as_bytes(), &content].concat();
            assert!(module.starts_with(Code::Echo.bytes()) && module.ends_with(&section));
            let account = AccountSeed::generate();
            let claims = NewModuleClaims::new(ModuleSeed::generate().public(), SystemTime::now());
            sign_module(&module, &claims, &account).expect("it is a module still");
        }
        assert_ne!(noise(16), noise(16));
    }

    #[test]
    fn the_published_actor_is_the_one_of_the_notice() {
        let digest = lattice_artifact::Digest::of(Code::Published.bytes()).to_hex();
        assert!(include_str!("../fixtures/NOTICE.md").contains(&digest));
        let theirs = verify_module(Code::Published.bytes(), SystemTime::now()).expect("it is signed by who made it");
        assert_eq!(theirs.name.as_deref(), Some("Echo Messaging"));
    }
}
