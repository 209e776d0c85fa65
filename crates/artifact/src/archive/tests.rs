use std::{
    collections::BTreeMap,
    io::{Cursor, Read, Write},
    time::{Duration, UNIX_EPOCH},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use lattice_claims::{AccountSeed, NewProviderClaims, ProviderSeed, sign_provider};
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::{pack::written, *};

const TARGET: &str = "x86_64-linux";
const PROGRAM: &[u8] = b"#!/bin/sh\nexit 0\n";
const OTHER: &[u8] = b"another program";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn claims() -> NewProviderClaims {
    let contract = "wasmcloud:keyvalue".parse().unwrap();
    NewProviderClaims {
        id: "J".to_owned(),
        ..NewProviderClaims::new(ProviderSeed::generate().public(), contract, now())
    }
}

fn binaries() -> [(&'static str, &'static [u8]); 2] {
    [(TARGET, PROGRAM), ("aarch64-macos", OTHER)]
}

fn packed(packing: Packing) -> Vec<u8> {
    pack(claims(), &AccountSeed::generate(), &binaries(), packing).unwrap()
}

/// A token that names the executables of [`binaries`].
fn sound_token() -> String {
    token_for(&binaries())
}

fn token_for(binaries: &[(&str, &[u8])]) -> String {
    let target_hashes = binaries.iter().map(|(target, binary)| (target.to_string(), binary_hash(binary))).collect();
    sign_provider(&NewProviderClaims { target_hashes, ..claims() }, &AccountSeed::generate())
}

/// An archive with entries of any kind and name, written as they are said.
struct Raw(Builder<Vec<u8>>);

impl Raw {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn signed() -> Self {
        Self::new().file("claims.jwt", sound_token().as_bytes())
    }

    fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(name, EntryType::Regular, content.len() as u64, content)
    }

    fn entry(mut self, name: &str, kind: EntryType, size: u64, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn done(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    fn refused(self) -> ArchiveError {
        refused(&self.done())
    }
}

fn targets(inspected: &Inspected) -> Vec<&str> {
    inspected.executables.iter().map(|listed| listed.target.as_str()).collect()
}

fn refused(archive: &[u8]) -> ArchiveError {
    let error = open(archive, TARGET, now()).expect_err("not acceptable");
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control) && text.len() < 500, "{text}");
    error
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn small_limits() -> Limits {
    Limits { entries: 4, unpacked: 8192, claims: 2048, executable: 1000 }
}

fn refused_within(archive: &[u8], limits: Limits) -> ArchiveError {
    open_within(archive, TARGET, now(), &limits).expect_err("not acceptable")
}

#[test]
fn what_is_packed_is_opened() {
    let (claims, account) = (claims(), AccountSeed::generate());
    for packing in [Packing::Tar, Packing::TarGz] {
        let archive = pack(claims.clone(), &account, &binaries(), packing).unwrap();
        for (target, program) in binaries() {
            let opened = open(&archive, target, now()).unwrap();
            assert_eq!((opened.executable.bytes(), opened.executable.digest()), (&program.into(), Digest::of(program)));
            assert_eq!((opened.claims.subject, opened.claims.issuer), (claims.subject.clone(), account.public()));
        }
        let inspected = inspect(&archive).unwrap();
        assert_eq!(targets(&inspected), ["aarch64-macos", TARGET]);
        assert_eq!(verify(&archive, now()).unwrap(), inspected.claims);
        assert_eq!(inspected.claims.target_hashes[TARGET], binary_hash(PROGRAM));
    }
}

#[test]
fn an_inspected_archive_is_told_whole() {
    let archive = Raw::signed().file("x86_64-linux.bin", OTHER).file("riscv64-linux.bin", PROGRAM).done();
    let listed: Vec<_> = inspect(&archive)
        .unwrap()
        .executables
        .into_iter()
        .map(|listed| (listed.target, listed.size, listed.hash, listed.is_as_claimed))
        .collect();
    let expect = [("riscv64-linux", PROGRAM), (TARGET, OTHER)];
    assert_eq!(listed, expect.map(|(target, bytes)| (target.to_owned(), bytes.len(), binary_hash(bytes), false)));
}

#[test]
fn a_whole_archive_is_verified() {
    let wrong = |raw: Raw| verify(&raw.done(), now()).unwrap_err();
    let error = wrong(Raw::signed().file("x86_64-linux.bin", PROGRAM).file("aarch64-macos.bin", PROGRAM));
    assert!(matches!(&error, ArchiveError::Hash { target, .. } if target == "aarch64-macos"), "{error:?}");
    let error = wrong(Raw::signed().file("x86_64-linux.bin", PROGRAM));
    assert!(matches!(&error, ArchiveError::MissingTarget { target, .. } if target == "aarch64-macos"), "{error:?}");
    let whole = || Raw::signed().file("x86_64-linux.bin", PROGRAM).file("aarch64-macos.bin", OTHER);
    let error = wrong(whole().file("more.bin", OTHER));
    assert!(matches!(&error, ArchiveError::MissingHash { target } if target == "more"), "{error:?}");
    let expired = NewProviderClaims { expires: Some(1), ..claims() };
    let expired = pack(expired, &AccountSeed::generate(), &binaries(), Packing::Tar).unwrap();
    assert!(matches!(verify(&expired, now()).unwrap_err(), ArchiveError::Claims { .. }));
}

#[test]
fn each_check_of_an_archive_is_told_by_itself() {
    let token = |claims: NewProviderClaims| {
        let target_hashes = [(TARGET, binary_hash(PROGRAM)), ("aarch64-macos", binary_hash(OTHER))];
        let target_hashes = target_hashes.map(|(target, hash)| (target.to_owned(), hash)).into();
        sign_provider(&NewProviderClaims { target_hashes, ..claims }, &AccountSeed::generate())
    };
    let both = NewProviderClaims { expires: Some(1), not_before: Some(u64::MAX), ..claims() };
    let archive = Raw::new().file("claims.jwt", token(both).as_bytes()).file("x86_64-linux.bin", OTHER);
    let found = check(&archive.file("more.bin", OTHER).done(), now()).unwrap();
    assert!(found.token.signature.is_ok());
    assert!(matches!(found.token.expiry, Err(TokenError::Expired { at: 1 })));
    assert!(matches!(found.token.begin, Err(TokenError::NotYetValid { .. })));
    let found = found.executables.iter().map(|(target, found)| (target.as_str(), found.as_ref().unwrap_err()));
    let found: Vec<_> = found.collect();
    assert!(matches!(
        found[..],
        [
            ("more", ArchiveError::MissingHash { .. }),
            (TARGET, ArchiveError::Hash { .. }),
            ("aarch64-macos", ArchiveError::MissingTarget { .. }),
        ]
    ));
    let sound = check(&packed(Packing::TarGz), now()).unwrap();
    assert!(sound.executables.iter().all(|(_, found)| found.is_ok()) && sound.executables.len() == 2);
    assert!(sound.verdict().is_ok());
}

#[test]
fn an_archive_of_claims_alone_is_not_in_order() {
    let archive = Raw::new().file("claims.jwt", token_for(&[]).as_bytes()).done();
    assert!(matches!(verify(&archive, now()), Err(ArchiveError::Empty)));
    assert!(inspect(&archive).unwrap().executables.is_empty());
}

#[test]
fn a_program_is_added_to_an_archive_that_is_good_later() {
    let account = AccountSeed::generate();
    let pack = |claims| pack(claims, &account, &binaries()[..1], Packing::Tar).unwrap();
    let later = pack(NewProviderClaims { not_before: Some(u64::MAX), ..claims() });
    let two = insert(&later, ("aarch64-macos", OTHER), &account, now()).unwrap();
    let claims_of = |archive: &[u8]| inspect(archive).unwrap().claims;
    assert_eq!((claims_of(&two).not_before, claims_of(&two).target_hashes.len()), (Some(u64::MAX), 2));
    let expired = pack(NewProviderClaims { expires: Some(1), ..claims() });
    let error = insert(&expired, ("aarch64-macos", OTHER), &account, now()).unwrap_err();
    assert!(matches!(error, ArchiveError::Claims { .. }), "{error:?}");
}

#[test]
fn a_schema_that_nobody_would_read_is_not_packed() {
    let pack = |length| {
        let config_schema = Some(serde_json::Value::from("x".repeat(length)));
        let claims = NewProviderClaims { config_schema, ..claims() };
        pack(claims, &AccountSeed::generate(), &binaries(), Packing::Tar)
    };
    let error = pack(lattice_claims::MAX_TOKEN).unwrap_err();
    assert!(matches!(error, ArchiveError::ClaimsTooLarge { .. }), "{error:?}");
    // Base64 makes four characters of three bytes.
    let large = pack(lattice_claims::MAX_TOKEN / 4 * 3 - 1000).unwrap();
    assert!(verify(&large, now()).unwrap().config_schema.is_some());
}

#[test]
fn an_executable_is_added_by_who_signed_the_others() {
    let (claims, account) = (NewProviderClaims { revision: Some(4), ..claims() }, AccountSeed::generate());
    for packing in [Packing::Tar, Packing::TarGz] {
        let one = pack(claims.clone(), &account, &binaries()[..1], packing).unwrap();
        let two = insert(&one, ("aarch64-macos", OTHER), &account, now()).unwrap();
        assert_eq!(two.starts_with(b"\x1f\x8b"), packing == Packing::TarGz);
        let verified = verify(&two, now()).unwrap();
        assert_eq!((verified.subject, verified.revision), (claims.subject.clone(), Some(4)));
        for (target, program) in binaries() {
            assert_eq!(open(&two, target, now()).unwrap().executable.bytes(), program);
        }
    }
}

#[test]
fn executables_that_cannot_be_added() {
    let account = AccountSeed::generate();
    let archive = pack(claims(), &account, &binaries(), Packing::Tar).unwrap();
    let check = |target, issuer: &AccountSeed| insert(&archive, (target, OTHER), issuer, now()).unwrap_err();
    assert!(matches!(check("new", &AccountSeed::generate()), ArchiveError::OtherIssuer { .. }));
    assert!(matches!(check(TARGET, &account), ArchiveError::TargetTaken { .. }));
    assert!(matches!(check("a/b", &account), ArchiveError::Path { .. }));
    let damaged = Raw::signed().file("x86_64-linux.bin", OTHER).done();
    let error = insert(&damaged, ("new", OTHER), &account, now()).unwrap_err();
    assert!(matches!(error, ArchiveError::Hash { .. }), "what is wrong is not signed: {error}");
}

#[test]
fn packing_has_the_published_layout_and_always_the_same_bytes() {
    let (claims, account) = (claims(), AccountSeed::generate());
    let pack = |binaries: &[(&str, &[u8])], packing| pack(claims.clone(), &account, binaries, packing).unwrap();
    let [one, two] = binaries();
    let plain = pack(&[one, two], Packing::Tar);
    assert_eq!(pack(&[two, one], Packing::Tar), plain);
    let gzip = pack(&[one, two], Packing::TarGz);
    assert_eq!(pack(&[two, one], Packing::TarGz), gzip);
    let mut unpacked = Vec::new();
    GzDecoder::new(&gzip[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!((&gzip[..2], unpacked), (&b"\x1f\x8b"[..], plain.clone()));

    let mut archive = tar::Archive::new(&plain[..]);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        (entry.path().unwrap().display().to_string(), header.mode().unwrap(), header.mtime().unwrap())
    });
    let expect = [("claims.jwt", 0o644, 0), ("aarch64-macos.bin", 0o755, 0), ("x86_64-linux.bin", 0o755, 0)];
    assert!(entries.eq(expect.map(|(name, mode, time)| (name.to_owned(), mode, time))));
}

#[test]
fn targets_that_cannot_be_packed() {
    let check =
        |binaries: &[(&str, &[u8])]| pack(claims(), &AccountSeed::generate(), binaries, Packing::Tar).unwrap_err();
    for name in ["a/b", "../a", "/a"] {
        assert!(matches!(check(&[(name, PROGRAM)]), ArchiveError::Path { .. }), "{name}");
    }
    for name in ["é", "a b", "a\n", &"a".repeat(97)] {
        assert!(matches!(check(&[(name, PROGRAM)]), ArchiveError::Name { .. }), "{name}");
    }
    for binaries in [[("claims", PROGRAM), ("a", PROGRAM)], [("a", PROGRAM), ("a", OTHER)]] {
        assert!(matches!(check(&binaries), ArchiveError::Duplicate { .. }));
    }
    let longest = "a".repeat(96);
    let archive = pack(claims(), &AccountSeed::generate(), &[(&longest, PROGRAM)], Packing::Tar).unwrap();
    assert_eq!(open(&archive, &longest, now()).unwrap().executable.bytes(), PROGRAM);
}

#[test]
fn the_target_of_this_machine_is_named_as_rust_does() {
    let target = this_target();
    assert_eq!(target.split_once('-'), Some((consts::ARCH, consts::OS)));
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    assert_eq!(target, TARGET);
}

/// Order and extension do not matter to published hosts, nor a line feed after the token, nor what tools write before
/// entries about owners and times.
#[test]
fn archives_that_other_tools_make() {
    let token = format!("{}\n", sound_token());
    let described = |raw: Raw| raw.entry("PaxHeaders/x", EntryType::XHeader, 11, b"11 mtime=1\n");
    let archive =
        described(described(Raw::new().entry("g", EntryType::XGlobalHeader, 0, b"")).file("x86_64-linux.so", PROGRAM))
            .file("._claims.jwt", b"a resource fork")
            .file("claims.jwt", token.as_bytes())
            .entry("empty.bin", EntryType::Continuous, 0, b"")
            .done();
    assert_eq!(open(&archive, TARGET, now()).unwrap().executable.bytes(), PROGRAM);
    assert_eq!(targets(&inspect(&archive).unwrap()), ["._claims", "empty", TARGET]);
    // The two empty blocks at the end say nothing that the claims do not.
    let cut = &archive[..archive.len() - 1024];
    assert_eq!(open(cut, TARGET, now()).unwrap().executable.bytes(), PROGRAM);
}

#[test]
fn what_is_no_archive() {
    for bytes in [&b"text"[..], b"\0asm\x01\0\0\0", b"\x1f\x8b", b"\x1f\x8bgarbage", &[7; 4096], &compressed(b"text")] {
        assert!(matches!(refused(bytes), ArchiveError::NotAnArchive), "{bytes:?}");
    }
    let told = lattice_protocol::error_chain(&refused("a page of somebody's diary. ".repeat(30).as_bytes()));
    assert!(told.contains("not a provider archive") && !told.contains("diary"), "{told}");
    for bytes in [&b""[..], &[0; 1024], &compressed(&[0; 1024]), &compressed(b"")] {
        assert!(matches!(refused(bytes), ArchiveError::MissingClaims), "{bytes:?}");
    }
}

#[test]
fn names_that_are_paths() {
    for name in
        ["x/x86_64-linux.bin", "/x86_64-linux.bin", "../x86_64-linux.bin", "./x86_64-linux.bin", "..", ".", "a/"]
    {
        let error = Raw::signed().file(name, PROGRAM).refused();
        assert!(matches!(&error, ArchiveError::Path { entry } if entry == name), "{error:?}");
    }
}

#[test]
fn names_that_no_target_can_have() {
    for name in ["", "a\nb.bin", "a b.bin", "a\\b.bin", "é.bin", "a\u{1b}[2J.bin"] {
        let error = Raw::signed().file(name, PROGRAM).refused();
        assert!(matches!(error, ArchiveError::Name { .. }), "{name:?}: {error:?}");
    }
    let mut header = Header::new_ustar();
    header.set_path(format!("{}/{}", "a".repeat(120), "b".repeat(90))).unwrap();
    header.set_size(0);
    header.set_cksum();
    let mut long = Raw::signed();
    long.0.append(&header, &[][..]).unwrap();
    assert!(matches!(long.refused(), ArchiveError::Path { .. }));
}

#[test]
fn entries_that_are_no_files() {
    use EntryType::{Block, Char, Directory, Fifo, GNULongName, GNUSparse, Link, Symlink};
    let kinds = [
        (Link, "a link"),
        (Symlink, "a link"),
        (Directory, "a folder"),
        (Char, "a device"),
        (Block, "a device"),
        (Fifo, "a pipe"),
        (GNULongName, "a name too long for its entry"),
        (GNUSparse, "a file with holes"),
        (EntryType::new(b'Z'), "of an unknown kind"),
    ];
    for (kind, expect) in kinds {
        for name in ["x86_64-linux.bin", "claims.jwt", "a"] {
            let error = Raw::signed().entry(name, kind, 0, b"").refused();
            assert!(
                matches!(&error, ArchiveError::NotAFile { entry, kind } if entry == name && *kind == expect),
                "{error:?}"
            );
        }
    }
}

#[test]
fn nothing_may_be_there_twice() {
    let twice = |name: &str, again: &str, stem: &str| {
        let error = Raw::signed().file(name, PROGRAM).file(again, PROGRAM).refused();
        assert!(matches!(&error, ArchiveError::Duplicate { entry } if entry == stem), "{error:?}");
    };
    twice("x86_64-linux.bin", "x86_64-linux.bin", TARGET);
    twice("x86_64-linux.bin", "x86_64-linux.so", TARGET);
    twice("other.bin", "other", "other");
    twice("x86_64-linux.bin", "claims.jwt", "claims");
    twice("x86_64-linux.bin", "claims.bin", "claims");
}

#[test]
fn what_must_be_there() {
    assert!(matches!(Raw::new().file("x86_64-linux.bin", PROGRAM).refused(), ArchiveError::MissingClaims));
    let error = Raw::signed().refused();
    assert_eq!(error.to_string(), "the provider archive has no executable for `x86_64-linux`; it has none at all");
    let error = Raw::signed().file("b.bin", OTHER).file("a.bin", OTHER).refused();
    assert_eq!(
        error.to_string(),
        "the provider archive has no executable for `x86_64-linux`; it has some for `a`, `b`"
    );
    let many = (10..30).fold(Raw::signed(), |raw, n| raw.file(&format!("{n}.bin"), OTHER));
    assert!(many.refused().to_string().ends_with("`18`, `19` and 10 more"));
}

#[test]
fn only_the_executable_that_was_signed_is_opened() {
    let other = token_for(&[("aarch64-macos", OTHER)]);
    let archive = |token: &str, program| {
        Raw::new().file("claims.jwt", token.as_bytes()).file("x86_64-linux.bin", program).file("b.bin", OTHER)
    };
    let error = archive(&other, PROGRAM).refused();
    assert!(matches!(&error, ArchiveError::MissingHash { target } if target == TARGET), "{error:?}");
    let error = archive(&sound_token(), OTHER).refused();
    assert!(
        matches!(&error, ArchiveError::Hash { claimed, found, .. }
        if *claimed == binary_hash(PROGRAM) && *found == binary_hash(OTHER)),
        "{error:?}"
    );
    // Targets that nobody asks for are not looked at.
    assert_eq!(open(&archive(&sound_token(), PROGRAM).done(), TARGET, now()).unwrap().executable.bytes(), PROGRAM);
}

#[test]
fn claims_are_verified() {
    let binaries = BTreeMap::from([(TARGET, PROGRAM)]);
    let token_error = |token: &str| match refused(&written(token, &binaries, Packing::Tar).unwrap()) {
        ArchiveError::Claims { source: ProviderClaimsError::Token { source } } => source,
        other => panic!("{other:?}"),
    };
    let expired = sign_provider(&NewProviderClaims { expires: Some(1), ..claims() }, &AccountSeed::generate());
    assert!(matches!(token_error(&expired), TokenError::Expired { at: 1 }));
    let token = sound_token();
    let forged = format!("{}.{}", token.rsplit_once('.').unwrap().0, sound_token().rsplit_once('.').unwrap().1);
    assert!(matches!(token_error(&forged), TokenError::Signature));
    assert!(matches!(token_error("text"), TokenError::Malformed { .. }));
    assert!(matches!(token_error(""), TokenError::Malformed { .. }));
    let error = Raw::new().file("claims.jwt", b"\xff").refused();
    assert!(matches!(error, ArchiveError::Claims { source: ProviderClaimsError::Token { .. } }), "{error:?}");
    // Nothing of this keeps it from being shown.
    assert_eq!(inspect(&written(&expired, &binaries, Packing::Tar).unwrap()).unwrap().claims.expires, Some(1));
}

#[test]
fn there_are_not_too_many_entries() {
    let archive = |count: usize| {
        let entries = (2..count).map(|n| format!("{n}.bin"));
        entries.fold(Raw::signed().file("x86_64-linux.bin", PROGRAM), |raw, name| raw.file(&name, b"")).done()
    };
    assert!(open_within(&archive(4), TARGET, now(), &small_limits()).is_ok());
    assert!(matches!(refused_within(&archive(5), small_limits()), ArchiveError::TooManyEntries { max: 4 }));
    let described = (0..64).fold(Raw::signed(), |raw, _| raw.entry("x", EntryType::XHeader, 0, b""));
    assert!(matches!(described.refused(), ArchiveError::TooManyEntries { max: 64 }), "whatever they are");
}

#[test]
fn entries_are_not_too_large() {
    let with = |size: usize| Raw::signed().file("x86_64-linux.bin", &vec![0; size]).done();
    let fits = refused_within(&with(1000), small_limits());
    assert!(matches!(fits, ArchiveError::Hash { .. }), "{fits:?}");
    let error = refused_within(&with(1001), small_limits());
    assert!(
        matches!(&error, ArchiveError::EntryTooLarge { entry, size: 1001, max: 1000 } if entry == "x86_64-linux.bin")
    );
    let error = Raw::new().file("claims.jwt", &vec![b'a'; lattice_claims::MAX_TOKEN + 1]).refused();
    assert!(matches!(&error, ArchiveError::EntryTooLarge { entry, .. } if entry == "claims.jwt"), "{error:?}");
}

/// Zeros compress to a thousandth: what counts is what the archive unpacks to, before it is unpacked.
#[test]
fn a_small_archive_does_not_become_large() {
    let zeros = Raw::signed().file("a.bin", &[0; 3000]).file("b.bin", &[0; 3000]).file("c.bin", &[0; 3000]).done();
    let error = refused_within(&compressed(&zeros), small_limits());
    assert!(matches!(error, ArchiveError::TooLarge { max: 8192 }), "{error:?}");

    for (size, kind) in [(1 << 40, EntryType::Regular), (u64::MAX, EntryType::Regular), (1 << 40, EntryType::XHeader)] {
        let archive = compressed(&Raw::signed().entry("a.bin", kind, size, b"").done());
        assert!(matches!(refused(&archive), ArchiveError::TooLarge { .. } | ArchiveError::Damaged { .. }), "{size}");
    }
}

/// An entry that says more bytes than there are must not be believed, nor memory be filled for it.
#[test]
fn entries_that_end_early() {
    let archive = Raw::signed().entry("x86_64-linux.bin", EntryType::Regular, 5000, PROGRAM).done();
    let error = refused(&archive);
    assert!(matches!(&error, ArchiveError::Truncated { entry } if entry == "x86_64-linux.bin"), "{error:?}");
    let error = Raw::signed().entry("a.bin", EntryType::Regular, 5000, PROGRAM).refused();
    assert!(matches!(error, ArchiveError::Damaged { .. }), "{error:?}");
}

#[test]
fn every_truncation_is_refused_or_loses_nothing() {
    for archive in [packed(Packing::Tar), packed(Packing::TarGz)] {
        for length in 0..archive.len() {
            if let Ok(opened) = open(&archive[..length], TARGET, now()) {
                assert_eq!(opened.executable.bytes(), PROGRAM, "cut to {length}");
            }
        }
    }
}

#[test]
fn debug_shows_no_bytes() {
    let opened = open(&packed(Packing::Tar), TARGET, now()).unwrap();
    let expect = format!("Executable {{ digest: {}, size: 17 }}", Digest::of(PROGRAM));
    assert_eq!(format!("{:?}", opened.executable), expect);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), gzip in any::<bool>()) {
        let _ = open(&bytes, TARGET, now());
        let _ = open(&[b"\x1f\x8b\x08\0", &bytes[..]].concat(), TARGET, now());
        let archive = [Raw::signed().done(), bytes].concat();
        let _ = inspect(&if gzip { compressed(&archive) } else { archive });
    }

    #[test]
    fn damaged_archives_are_refused_or_mean_the_same(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        inside in any::<bool>(),
    ) {
        let mut archive = packed(if inside { Packing::Tar } else { Packing::TarGz });
        let sound = open(&archive, TARGET, now()).unwrap();
        for (at, byte) in damage {
            *at.get_mut(&mut archive) = byte;
        }
        // Damage to what is compressed is mostly seen as such, that inside by what reads the entries.
        let archive = if inside { compressed(&archive) } else { archive };
        if let Ok(opened) = open(&archive, TARGET, now()) {
            prop_assert_eq!(opened.claims, sound.claims);
            prop_assert_eq!(opened.executable.bytes(), PROGRAM);
        }
    }

    #[test]
    fn headers_with_any_bytes_do_not_panic(
        field in 0usize..512, bytes in prop::collection::vec(any::<u8>(), 1..24), kind in any::<u8>()
    ) {
        let mut header = Header::new_gnu();
        header.set_path("x86_64-linux.bin").unwrap();
        header.set_size(3);
        header.set_entry_type(EntryType::new(kind));
        let end = (field + bytes.len()).min(512);
        header.as_mut_bytes()[field..end].copy_from_slice(&bytes[..end - field]);
        header.set_cksum();
        let mut raw = Raw::signed();
        raw.0.append(&header, Cursor::new(b"abc")).unwrap();
        let _ = open(&raw.done(), TARGET, now());
    }
}
