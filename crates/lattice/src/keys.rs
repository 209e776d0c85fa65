//! Seeds: where they come from, and the development keys of a data directory.
//!
//! A seed is a secret. It lies in a file that only its owner can read, and is never printed but by `keys gen`.

mod file;
mod kept;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use lattice_claims::{AccountSeed, ClusterSeed, HostSeed, ModuleSeed, ProviderSeed, SeedError};

use crate::{
    fault::{Code, Fault},
    settings::DataDir,
};

pub(crate) use file::{create, read};
pub(crate) use kept::{KeptKey, kept};

/// Where a seed is to be taken from. `Debug` never prints one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum SeedSource {
    /// The seed itself.
    Text {
        /// The seed.
        seed: String,
        /// Who gave it, for errors.
        origin: String,
    },
    /// A file with it.
    File(PathBuf),
}

impl SeedSource {
    /// A seed or the path of a file with one, as given by `origin`.
    pub(crate) fn read(text: &str, origin: &str) -> Self {
        let text = text.trim();
        if looks_like_seed(text) { Self::given(text, origin) } else { Self::File(text.into()) }
    }

    /// A seed, as given by `origin`.
    pub(crate) fn given(seed: &str, origin: &str) -> Self {
        Self::Text { seed: seed.to_owned(), origin: origin.to_owned() }
    }

    /// The seed.
    ///
    /// # Errors
    /// It is no seed of this kind, or its file cannot be read or can be read by others.
    pub(crate) fn seed<T: FromStr<Err = SeedError>>(&self) -> Result<T, Fault> {
        match self {
            Self::File(path) => read(path),
            Self::Text { seed, origin } => seed.parse().map_err(|error: SeedError| {
                Fault::new(Code::Configuration, format!("the seed of {origin} cannot be used")).caused_by(error)
            }),
        }
    }
}

impl fmt::Debug for SeedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Text { origin, .. } => f.debug_tuple("Text").field(origin).finish(),
        }
    }
}

/// What has a seed's length and alphabet is meant as one, also when mistyped: it must not end up in a message as a path.
fn looks_like_seed(text: &str) -> bool {
    let alphabet = |c: char| c.is_ascii_uppercase() || ('2'..='7').contains(&c);
    text.len() > 40 && text.starts_with('S') && text.chars().all(alphabet)
}

/// The keys of a data directory, made on first use.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    directory: PathBuf,
}

impl Keys {
    /// The keys of this data directory.
    pub(crate) fn of(data_dir: &DataDir) -> Self {
        Self { directory: data_dir.keys() }
    }

    /// The key that signs calls.
    pub(crate) fn cluster(&self) -> Result<ClusterSeed, Fault> {
        read_or_make(&self.cluster_path(), ClusterSeed::generate, ClusterSeed::secret_text)
    }

    /// The account that signs modules and provider archives.
    pub(crate) fn account(&self) -> Result<AccountSeed, Fault> {
        read_or_make(&self.directory.join("account.nk"), AccountSeed::generate, AccountSeed::secret_text)
    }

    /// The identity of the host.
    pub(crate) fn host(&self) -> Result<HostSeed, Fault> {
        read_or_make(&self.directory.join("host.nk"), HostSeed::generate, HostSeed::secret_text)
    }

    /// The identity of the actor that this user calls `name`.
    pub(crate) fn module(&self, name: &str) -> Result<ModuleSeed, Fault> {
        let path = self.directory.join("modules").join(format!("{}.nk", file_name(name)));
        read_or_make(&path, ModuleSeed::generate, ModuleSeed::secret_text)
    }

    /// The identity of the provider that this user calls `name`.
    pub(crate) fn provider(&self, name: &str) -> Result<ProviderSeed, Fault> {
        let path = self.directory.join("providers").join(format!("{}.nk", file_name(name)));
        read_or_make(&path, ProviderSeed::generate, ProviderSeed::secret_text)
    }

    /// Where the key that signs calls lies.
    pub(crate) fn cluster_path(&self) -> PathBuf {
        self.directory.join("cluster.nk")
    }
}

fn read_or_make<T>(path: &Path, generate: fn() -> T, text: fn(&T) -> String) -> Result<T, Fault>
where
    T: FromStr<Err = SeedError>,
{
    if path.exists() {
        return read(path);
    }
    let seed = generate();
    match create(path, &text(&seed)) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(Fault::new(Code::Configuration, format!("the key {} cannot be made", path.display()))
            .hint("name another data directory with --data-dir")
            .caused_by(error)),
        Ok(()) => Ok(seed),
    }
}

/// A name as part of a path: what could leave the directory or be hidden in it is written in hexadecimal.
pub(crate) fn file_name(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let parts =
        name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") });
    parts.collect()
}

/// The name that such a part of a path was made of; the part itself if it was made of none.
fn name_of(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = after.get(..2).filter(|_| *byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = if escaped.is_some() { &after[2..] } else { after };
        bytes.push(escaped.unwrap_or(*byte));
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    #[test]
    fn names_are_read_back() {
        for name in ["hello", "a/../b", "größe", "100%", ".", "", "%2f"] {
            assert_eq!(name_of(&file_name(name)), name);
        }
        for part in ["100%", "%", "%2", "%zz", "%ff", "ä%é"] {
            assert_eq!(name_of(part), part);
        }
    }

    #[test]
    fn keys_are_made_once() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let data_dir = DataDir::find(Some(directory.path()), &Environment::default()).expect("the path is given");
        let keys = Keys::of(&data_dir);
        let first = keys.cluster().expect("the key can be made");
        assert_eq!(keys.cluster().expect("the key is there").public(), first.public());
        assert_ne!(
            keys.module("a").expect("the key can be made").public(),
            keys.module("a/../b").expect("the key can be made").public()
        );
        assert!(directory.path().join("keys/modules/a%2f%2e%2e%2fb.nk").is_file());
    }

    #[test]
    fn a_mistyped_seed_is_no_path() {
        let seed = ClusterSeed::generate().secret_text();
        let source = SeedSource::read(&seed[..57], "--cluster-seed");
        let fault = source.seed::<ClusterSeed>().expect_err("a character is missing");
        let told = format!("{fault:?} {fault} {source:?}");
        assert!(!told.contains(&seed[2..57]), "{told}");
        assert_eq!(SeedSource::read("SEEDS/cluster.nk", "-"), SeedSource::File("SEEDS/cluster.nk".into()));
    }
}
