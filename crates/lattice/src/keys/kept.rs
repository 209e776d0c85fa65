//! The keys that a data directory keeps, as they may be shown: what they are for, never the seeds.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use lattice_claims::{AccountSeed, ClusterSeed, HostSeed, ModuleSeed, ProviderSeed};
use lattice_protocol::error_chain;

use super::{file, name_of};
use crate::{
    cli::Kind,
    fault::{Code, Fault},
};

/// The directories below that of the keys that hold some, too.
const NAMED: [&str; 2] = ["modules", "providers"];

/// What files with seeds are called.
const EXTENSION: &str = "nk";

/// The mode bits by which others could put a file of theirs in the place of a key.
const WRITABLE: u32 = 0o022;

/// A key that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptKey {
    /// Where its seed lies.
    pub(crate) file: PathBuf,
    /// The actor's or the provider's name; that of the file for other keys.
    pub(crate) name: String,
    /// What it is for, with its public key; none where there is no seed.
    pub(crate) public: Option<(Kind, String)>,
    /// Whether nobody else can read or replace it.
    pub(crate) tight: bool,
    /// What is wrong with it, and what to do.
    pub(crate) problem: Option<String>,
}

/// The keys in a directory and in those for modules and providers, sorted by their files. None is there before the first is
/// made.
///
/// # Errors
/// A directory cannot be read.
pub(crate) fn kept(directory: &Path) -> Result<Vec<KeptKey>, Fault> {
    let named = NAMED.map(|name| directory.join(name));
    let mut keys = in_directory(directory)?;
    for directory in named {
        keys.extend(in_directory(&directory)?);
    }
    Ok(keys)
}

fn in_directory(directory: &Path) -> Result<Vec<KeptKey>, Fault> {
    let unreadable = |error: io::Error| {
        Fault::new(Code::Configuration, format!("the keys in {} cannot be listed", directory.display()))
            .caused_by(error)
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let is_tight = fs::metadata(directory).map_err(unreadable)?.mode() & WRITABLE == 0;
    let files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>();
    let mut files = files.map_err(unreadable)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == EXTENSION));
    files.sort();
    Ok(files.into_iter().map(|file| KeptKey::of(file, is_tight)).collect())
}

impl KeptKey {
    fn of(file: PathBuf, is_directory_tight: bool) -> Self {
        let is_file_tight = file::is_private(&file);
        let public = file::text(&file).and_then(|text| {
            public_of(&text).ok_or_else(|| Fault::new(Code::Configuration, format!("{} holds no seed", file.display())))
        });
        let problem = match (&public, &is_file_tight) {
            (Err(fault), _) => Some(error_chain(fault)),
            (_, Err(fault)) => {
                Some(fault.hint.as_ref().map_or_else(|| fault.to_string(), |hint| format!("{fault}; {hint}")))
            }
            _ if !is_directory_tight => Some(replaceable(&file)),
            _ => None,
        };
        let name = name_of(&file.file_stem().unwrap_or_default().to_string_lossy());
        Self { name, public: public.ok(), tight: is_file_tight.is_ok() && is_directory_tight, problem, file }
    }
}

fn replaceable(file: &Path) -> String {
    let directory = file.parent().unwrap_or(file).display();
    format!("others can replace the key: make its directory yours alone: chmod 700 {directory}")
}

fn public_of(text: &str) -> Option<(Kind, String)> {
    macro_rules! of {
        ($kind:expr, $seed:ty) => {
            text.parse::<$seed>().ok().map(|seed| ($kind, seed.public().to_string()))
        };
    }
    of!(Kind::Account, AccountSeed)
        .or_else(|| of!(Kind::Module, ModuleSeed))
        .or_else(|| of!(Kind::Cluster, ClusterSeed))
        .or_else(|| of!(Kind::Host, HostSeed))
        .or_else(|| of!(Kind::Provider, ProviderSeed))
}
