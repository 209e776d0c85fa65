//! Where the program of a provider is, over all the times that it is started.

use std::{ffi::OsString, path::PathBuf};

use lattice_artifact::{Digest, FetchError, ProviderArtifact, Reference};

use crate::artifacts::Artifacts;

/// Where a program is.
#[derive(Clone, Debug)]
pub(super) enum Program {
    Builtin { exe: PathBuf, arguments: Vec<OsString> },
    Archive(Box<Archive>),
}

/// The executable in an archive. It lies in the cache and not in memory, for it is as large as a program.
#[derive(Clone, Debug)]
pub(super) struct Archive {
    artifacts: Artifacts,
    reference: Reference,
    digest: Digest,
    executable: Digest,
}

/// Why a program cannot be run.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProgramError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the cache has lost the archive {digest}, and `{reference}` is another by now")]
    Replaced { reference: Box<Reference>, digest: Digest },
}

impl Program {
    /// What to run, and with which arguments.
    pub(super) async fn get(&self) -> Result<(PathBuf, Vec<OsString>), ProgramError> {
        match self {
            Program::Builtin { exe, arguments } => Ok((exe.clone(), arguments.clone())),
            Program::Archive(archive) => Ok((archive.executable().await?, Vec::new())),
        }
    }
}

impl Archive {
    pub(super) fn new(artifacts: Artifacts, artifact: &ProviderArtifact) -> Self {
        let (reference, executable) = (artifact.reference.clone(), artifact.executable.digest());
        Self { artifacts, reference, digest: artifact.digest, executable }
    }

    /// The file with the executable, taken out of the archive again if it made way for others in the cache.
    async fn executable(&self) -> Result<PathBuf, ProgramError> {
        match self.artifacts.executable_by_digest(&self.executable).await? {
            Some(path) => Ok(path),
            None => Ok(self.artifacts.executable(&self.open().await?).await?),
        }
    }

    async fn open(&self) -> Result<ProviderArtifact, ProgramError> {
        let again = self.artifacts.provider_again(&self.reference, &self.digest).await?;
        let replaced = || ProgramError::Replaced { reference: Box::new(self.reference.clone()), digest: self.digest };
        again.ok_or_else(replaced)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::SystemTime};

    use lattice_artifact::{
        Policy, Store, StoreSettings,
        archive::{Packing, pack, this_target},
    };
    use lattice_claims::{AccountSeed, NewProviderClaims, ProviderSeed};
    use lattice_protocol::PullPolicy;
    use tempfile::TempDir;

    use super::*;
    use crate::artifacts::Rules;

    fn write(dir: &TempDir, script: &[u8]) -> Reference {
        let contract = "test:program".parse().expect("a contract");
        let claims = NewProviderClaims::new(ProviderSeed::generate().public(), contract, SystemTime::now());
        let (target, account) = (this_target(), AccountSeed::generate());
        let archive = pack(claims, &account, &[(target.as_str(), script)], Packing::Tar).expect("it can be packed");
        let path = dir.path().join("a.par");
        fs::write(&path, archive).expect("the directory can be written");
        Reference::from_path(&path).expect("an absolute path")
    }

    #[tokio::test]
    async fn a_program_that_made_way_for_others_comes_back_or_says_why_not() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let cache = dir.path().join("cache");
        let store = Store::open(&cache, StoreSettings::default()).expect("it can be opened");
        let policy = Policy { allow_file: true, ..Policy::default() };
        let reference = write(&dir, b"one");
        let artifact = store.fetch_provider(&reference, &policy, SystemTime::now()).await.expect("it is good");
        let rules = Rules { policy, ..Rules::default() };
        let archive = Archive::new(Artifacts::new(store, rules), &artifact);
        let path = archive.executable().await.expect("it is taken out");
        assert_eq!(fs::read(&path).expect("it is there"), b"one");

        fs::remove_file(&path).expect("it is there");
        assert_eq!(archive.executable().await.expect("it is taken out again"), path);

        let forget = || {
            fs::remove_file(&path).expect("it is there");
            fs::remove_file(cache.join("sha256").join(artifact.digest.to_hex())).expect("it is there");
        };
        forget();
        assert_eq!(archive.executable().await.expect("it is fetched again"), path);

        forget();
        write(&dir, b"two");
        let error = archive.executable().await.expect_err("it is another").to_string();
        assert!(error.contains("is another by now") && error.contains(&artifact.digest.to_hex()), "{error}");
    }

    #[tokio::test]
    async fn a_host_that_never_asks_does_not_ask_for_a_program_that_it_has_lost() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&dir.path().join("cache"), StoreSettings::default()).expect("it can be opened");
        let of = |pull| Archive {
            artifacts: Artifacts::new(store.clone(), Rules { pull, ..Rules::default() }),
            // Nothing listens there.
            reference: "127.0.0.1:1/acme/lost:1".parse().expect("a reference"),
            digest: Digest::of(b"an archive"),
            executable: Digest::of(b"an executable"),
        };
        let never = of(PullPolicy::Never).executable().await.expect_err("it is lost");
        assert!(matches!(never, ProgramError::Fetch(FetchError::NotCached { .. })), "{never:?}");
        let asked = of(PullPolicy::IfNotPresent).executable().await.expect_err("nobody is there");
        assert!(matches!(asked, ProgramError::Fetch(FetchError::Oci { .. })), "{asked:?}");
    }
}
