//! The store from outside: every way in which fetching can go wrong, and what the cache saves.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use lattice_artifact::{
    Artifact, Digest, FetchError, FileError, Kind, Policy, Pull, Reference, Store, StoreSettings, unsigned_key,
};
use lattice_claims::{AccountSeed, ModuleClaimsError, ModuleSeed, NewModuleClaims, TokenError, sign_module};
use tempfile::TempDir;

const MODULE: &str = r#"(module (memory (export "memory") 1) (data (i32.const 0) "hello")
    (func (export "answer") (result i32) (i32.const 42)))"#;

struct Bench {
    dir: TempDir,
    store: Store,
    account: AccountSeed,
    module: ModuleSeed,
}

impl Bench {
    fn new() -> Self {
        Self::with(StoreSettings::default())
    }

    fn with(settings: StoreSettings) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(&dir.path().join("cache"), settings).expect("a store");
        Self { dir, store, account: AccountSeed::generate(), module: ModuleSeed::generate() }
    }

    fn claims(&self) -> NewModuleClaims {
        NewModuleClaims { name: Some("Answer".into()), ..NewModuleClaims::new(self.module.public(), SystemTime::now()) }
    }

    fn signed(&self, claims: &NewModuleClaims) -> Vec<u8> {
        sign_module(&unsigned(), claims, &self.account).expect("a module can be signed")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Reference {
        fs::write(self.path(name), bytes).expect("the file is written");
        Reference::from_path(&self.path(name)).expect("the path is absolute")
    }

    async fn fetch(&self, reference: &Reference, policy: Policy) -> Result<Artifact, FetchError> {
        self.store.fetch(reference, &policy, SystemTime::now()).await
    }

    async fn refused(&self, bytes: impl AsRef<[u8]>) -> FetchError {
        let reference = self.write("bad.wasm", bytes);
        let error = self.fetch(&reference, signed_only()).await.expect_err("it is refused");
        assert!(error.to_string().contains(reference.as_str()), "{error}");
        error
    }

    fn cached(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("cache/sha256")).expect("the cache's directory");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }
}

fn all() -> Policy {
    Policy { allow_unsigned: true, ..signed_only() }
}

fn signed_only() -> Policy {
    Policy { allow_file: true, ..Policy::default() }
}

fn unsigned() -> Vec<u8> {
    wat::parse_str(MODULE).expect("the text is a module")
}

#[tokio::test]
async fn a_signed_module() {
    let bench = Bench::new();
    let bytes = bench.signed(&bench.claims());
    let reference = bench.write("a.wasm", &bytes);
    let artifact = bench.fetch(&reference, signed_only()).await.expect("it is accepted");
    assert_eq!(artifact.reference, reference);
    assert_eq!(artifact.digest, Digest::of(&bytes));
    assert_eq!(artifact.bytes, bytes);
    assert_eq!(artifact.identity.key, bench.module.public());
    let claims = artifact.identity.claims.as_ref().expect("it has claims");
    assert_eq!((claims.name.as_deref(), &claims.issuer), (Some("Answer"), &bench.account.public()));
}

#[tokio::test]
async fn the_phases_one_by_one() {
    let bench = Bench::new();
    let reference = bench.write("a.wasm", bench.signed(&bench.claims()));
    let fetched =
        bench.store.fetch_bytes(&reference, &signed_only(), &Pull::new(Kind::Module)).await.expect("it is there");
    assert_eq!((fetched.reference(), fetched.size()), (&reference, bench.signed(&bench.claims()).len()));
    assert!(bench.cached().is_empty(), "nothing unchecked is kept");
    let digest = fetched.digest();
    let artifact = bench.store.verify(fetched, &signed_only(), SystemTime::now()).await.expect("it is accepted");
    assert_eq!((artifact.digest, bench.cached().len()), (digest, 1));
}

#[tokio::test]
async fn an_unsigned_module_has_the_key_of_its_bytes() {
    let (one, other) = (Bench::new(), Bench::new());
    let fetch = async |bench: &Bench, name, bytes: Vec<u8>| {
        bench.fetch(&bench.write(name, bytes), all()).await.expect("unsigned modules are allowed").identity
    };
    let identity = fetch(&one, "a.wasm", unsigned()).await;
    assert!(identity.claims.is_none());
    assert_eq!(identity.key, unsigned_key(&Digest::of(&unsigned())));
    assert_eq!(identity.key, fetch(&other, "b.wasm", unsigned()).await.key);
    let different = wat::parse_str(MODULE.replace("42", "43")).expect("the text is a module");
    assert_ne!(identity.key, fetch(&one, "a.wasm", different).await.key);
}

#[tokio::test]
async fn what_the_policy_refuses() {
    let bench = Bench::new();
    let error = bench.refused(unsigned()).await;
    assert!(matches!(error, FetchError::Unsigned { .. }), "{error}");

    let reference = bench.write("a.wasm", bench.signed(&bench.claims()));
    let strict = Policy::default();
    let error = bench.fetch(&reference, strict.clone()).await.expect_err("files are not allowed");
    assert!(matches!(error, FetchError::FileNotAllowed { .. }), "{error}");

    let artifact = bench.fetch(&reference, signed_only()).await.expect("it is accepted");
    let error = bench.store.by_digest(&reference, &artifact.digest, &strict).await.expect_err("nor from the cache");
    assert!(matches!(error, FetchError::FileNotAllowed { .. }), "{error}");
}

#[tokio::test]
async fn modules_that_are_refused() {
    let bench = Bench::new();
    let good = bench.signed(&bench.claims());
    let module = async |bytes: &[u8]| match bench.refused(bytes).await {
        FetchError::Module { source, .. } => source,
        other => panic!("{other}"),
    };
    assert!(matches!(module(b"#!/bin/sh\n").await, ModuleClaimsError::NotWasm));
    assert!(matches!(module(b"\0asm").await, ModuleClaimsError::Damaged { .. }));
    assert!(matches!(module(&good[..good.len() - 1]).await, ModuleClaimsError::Damaged { .. }));

    let mut other = good.clone();
    let hello = other.windows(5).position(|window| window == b"hello").expect("the data is in the module");
    other[hello] = b'j';
    assert!(matches!(module(&other).await, ModuleClaimsError::Hash { .. }));

    let expired = bench.signed(&NewModuleClaims { expires: Some(1), ..bench.claims() });
    let error = module(&expired).await;
    assert!(matches!(error, ModuleClaimsError::Token { source: TokenError::Expired { at: 1 } }), "{error}");
    assert!(bench.cached().is_empty(), "nothing bad is kept");
}

#[tokio::test]
async fn allowing_unsigned_modules_does_not_allow_bad_claims() {
    let bench = Bench::new();
    let expired = bench.signed(&NewModuleClaims { expires: Some(1), ..bench.claims() });
    let error = bench.fetch(&bench.write("a.wasm", expired), all()).await.expect_err("it expired");
    assert!(matches!(error, FetchError::Module { .. }), "{error}");
    let error = bench.fetch(&bench.write("a.wasm", "text"), all()).await.expect_err("it is no module");
    assert!(matches!(error, FetchError::Module { source: ModuleClaimsError::NotWasm, .. }), "{error}");
}

#[tokio::test]
async fn the_time_that_counts_is_the_callers() {
    let bench = Bench::new();
    let now = SystemTime::now();
    let end = lattice_claims::unix_seconds(now) + 60;
    let reference = bench.write("a.wasm", bench.signed(&NewModuleClaims { expires: Some(end), ..bench.claims() }));
    bench.store.fetch(&reference, &signed_only(), now).await.expect("it is valid now");
    let later = now + Duration::from_secs(120);
    let digest = Digest::of(&fs::read(bench.path("a.wasm")).expect("the file"));
    bench.store.fetch(&reference, &signed_only(), later).await.expect_err("it expired");
    let cached = bench.store.by_digest(&reference, &digest, &signed_only()).await.expect("a readable cache");
    bench.store.verify(cached.expect("an entry"), &signed_only(), later).await.expect_err("from the cache as well");
    let begin = Some(end);
    let reference = bench.write("b.wasm", bench.signed(&NewModuleClaims { not_before: begin, ..bench.claims() }));
    bench.store.fetch(&reference, &signed_only(), now).await.expect_err("it is not valid yet");
    bench.store.fetch(&reference, &signed_only(), later).await.expect("it is valid later");
}

#[tokio::test]
async fn files_that_are_none() {
    let bench = Bench::with(StoreSettings::default().max_artifact(100));
    let check = async |reference: Reference| match bench.fetch(&reference, all()).await.expect_err("no module there") {
        FetchError::File { reference: text, source } => {
            assert_eq!(text, reference.as_str());
            source
        }
        other => panic!("{other}"),
    };
    let at = |path: &Path| Reference::from_path(path).expect("the path is absolute");
    assert!(matches!(check(at(&bench.path("missing"))).await, FileError::Missing));
    assert!(matches!(check(at(bench.dir.path())).await, FileError::Directory));
    assert!(matches!(check(bench.write("empty", "")).await, FileError::Empty));
    assert!(matches!(check(bench.write("large", [0; 101])).await, FileError::TooLarge { size: 101, max: 100 }));
}

#[tokio::test]
async fn sources_that_this_store_does_not_have() {
    let bench = Bench::new();
    let check = async |text: &str, what: &str| {
        let reference = text.parse().expect("a reference");
        let error = bench.fetch(&reference, all()).await.expect_err("it is not supported");
        assert_eq!(error.to_string(), format!("`{text}` names {what}, which is not supported by this version"));
    };
    check("nats://hello:1", "an artifact in a lattice's own store").await;
    check("builtin://http-server", "a builtin capability provider").await;
}

#[tokio::test]
async fn what_ran_can_run_again_without_its_file() {
    let bench = Bench::new();
    let reference = bench.write("a.wasm", bench.signed(&bench.claims()));
    let artifact = bench.fetch(&reference, signed_only()).await.expect("it is accepted");
    fs::remove_file(bench.path("a.wasm")).expect("the file was there");

    let store = Store::open(&bench.path("cache"), StoreSettings::default()).expect("a second store");
    assert!(store.holds(&artifact.digest) && !store.holds(&Digest::of(b"another")));
    let fetched = store.by_digest(&reference, &artifact.digest, &signed_only()).await.expect("a readable cache");
    let again =
        store.verify(fetched.expect("an entry"), &signed_only(), SystemTime::now()).await.expect("it is accepted");
    assert_eq!((again.bytes, again.identity.key), (artifact.bytes, artifact.identity.key));
}

/// A start from the cache read the entry once to get it, and once more to compare it with what it had just got.
#[tokio::test]
async fn what_comes_from_the_cache_is_not_put_there_again() {
    let bench = Bench::new();
    let reference = bench.write("a.wasm", bench.signed(&bench.claims()));
    let artifact = bench.fetch(&reference, signed_only()).await.expect("it is accepted");
    let cached = bench.store.by_digest(&reference, &artifact.digest, &signed_only()).await.expect("a readable cache");
    fs::remove_file(&bench.cached()[0]).expect("the entry is there");
    bench.store.verify(cached.expect("an entry"), &signed_only(), SystemTime::now()).await.expect("it is accepted");
    assert!(bench.cached().is_empty());
}

#[tokio::test]
async fn a_damaged_entry_counts_as_absent() {
    let bench = Bench::new();
    let reference = bench.write("a.wasm", bench.signed(&bench.claims()));
    let artifact = bench.fetch(&reference, signed_only()).await.expect("it is accepted");
    fs::write(&bench.cached()[0], "damaged").expect("the entry is there");
    let found = bench.store.by_digest(&reference, &artifact.digest, &signed_only()).await.expect("a readable cache");
    assert!(found.is_none() && bench.cached().is_empty() && !bench.store.holds(&artifact.digest));
    bench.fetch(&reference, signed_only()).await.expect("it is fetched again");
    assert_eq!(bench.cached().len(), 1);
}

#[tokio::test]
async fn a_file_that_changes_is_another_artifact() {
    let bench = Bench::new();
    let first = bench.fetch(&bench.write("a.wasm", unsigned()), all()).await.expect("it is accepted");
    let changed = wat::parse_str(MODULE.replace("42", "43")).expect("the text is a module");
    let second = bench.fetch(&bench.write("a.wasm", changed), all()).await.expect("it is accepted");
    assert_eq!(first.reference, second.reference);
    assert_ne!(first.digest, second.digest);
    assert_eq!(bench.cached().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_fetch_the_same_file() {
    let bench = Bench::new();
    let reference = bench.write("a.wasm", bench.signed(&bench.claims()));
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (store, reference) = (bench.store.clone(), reference.clone());
            tokio::spawn(async move { store.fetch(&reference, &signed_only(), SystemTime::now()).await })
        })
        .collect();
    for task in tasks {
        let artifact = task.await.expect("the task ends").expect("it is accepted");
        assert_eq!(artifact.identity.key, bench.module.public());
    }
    let digest = Digest::of(&fs::read(bench.path("a.wasm")).expect("the file"));
    assert_eq!(bench.cached(), [bench.path("cache/sha256").join(digest.to_hex())]);
    assert_eq!(fs::read_dir(bench.path("cache/unfinished")).expect("the directory").count(), 0);
}

/// A cache that cannot be written: its directories are gone, which the administrator notices as well.
#[tokio::test]
async fn a_broken_cache_costs_only_the_caching() {
    let bench = Bench::new();
    let reference = bench.write("a.wasm", bench.signed(&bench.claims()));
    fs::remove_dir_all(bench.path("cache")).expect("the cache was there");
    let artifact = bench.fetch(&reference, signed_only()).await.expect("it is fetched all the same");
    let found = bench.store.by_digest(&reference, &artifact.digest, &signed_only()).await.expect("nothing is no error");
    assert!(found.is_none());
}

/// Modules that others built and signed, years ago, with other tools.
#[tokio::test]
async fn published_modules() {
    let bench = Bench::new();
    let fixtures =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo tells tests")).join("../testkit/fixtures");
    for name in ["echo_messaging_v0.9.0.wasm", "logger.wasm"] {
        let reference = Reference::from_path(&fixtures.join(name)).expect("the path is absolute");
        let artifact = bench.fetch(&reference, signed_only()).await.expect(name);
        assert_eq!(Some(&artifact.identity.key), artifact.identity.claims.as_ref().map(|claims| &claims.subject));
    }
    assert_eq!(bench.cached().len(), 2);
}
