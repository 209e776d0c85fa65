use lattice_artifact::{Credential, RegistryKind};
use lattice_protocol::{Registries, RegistryCredential};

use super::*;
use crate::defaults::{MAX_REGISTRIES, MAX_REGISTRY_BOOK, MAX_REGISTRY_SECRET, REMEMBERED_REGISTRY_CHANGES};

const SECRET: &str = "hunter2";

fn password() -> RegistryCredential {
    RegistryCredential { password: Some(SECRET.into()), username: Some("ada".into()), ..Default::default() }
}

fn token(text: &str) -> RegistryCredential {
    RegistryCredential { token: Some(text.into()), ..Default::default() }
}

fn of_kind(kind: &str) -> RegistryCredential {
    RegistryCredential { registry_type: kind.to_owned(), ..password() }
}

fn registries(entries: &[(&str, RegistryCredential)]) -> Registries {
    Registries(entries.iter().map(|(name, credential)| ((*name).to_owned(), credential.clone())).collect())
}

fn change(entries: &[(&str, RegistryCredential)], is_merge: bool) -> Change {
    Change::check(registries(entries), is_merge).expect("it is good")
}

fn named(text: &str) -> ChangeId {
    ChangeId::named(&text.parse().expect("a word"))
}

fn unnamed(content: &str) -> ChangeId {
    ChangeId::of_content(content.as_bytes(), false)
}

#[test]
fn what_is_sent_is_taken_as_a_whole_or_not() {
    let check = |entries: &[(&str, RegistryCredential)], expect: Result<&[&str], &str>| {
        let checked = Change::check(registries(entries), false).map_err(|error| error.to_string());
        let names = checked.map(|change| change.entries.keys().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(names, expect.map(|names| names.iter().map(ToString::to_string).collect()).map_err(str::to_owned));
    };
    check(&[], Ok(&[]));
    check(
        &[("ghcr.io", password()), ("https://GHCR.io:443/acme/x", token("t"))],
        Ok(&["ghcr.io", "ghcr.io:443/acme/x"]),
    );
    check(&[("b.example", of_kind("bindle")), ("c.example", of_kind(""))], Ok(&["b.example", "c.example"]));
    check(&[("a.example", of_kind("OCI"))], Ok(&["a.example"]));
    let good = ("good.example", password());
    let refused = |name: &str, credential, why: &str| check(&[good.clone(), (name, credential)], Err(why));
    refused("https://", password(), "a registry has no name");
    let unknown = "registry `ghcr.io` is of the unknown type `floppy`; there are `oci` and `bindle`";
    refused("me:hunter2@ghcr.io", of_kind("floppy"), unknown);
    let twice = "registry `good.example` stands in it twice, under names that mean the same";
    refused("https://ada:hunter2@GOOD.example/", token("t"), twice);
    let hub = "registry `docker.io` stands in it twice, under names that mean the same";
    check(&[("docker.io", password()), ("https://index.docker.io/v1/", password())], Err(hub));
    let mixed = "registry `a.b` has a token beside a user's name or a password; it takes the one or the other";
    refused("a.b", RegistryCredential { token: Some(SECRET.into()), ..password() }, mixed);
    refused("a.b", RegistryCredential { username: None, token: Some(SECRET.into()), ..password() }, mixed);
    let alone = RegistryCredential { password: None, ..password() };
    refused("a.b", alone, "registry `a.b` has a user's name without a password");
    let alone = RegistryCredential { username: None, ..password() };
    refused("a.b", alone, "registry `a.b` has a password without a user's name");
    refused("a.b", RegistryCredential::default(), "registry `a.b` has neither a user's name and password nor a token");
}

#[test]
fn a_map_replaces_or_is_merged() {
    let check = |book: &Book, expect: &[&str]| assert_eq!(book.names(), expect);
    let entries = [("a", password()), ("b", password())];
    let first = Book::default().with(&change(&entries, false), &named("1")).expect("there is room");
    check(&first, &["a", "b"]);
    check(&first.with(&change(&[("c", password())], false), &named("2")).expect("there is room"), &["c"]);
    check(&first.with(&change(&[], false), &named("2")).expect("there is room"), &[]);
    let merge = [("a", RegistryCredential::default()), ("c", token("t")), ("d", RegistryCredential::default())];
    let merged = first.with(&change(&merge, true), &named("2")).expect("there is room");
    check(&merged, &["b", "c"]);
    check(&merged.with(&change(&[], true), &named("3")).expect("there is room"), &["b", "c"]);
    let kinds: Vec<_> = merged.known().good.iter().map(|known| known.credential.as_str()).collect();
    assert_eq!(kinds, ["password", "token"]);
}

/// Whoever may set credentials could have a host keep ever more of them.
#[test]
fn regression_no_more_registries_are_kept_than_there_is_room_for() {
    let many = |range: std::ops::Range<usize>, is_merge| {
        let names: Vec<_> = range.map(|n| format!("r{n}")).collect();
        let entries: Vec<_> = names.iter().map(|name| (name.as_str(), password())).collect();
        change(&entries, is_merge)
    };
    let full = Book::default().with(&many(0..MAX_REGISTRIES, false), &named("1")).expect("there is room");
    full.with(&many(0..3, true), &named("2")).expect("they are known");
    assert_eq!(
        full.with(&many(MAX_REGISTRIES..MAX_REGISTRIES + 1, true), &named("2")).err(),
        Some(TooManyRegistries::Number)
    );
    assert!(full.with(&many(1..MAX_REGISTRIES + 1, false), &named("2")).is_ok());
    assert!(Book::default().with(&many(0..MAX_REGISTRIES + 1, false), &named("2")).is_err());
}

/// Some of any length could be kept in memory by every host, and were too large for the bucket.
#[test]
fn regression_credentials_have_a_bounded_size() {
    let long = "s".repeat(MAX_REGISTRY_SECRET + 1);
    let check = |credential: RegistryCredential, what: &str| {
        for is_merge in [false, true] {
            let sent = registries(&[("a", credential.clone())]);
            let error = Change::check(sent, is_merge).err().expect("it is too long").to_string();
            assert_eq!(error, format!("the {what} of registry `a` has 8193 bytes, at most 8192"));
        }
    };
    check(token(&long), "token");
    check(RegistryCredential { password: Some(long.clone()), ..password() }, "password");
    check(RegistryCredential { username: Some(long.clone()), ..password() }, "user's name");

    let names: Vec<_> = (0..40).map(|n| format!("r{n}")).collect();
    let longest = token(&long[1..]);
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), longest.clone())).collect();
    let fitting = MAX_REGISTRY_BOOK / (MAX_REGISTRY_SECRET + 100);
    let full = with(&Book::default(), &change(&all[..fitting], false), &named("1"));
    assert!(full.write().len() <= MAX_REGISTRY_BOOK);
    let error = full.with(&change(&all, true), &named("2")).err().expect("they are too large");
    assert!(matches!(error, TooManyRegistries::Size { size } if size > MAX_REGISTRY_BOOK), "{error}");
}

#[test]
fn a_book_knows_what_led_to_it() {
    let mut book = Book::default();
    for round in 0..REMEMBERED_REGISTRY_CHANGES {
        book = book.with(&change(&[], true), &named(&format!("n{round}"))).expect("there is room");
    }
    let at = |book: &Book, id: &str, since| book.applied_at(&named(id), since);
    assert_eq!([at(&book, "n0", 0), at(&book, "n1", 0), at(&book, "m", 0)], [Some(1), Some(2), None]);
    assert_eq!([at(&book, "n0", 1), at(&book, "n1", 1)], [None, Some(2)]);
    let read = Book::read(&book.write()).expect("it was just written");
    assert_eq!((at(&read, "n0", 0), read.serial()), (Some(1), book.serial()));
    let next = read.with(&change(&[], true), &named("m")).expect("there is room");
    assert_eq!([at(&next, "n0", 0), at(&next, "n1", 0)], [None, Some(2)], "the oldest is forgotten");
}

#[test]
fn what_is_kept_is_read_again_and_nothing_else() {
    let entries = [("a.b/c", of_kind("bindle")), ("d.e", of_kind("")), ("f.g", token("t"))];
    let book = Book::default().with(&change(&entries, false), &unnamed("x")).expect("there is room");
    let read = Book::read(&book.write()).expect("it was just written");
    assert_eq!(read.places(), book.places());
    let kinds: Vec<_> = read.places().iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [RegistryKind::Oci, RegistryKind::Oci, RegistryKind::Bindle]);
    let refused = |text: &str, expect: &str| {
        let error = Book::read(text.as_bytes()).err().expect("it is no book");
        assert!(error_chain(&error).contains(expect) && !error_chain(&error).contains(SECRET), "{error}");
    };
    refused(r#"{"registries":{"a.b":"hunter2"}}"#, "not written as this version");
    refused(
        r#"{"applied":[],"serial":1,"registries":{"a.b":{"password":"hunter2"}}}"#,
        "a password without a user's name",
    );
}

/// Credentials without a bucket, and what registries would be asked with.
fn in_memory() -> (RegistryCredentials, Credentials) {
    let credentials = Credentials::default();
    let shelf = Shelf::new(credentials.clone());
    (RegistryCredentials { shelf, vault: None, turns: Turns::default(), cluster: ClusterSeed::generate() }, credentials)
}

async fn secret(credentials: &Credentials, server: &str) -> Option<String> {
    match credentials.find(RegistryKind::Oci, server, "x").await.as_ref()? {
        Credential::Token(token) => Some(token.clone()),
        other => panic!("{other:?}"),
    }
}

/// Has the credential of `a` be this one.
fn setting(text: &str) -> Change {
    change(&[("a", token(text))], false)
}

fn begin(shelf: &Shelf, change: Change, id: &ChangeId, arrived_at: u64) -> Option<u64> {
    let operation = "one".parse().expect("a word");
    shelf.begin(Told { change, id: id.clone(), operation, arrived_at }).expect("there is room")
}

fn with(book: &Book, change: &Change, id: &ChangeId) -> Book {
    book.with(change, id).expect("there is room")
}

async fn put(registries: &RegistryCredentials, id: &str, text: &str) {
    let operation = id.parse().expect("a word");
    let told = Told { change: setting(text), id: named(id), operation, arrived_at: 0 };
    assert!(!registries.put(told).await.expect("there is room"), "there is no bucket");
}

#[tokio::test]
async fn without_a_bucket_they_are_in_memory_and_that_is_told() {
    let (registries, credentials) = in_memory();
    assert!(!registries.known().stored);
    put(&registries, "1", "first").await;
    put(&registries, "2", "second").await;
    assert_eq!(secret(&credentials, "a").await.as_deref(), Some("second"));
    // Heard once more, late.
    put(&registries, "1", "first").await;
    assert_eq!(secret(&credentials, "a").await.as_deref(), Some("second"));
    assert_eq!(registries.known().registries.len(), 1);
    assert!(!registries.known().stored);
}

#[tokio::test]
async fn what_the_bucket_shows_during_a_change_does_not_undo_it() {
    let (registries, credentials) = in_memory();
    let shelf = &registries.shelf;
    let older = with(&Book::default(), &setting("older"), &named("0"));
    let first = named("1");
    assert!(begin(shelf, setting("own"), &first, 0).is_some());
    assert!(shelf.begin_save().is_some());
    shelf.show(older.clone());
    assert_eq!(secret(&credentials, "a").await.as_deref(), Some("own"));
    let stored = with(&older, &setting("own"), &first);
    shelf.saved(stored.clone());
    assert_eq!(secret(&credentials, "a").await.as_deref(), Some("own"));
    assert!(shelf.is_saved() && shelf.begin_save().is_none());

    let second = named("2");
    assert!(begin(shelf, setting("again"), &second, 2).is_some());
    assert!(shelf.begin_save().is_some());
    let stored = with(&stored, &setting("again"), &second);
    shelf.show(with(&stored, &setting("newer"), &named("3")));
    shelf.saved(stored);
    assert_eq!(secret(&credentials, "a").await.as_deref(), Some("newer"), "somebody else came next");
    assert!(shelf.is_saved());
}

/// A change that could not be stored was forgotten as soon as another host's was shown.
#[tokio::test]
async fn regression_what_is_not_stored_outlasts_what_others_store() {
    let (registries, credentials) = in_memory();
    let shelf = &registries.shelf;
    assert!(begin(shelf, change(&[("b", token("lost"))], true), &named("1"), 0).is_some());
    let others = with(&Book::default(), &change(&[("a", token("other")), ("b", token("other"))], false), &named("2"));
    shelf.show(others.clone());
    assert_eq!(secret(&credentials, "a").await.as_deref(), Some("other"));
    assert_eq!(secret(&credentials, "b").await.as_deref(), Some("lost"));
    let (unsaved, _) = shelf.begin_save().expect("it is still to be stored");
    let next = unsaved.over(&others).expect("there is room").expect("it is lacking");
    assert!(unsaved.over(&next).expect("there is room").is_none());
    shelf.show(next);
    assert!(shelf.is_saved(), "somebody stored it");
    assert_eq!(secret(&credentials, "b").await.as_deref(), Some("lost"));
}

#[tokio::test]
async fn any_number_of_changes_waits_to_be_stored() {
    let (registries, credentials) = in_memory();
    let shelf = &registries.shelf;
    for round in 0..3 * REMEMBERED_REGISTRY_CHANGES {
        let name = format!("r{round}");
        let own = change(&[(&name, token("own")), ("a", token(&name))], true);
        assert!(begin(shelf, own, &named(&name), 0).is_some());
    }
    shelf.show(with(&Book::default(), &change(&[("z", token("other"))], false), &named("other")));
    for (name, expect) in [("a", "r191"), ("r0", "own"), ("r191", "own"), ("z", "other")] {
        assert_eq!(secret(&credentials, name).await.as_deref(), Some(expect), "{name}");
    }
}

/// Published clients do not name what they say, and each host is told on its own.
#[tokio::test]
async fn a_host_that_is_late_undoes_nothing() {
    let (registries, credentials) = in_memory();
    let shelf = &registries.shelf;
    let (a, b) = (|| setting("a"), || setting("b"));
    let [one, two] = [unnamed("a"), unnamed("b")];
    // A faster host has carried out both when this one comes to the first.
    let fast = with(&with(&Book::default(), &a(), &one), &b(), &two);
    shelf.show(fast.clone());
    assert!(begin(shelf, a(), &one, 0).is_none() && begin(shelf, b(), &two, 0).is_none());
    assert_eq!(secret(&credentials, "a").await.as_deref(), Some("b"));
    // The first is said again, and the fast one has not come to that.
    let since = begin(shelf, a(), &one, 0).expect("it is another than the one before");
    assert_eq!(since, 2);
    let slow = with(&fast, &a(), &one);
    shelf.saved(slow.clone());
    shelf.end(&one, since);
    assert_eq!(secret(&credentials, "a").await.as_deref(), Some("a"));
    // And another time when it stands already: as it came later, it is to be done again.
    assert!(begin(shelf, a(), &one, slow.serial()).is_some());
}

#[test]
fn debug_shows_no_credential() {
    let (registries, credentials) = in_memory();
    let own = change(&[("a", password())], false);
    assert!(begin(&registries.shelf, own, &named("1"), 0).is_some());
    let places = registries.shelf.lock().book.places();
    let shown = format!("{registries:?} {credentials:?} {places:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("ada"), "{shown}");
}
