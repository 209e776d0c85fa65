//! Providers through the store from outside: fetching, what is refused, what the cache saves, and running.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, SystemTime},
};

use lattice_artifact::{
    ArchiveError, Digest, FetchError, Kind, Policy, ProviderArtifact, Pull, Reference, Store, StoreSettings,
    archive::{self, Packing},
};
use lattice_claims::{
    AccountSeed, ModuleClaimsError, NewProviderClaims, ProviderClaimsError, ProviderSeed, TokenError, unix_seconds,
};
use tempfile::TempDir;

const FILES: Policy = Policy { allow_file: true, allow_unsigned: false };
const PROGRAM: &str = "#!/bin/sh\necho hello\n";

struct Bench {
    dir: TempDir,
    store: Store,
    account: AccountSeed,
    provider: ProviderSeed,
}

impl Bench {
    fn new() -> Self {
        Self::with(StoreSettings::default())
    }

    fn with(settings: StoreSettings) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(&dir.path().join("cache"), settings).expect("a store");
        Self { dir, store, account: AccountSeed::generate(), provider: ProviderSeed::generate() }
    }

    fn claims(&self) -> NewProviderClaims {
        let contract = "wasmcloud:keyvalue".parse().expect("a contract");
        let revision = Some(1);
        NewProviderClaims { revision, ..NewProviderClaims::new(self.provider.public(), contract, SystemTime::now()) }
    }

    fn packed(&self, claims: NewProviderClaims, program: &str, packing: Packing) -> Vec<u8> {
        let target = archive::this_target();
        let binaries = [("other-target", &b"another program"[..]), (&target, program.as_bytes())];
        archive::pack(claims, &self.account, &binaries, packing).expect("sound names")
    }

    fn archive(&self, program: &str) -> Vec<u8> {
        self.packed(self.claims(), program, Packing::TarGz)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Reference {
        fs::write(self.path(name), bytes).expect("the file is written");
        Reference::from_path(&self.path(name)).expect("the path is absolute")
    }

    async fn fetch(&self, bytes: impl AsRef<[u8]>) -> Result<ProviderArtifact, FetchError> {
        let reference = self.write("a.par.gz", bytes);
        self.store.fetch_provider(&reference, &FILES, SystemTime::now()).await
    }

    async fn refused(&self, bytes: impl AsRef<[u8]>) -> ArchiveError {
        match self.fetch(bytes).await.expect_err("it is refused") {
            FetchError::Archive { reference, source } if reference.ends_with("/a.par.gz") => *source,
            other => panic!("{other}"),
        }
    }

    fn cached(&self) -> usize {
        fs::read_dir(self.path("cache/sha256")).expect("the cache's directory").count()
    }

    async fn output(&self, provider: &ProviderArtifact) -> Vec<u8> {
        let path = self.store.executable(provider).await.expect("it is written");
        Command::new(path).output().expect("it can be run").stdout
    }
}

#[tokio::test]
async fn a_provider_is_fetched_and_run() {
    let bench = Bench::new();
    for packing in [Packing::Tar, Packing::TarGz] {
        let bytes = bench.packed(bench.claims(), PROGRAM, packing);
        let provider = bench.fetch(&bytes).await.expect("it is accepted");
        assert_eq!(provider.reference, Reference::from_path(&bench.path("a.par.gz")).expect("an absolute path"));
        assert_eq!(
            (provider.digest, provider.executable.digest()),
            (Digest::of(&bytes), Digest::of(PROGRAM.as_bytes()))
        );
        assert_eq!(
            (&provider.claims.subject, &provider.claims.issuer),
            (&bench.provider.public(), &bench.account.public())
        );
        assert_eq!(bench.output(&provider).await, b"hello\n");
    }
}

#[tokio::test]
async fn the_phases_one_by_one() {
    let bench = Bench::new();
    let reference = bench.write("a.par.gz", bench.archive(PROGRAM));
    let fetched = bench.store.fetch_bytes(&reference, &FILES, &Pull::new(Kind::Provider)).await.expect("it is there");
    assert_eq!(bench.cached(), 0, "nothing unchecked is kept");
    let digest = fetched.digest();
    let provider = bench.store.verify_provider(fetched, SystemTime::now()).await.expect("it is accepted");
    assert_eq!((provider.digest, bench.cached()), (digest, 1));
}

#[tokio::test]
async fn what_ran_can_run_again_without_its_file() {
    let bench = Bench::new();
    let provider = bench.fetch(bench.archive(PROGRAM)).await.expect("it is accepted");
    let (reference, digest) = (&provider.reference, &provider.digest);
    fs::remove_file(bench.path("a.par.gz")).expect("the file was there");
    let strict = Policy::default();
    let error = bench.store.by_digest(reference, digest, &strict).await.expect_err("files are not allowed");
    assert!(matches!(error, FetchError::FileNotAllowed { .. }), "{error}");

    let store = Store::open(&bench.path("cache"), StoreSettings::default()).expect("a second store");
    assert!(store.holds(digest));
    let fetched = store.by_digest(reference, digest, &FILES).await.expect("a readable cache").expect("an entry");
    let again = store.verify_provider(fetched, SystemTime::now()).await.expect("it is accepted");
    assert_eq!((again.claims, again.executable.bytes()), (provider.claims, provider.executable.bytes()));
}

#[tokio::test]
async fn claims_that_expired_count_from_the_cache_as_well() {
    let bench = Bench::new();
    let now = SystemTime::now();
    let expires = Some(unix_seconds(now) + 60);
    let bytes = bench.packed(NewProviderClaims { expires, ..bench.claims() }, PROGRAM, Packing::Tar);
    let provider = bench.fetch(&bytes).await.expect("it is valid now");
    let found = bench.store.by_digest(&provider.reference, &provider.digest, &FILES).await;
    let fetched = found.expect("a readable cache").expect("an entry");
    let error = bench.store.verify_provider(fetched, now + Duration::from_secs(120)).await.expect_err("it expired");
    let FetchError::Archive { source, .. } = error else { panic!("{error}") };
    let ArchiveError::Claims { source } = *source else { panic!("{source}") };
    assert!(matches!(source, ProviderClaimsError::Token { source: TokenError::Expired { .. } }), "{source}");
}

#[tokio::test]
async fn what_the_policy_refuses() {
    let bench = Bench::new();
    let reference = bench.write("a.par.gz", bench.archive(PROGRAM));
    let now = SystemTime::now();
    let error = bench.store.fetch_provider(&reference, &Policy::default(), now).await.expect_err("no files");
    assert!(matches!(error, FetchError::FileNotAllowed { .. }), "{error}");
    let builtin = "builtin://http-server".parse().expect("a reference");
    let error = bench.store.fetch_provider(&builtin, &FILES, now).await.expect_err("no artifact");
    assert!(matches!(error, FetchError::Unsupported { .. }), "{error}");
}

/// There is no such thing as an unsigned archive, whatever is allowed.
#[tokio::test]
async fn allowing_what_is_unsigned_changes_nothing() {
    let bench = Bench::new();
    let reference = bench.write("a.par.gz", [0; 1024]);
    let all = Policy { allow_file: true, allow_unsigned: true };
    let error = bench.store.fetch_provider(&reference, &all, SystemTime::now()).await.expect_err("no claims");
    let FetchError::Archive { source, .. } = error else { panic!("{error}") };
    assert!(matches!(*source, ArchiveError::MissingClaims), "{source}");
}

#[tokio::test]
async fn archives_that_are_refused() {
    let bench = Bench::new();
    assert!(matches!(bench.refused("#!/bin/sh").await, ArchiveError::NotAnArchive));
    let foreign = [("riscv64-plan9", &b"a program"[..])];
    let foreign = archive::pack(bench.claims(), &bench.account, &foreign, Packing::TarGz).expect("sound names");
    let error = bench.refused(&foreign).await;
    assert!(matches!(&error, ArchiveError::MissingTarget { found, .. } if found[..] == ["riscv64-plan9"]), "{error}");

    let mut other = bench.packed(bench.claims(), PROGRAM, Packing::Tar);
    let hello = other.windows(5).rposition(|window| window == b"hello").expect("the program is in the archive");
    other[hello] = b'j';
    assert!(matches!(bench.refused(&other).await, ArchiveError::Hash { .. }));
    assert_eq!(bench.cached(), 0, "nothing bad is kept");
}

#[tokio::test]
async fn modules_and_providers_are_not_taken_for_one_another() {
    let bench = Bench::new();
    assert!(matches!(bench.refused(b"\0asm\x01\0\0\0").await, ArchiveError::NotAnArchive));
    let reference = bench.write("a.wasm", bench.archive(PROGRAM));
    let error = bench.store.fetch(&reference, &FILES, SystemTime::now()).await.expect_err("no module");
    assert!(matches!(error, FetchError::Module { source: ModuleClaimsError::NotWasm, .. }), "{error}");
}

/// Regression of published hosts: they kept executables by revision, and ran the old one.
#[tokio::test]
async fn another_build_of_the_same_revision_runs() {
    let bench = Bench::new();
    let first = bench.fetch(bench.archive(PROGRAM)).await.expect("it is accepted");
    assert_eq!(bench.output(&first).await, b"hello\n");
    let second = bench.fetch(bench.archive("#!/bin/sh\necho bye\n")).await.expect("it is accepted");
    assert_eq!((first.claims.revision, second.claims.revision), (Some(1), Some(1)));
    assert_eq!(bench.output(&second).await, b"bye\n");
    assert_eq!(bench.output(&first).await, b"hello\n");
}

#[tokio::test]
async fn an_executable_that_was_tampered_with_does_not_run() {
    let bench = Bench::new();
    let provider = bench.fetch(bench.archive(PROGRAM)).await.expect("it is accepted");
    let path = bench.store.executable(&provider).await.expect("it is written");
    fs::write(&path, "#!/bin/sh\necho evil\n").expect("its owner may write it");
    assert_eq!(bench.output(&provider).await, b"hello\n");
}

#[tokio::test]
async fn an_executable_is_found_by_its_digest_as_long_as_it_is_sound() {
    let bench = Bench::new();
    let provider = bench.fetch(bench.archive(PROGRAM)).await.expect("it is accepted");
    let digest = provider.executable.digest();
    let found = async || bench.store.executable_by_digest(&digest).await.expect("nothing shuts down");
    assert_eq!(found().await, None);
    let path = bench.store.executable(&provider).await.expect("it is written");
    assert_eq!(found().await, Some(path.clone()));
    fs::write(&path, "#!/bin/sh\necho evil\n").expect("its owner may write it");
    assert_eq!(found().await, None);
}

#[tokio::test]
async fn an_executable_that_cannot_be_written_is_an_error() {
    let bench = Bench::new();
    let provider = bench.fetch(bench.archive(PROGRAM)).await.expect("it is accepted");
    fs::remove_dir_all(bench.path("cache")).expect("the cache was there");
    let error = bench.store.executable(&provider).await.expect_err("there is no place for it");
    assert!(matches!(&error, FetchError::Executable { reference, .. } if reference == provider.reference.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_start_the_same_provider() {
    let bench = Bench::new();
    let reference = bench.write("a.par.gz", bench.archive(PROGRAM));
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (store, reference) = (bench.store.clone(), reference.clone());
            tokio::spawn(async move {
                let provider = store.fetch_provider(&reference, &FILES, SystemTime::now()).await?;
                let path = store.executable(&provider).await?;
                Ok::<_, FetchError>(tokio::task::spawn_blocking(|| Command::new(path).output()).await)
            })
        })
        .collect();
    for task in tasks {
        let ran = task.await.expect("the task ends").expect("it is accepted").expect("it ends");
        assert_eq!(ran.expect("it can be run").stdout, b"hello\n");
    }
    assert_eq!(bench.cached(), 1);
    assert_eq!(fs::read_dir(bench.path("cache/executables")).expect("the directory").count(), 1);
    assert_eq!(fs::read_dir(bench.path("cache/unfinished")).expect("the directory").count(), 0);
}

#[tokio::test]
async fn an_archive_that_is_too_large_is_not_read() {
    let bench = Bench::with(StoreSettings::default().max_artifact(100));
    let error = bench.fetch(bench.archive(PROGRAM)).await.expect_err("it is larger");
    assert!(matches!(error, FetchError::File { .. }), "{error}");
}
