//! Random corruptions of what is sound: each is refused and leaves nothing, or it means the same.
//!
//! Keys, times and chance are the same in every run, so that a round that fails fails again.

use std::{
    fs,
    io::Write as _,
    ops::Range,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use flate2::{Compression, write::GzEncoder};
use lattice_artifact::{
    Policy, Reference, Store, StoreSettings,
    archive::{self, Packing},
};
use lattice_claims::{
    AccountSeed, ModuleSeed, NewModuleClaims, NewProviderClaims, ProviderSeed, module_hash, sign_module,
};
use lattice_testkit::guests::built;
use nkeys::{KeyPair, KeyPairType};
use tempfile::TempDir;

const ROUNDS: u64 = 200;
fn files() -> Policy {
    Policy { allow_file: true, ..Policy::default() }
}
const PROGRAM: &[u8] = b"#!/bin/sh\necho hello\n";

/// The longest run of bytes that is removed, put in or moved.
const LONGEST: usize = 600;

/// When everything is signed and fetched.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn seed(kind: KeyPairType) -> String {
    KeyPair::new_from_raw(kind, [7; 32]).and_then(|pair| pair.seed()).expect("any 32 bytes are a seed")
}

fn account() -> AccountSeed {
    seed(KeyPairType::Account).parse().expect("it is an account's")
}

fn signed(module: &[u8]) -> Vec<u8> {
    let subject: ModuleSeed = seed(KeyPairType::Module).parse().expect("it is a module's");
    let claims = NewModuleClaims::new(subject.public(), now());
    let claims = NewModuleClaims { id: "J".to_owned(), name: Some("Answer".to_owned()), ..claims };
    sign_module(module, &claims, &account()).expect("a module can be signed")
}

fn packed(packing: Packing) -> Vec<u8> {
    let subject: ProviderSeed = seed(KeyPairType::Service).parse().expect("it is a provider's");
    let contract = "wasmcloud:keyvalue".parse().expect("a contract");
    let claims = NewProviderClaims::new(subject.public(), contract, now());
    let claims = NewProviderClaims { id: "J".to_owned(), revision: Some(1), ..claims };
    let target = archive::this_target();
    let binaries = [("other-target", &b"another program"[..]), (&target, PROGRAM)];
    archive::pack(claims, &account(), &binaries, packing).expect("sound names")
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written")
}

struct Bench {
    dir: TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(&dir.path().join("cache"), StoreSettings::default()).expect("a store");
        Self { dir, store }
    }

    fn write(&self, bytes: &[u8]) -> Reference {
        let path = self.dir.path().join("artifact");
        fs::write(&path, bytes).expect("the file is written");
        Reference::from_path(&path).expect("the path is absolute")
    }

    fn cached(&self) -> usize {
        fs::read_dir(self.dir.path().join("cache/sha256")).expect("the cache's directory").count()
    }
}

/// Counts what was accepted, for what was refused must not be kept.
#[derive(Default)]
struct Tally {
    accepted: std::collections::BTreeSet<lattice_artifact::Digest>,
    refused: u64,
}

impl Tally {
    /// So many are to be refused: otherwise the corruptions are too harmless to show anything.
    fn check(&self, bench: &Bench, at_least: u64) {
        assert_eq!(bench.cached(), self.accepted.len(), "what is refused is not kept");
        assert!(self.refused >= at_least, "{} of {ROUNDS} were refused", self.refused);
    }
}

async fn modules(module: &[u8], at_least: u64) {
    let (bench, good) = (Bench::new(), signed(module));
    let sound = bench.store.fetch(&bench.write(&good), &files(), now()).await.expect("it is sound");
    let hash = module_hash(&good).expect("a module");
    let mut tally = Tally { accepted: [sound.digest].into(), ..Tally::default() };
    for round in 0..ROUNDS {
        let bad = Chance::of(round).corrupt(&good);
        match bench.store.fetch(&bench.write(&bad), &files(), now()).await {
            Err(_) => tally.refused += 1,
            Ok(artifact) => {
                assert_eq!(artifact.identity.key, sound.identity.key, "round {round}");
                assert_eq!(artifact.identity.claims, sound.identity.claims, "round {round}");
                assert_eq!(module_hash(&artifact.bytes).expect("it was accepted"), hash, "round {round}");
                tally.accepted.insert(artifact.digest);
            }
        }
    }
    tally.check(&bench, at_least);
}

/// `then` is done with what is corrupted.
async fn archives(good: &[u8], then: fn(Vec<u8>) -> Vec<u8>, at_least: u64) {
    let bench = Bench::new();
    let sound = bench.store.fetch_provider(&bench.write(good), &files(), now()).await.expect("it is sound");
    assert_eq!(sound.executable.bytes(), PROGRAM);
    let mut tally = Tally { accepted: [sound.digest].into(), ..Tally::default() };
    for round in 0..ROUNDS {
        let bad = then(Chance::of(round).corrupt(good));
        match bench.store.fetch_provider(&bench.write(&bad), &files(), now()).await {
            Err(_) => tally.refused += 1,
            Ok(provider) => {
                assert_eq!(provider.claims, sound.claims, "round {round}");
                assert_eq!(provider.executable.bytes(), PROGRAM, "round {round}");
                assert_eq!(provider.executable.digest(), sound.executable.digest(), "round {round}");
                tally.accepted.insert(provider.digest);
            }
        }
    }
    tally.check(&bench, at_least);
}

#[tokio::test]
async fn a_module() {
    let text = r#"(module (memory (export "memory") 1) (data (i32.const 0) "hello")
        (func (export "answer") (result i32) (i32.const 42)))"#;
    modules(&wat::parse_str(text).expect("the text is a module"), 150).await;
}

#[tokio::test]
async fn a_module_that_a_compiler_made() {
    modules(built::HELLO, 150).await;
}

#[tokio::test]
async fn an_archive() {
    archives(&packed(Packing::Tar), |bad| bad, 80).await;
}

#[tokio::test]
async fn a_compressed_archive() {
    archives(&packed(Packing::TarGz), |bad| bad, 150).await;
}

/// What the checksum of the compression does not see.
#[tokio::test]
async fn an_archive_inside_its_compression() {
    archives(&packed(Packing::Tar), |bad| compressed(&bad), 80).await;
}

/// A sequence that looks random and is the same in every run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn of(round: u64) -> Self {
        Self(0x1a77_1ce5_0000_0000 | round)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// A run of bytes, mostly short.
    fn run(&mut self, length: usize) -> Range<usize> {
        let longest = if self.below(2) == 0 { 4 } else { LONGEST };
        let start = self.below(length);
        start..length.min(start + 1 + self.below(longest))
    }

    /// One to four corruptions, which together changed something.
    fn corrupt(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bad = good.to_vec();
        let times = 1 + self.below(4);
        for _ in 0..times {
            self.corrupt_once(&mut bad);
        }
        match bad == good {
            true => self.corrupt(good),
            false => bad,
        }
    }

    fn corrupt_once(&mut self, bad: &mut Vec<u8>) {
        if bad.is_empty() {
            return;
        }
        let run = self.run(bad.len());
        match self.below(9) {
            0..=2 => bad[run.start] ^= 1 << self.below(8),
            3 => bad[run.start] = self.byte(),
            4 => drop(bad.drain(run)),
            5 => {
                let noise: Vec<u8> = run.clone().map(|_| self.byte()).collect();
                drop(bad.splice(run.start..run.start, noise));
            }
            6 => {
                let copy = bad[run.clone()].to_vec();
                let to = self.below(bad.len());
                drop(bad.splice(to..to, copy));
            }
            7 => {
                let to = self.below(bad.len());
                run.zip(to..bad.len()).for_each(|(one, other)| bad.swap(one, other));
            }
            _ => bad.truncate(run.start),
        }
    }
}
