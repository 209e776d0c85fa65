//! `lattice keys gen` and `lattice keys list`.

mod list;

use std::{io, path::PathBuf};

use lattice_claims::{AccountSeed, ClusterSeed, HostSeed, ModuleSeed, ProviderSeed};
use serde::Serialize;

use crate::{
    cli::{Generate, Keys, Kind, ListKeys},
    fault::{Code, Fault},
    keys,
    printer::Show,
    settings::Settings,
    table::facts,
};

/// A new key. With a file the seed is there and not here.
#[derive(Serialize)]
struct NewKey {
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

/// Makes a key and tells it, or lists those that are kept.
pub(crate) fn run(keys: &Keys, settings: &Settings) -> anyhow::Result<()> {
    match keys {
        Keys::Gen(generate) => make(generate, settings),
        Keys::List(ListKeys {}) => list::run(settings),
    }
}

fn make(Generate { kind, out }: &Generate, settings: &Settings) -> anyhow::Result<()> {
    let (public_key, seed) = generate(*kind);
    let key = match out {
        None => NewKey { public_key, seed: Some(seed), file: None },
        Some(path) => {
            keys::create(path, &seed).map_err(|error| not_written(path.display().to_string(), error))?;
            NewKey { public_key, seed: None, file: Some(path.clone()) }
        }
    };
    Ok(settings.printer().show(&key)?)
}

fn generate(kind: Kind) -> (String, String) {
    macro_rules! key {
        ($seed:ty) => {{
            let seed = <$seed>::generate();
            (seed.public().to_string(), seed.secret_text())
        }};
    }
    match kind {
        Kind::Account => key!(AccountSeed),
        Kind::Module => key!(ModuleSeed),
        Kind::Cluster => key!(ClusterSeed),
        Kind::Host => key!(HostSeed),
        Kind::Provider => key!(ProviderSeed),
    }
}

fn not_written(path: String, error: io::Error) -> Fault {
    let fault = Fault::new(Code::Failed, format!("the key file {path} cannot be written"));
    let exists = error.kind() == io::ErrorKind::AlreadyExists;
    let fault = if exists { fault.hint("choose another name: a key is never overwritten") } else { fault };
    fault.caused_by(error)
}

impl Show for NewKey {
    fn text(&self) -> String {
        let file = self.file.as_ref().map(|file| ("seed in", file.display().to_string()));
        let seed = self.seed.as_ref().map(|seed| ("seed", seed.clone()));
        facts([("public key", self.public_key.clone())].into_iter().chain(seed).chain(file))
    }
}
