//! Compiled code on disk: used, and never trusted.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use lattice_runtime::{EngineError, Runtime, RuntimeConfig};

use crate::guests::{ECHO, module};
use crate::host::{actor_in, call, generous};

fn config(dir: &Path) -> RuntimeConfig {
    RuntimeConfig::default().memory(1 << 26).compiled_dir(dir)
}

/// A fresh start of the engine: whether it found the code in the cache. The actor must work either way.
async fn starts_from_cache(dir: &Path) -> bool {
    let runtime = Runtime::new(config(dir)).expect("the engine can be set up");
    let (actor, _) = actor_in(&runtime, module(ECHO), generous()).await;
    assert_eq!(call(&actor, "works").await.expect("the guest answers"), "works");
    actor.module().from_cache()
}

fn new_dir() -> (tempfile::TempDir, PathBuf) {
    let base = tempfile::tempdir().expect("a temporary directory can be made");
    let dir = base.path().join("state/compiled");
    (base, dir)
}

fn entry(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir).expect("the cache is there").map(|entry| entry.expect("it can be listed").path());
    let mut entries: Vec<_> = files.filter(|path| !path.ends_with("key")).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

#[tokio::test]
async fn code_is_compiled_once() {
    let (_base, dir) = new_dir();
    assert!(!starts_from_cache(&dir).await);
    assert!(starts_from_cache(&dir).await);
    for path in [dir.clone(), dir.join("key"), entry(&dir)] {
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o077, 0, "{}", path.display());
    }
}

#[tokio::test]
async fn without_a_directory_nothing_is_kept() {
    let runtime = Runtime::new(RuntimeConfig::default().memory(1 << 26)).unwrap();
    assert!(!runtime.stats().caches_code);
}

#[tokio::test]
async fn a_changed_entry_is_compiled_again_and_replaced() {
    let (_base, dir) = new_dir();
    starts_from_cache(&dir).await;
    let path = entry(&dir);
    let good = fs::read(&path).unwrap();
    for at in [0, 31, 32, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, bad).unwrap();
        assert!(!starts_from_cache(&dir).await, "byte {at}");
        assert!(starts_from_cache(&dir).await, "byte {at}");
    }
    for end in [0, 16, 32, good.len() - 1] {
        fs::write(&path, &good[..end]).unwrap();
        assert!(!starts_from_cache(&dir).await, "cut at {end}");
    }
}

#[tokio::test]
async fn an_entry_does_not_stand_in_for_another() {
    let (_base, dir) = new_dir();
    let runtime = Runtime::new(config(&dir)).unwrap();
    runtime.compile(module(ECHO), "one").await.unwrap();
    let one = entry(&dir);
    let code = fs::read(&one).unwrap();
    fs::remove_file(&one).unwrap();
    runtime.compile(module("(i32.const 1)"), "other").await.unwrap();
    fs::write(entry(&dir), code).unwrap();
    assert!(!runtime.compile(module("(i32.const 1)"), "other").await.unwrap().from_cache());
}

#[tokio::test]
async fn entries_of_another_key_are_foreign() {
    let (_base, dir) = new_dir();
    starts_from_cache(&dir).await;
    fs::write(dir.join("key"), [7; 32]).unwrap();
    assert!(!starts_from_cache(&dir).await);
    assert!(starts_from_cache(&dir).await);
}

#[tokio::test]
async fn a_key_that_is_damaged_or_was_readable_to_others_is_replaced() {
    let (_base, dir) = new_dir();
    starts_from_cache(&dir).await;
    let key = dir.join("key");

    fs::write(&key, b"short").unwrap();
    assert!(!starts_from_cache(&dir).await);

    let exposed = fs::read(&key).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    assert!(!starts_from_cache(&dir).await);
    assert_ne!(fs::read(&key).unwrap(), exposed);
    assert!(starts_from_cache(&dir).await);
}

#[tokio::test]
async fn an_entry_that_others_could_write_is_ignored() {
    let (_base, dir) = new_dir();
    starts_from_cache(&dir).await;
    fs::set_permissions(entry(&dir), Permissions::from_mode(0o666)).unwrap();
    assert!(!starts_from_cache(&dir).await);
    assert!(starts_from_cache(&dir).await);
}

#[tokio::test]
async fn a_directory_open_to_others_is_refused() {
    let (_base, dir) = new_dir();
    fs::create_dir_all(&dir).unwrap();
    for mode in [0o755, 0o770, 0o701] {
        fs::set_permissions(&dir, Permissions::from_mode(mode)).unwrap();
        let error = Runtime::new(config(&dir)).unwrap_err();
        assert!(matches!(&error, EngineError::UnsafeDirectory { path, .. } if *path == dir), "{error:?}");
    }
}

#[tokio::test]
async fn a_directory_of_somebody_else_is_refused() {
    let (_base, dir) = new_dir();
    fs::create_dir_all(&dir).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    // Only the superuser can give a directory away; to all others the root directory is somebody else's.
    let foreign = if std::os::unix::fs::chown(&dir, Some(1), None).is_ok() { &*dir } else { Path::new("/") };
    let error = Runtime::new(config(foreign)).unwrap_err();
    assert!(error.to_string().contains("belongs to somebody else"), "{error}");
}

#[tokio::test]
async fn a_link_to_a_directory_is_refused() {
    let (base, dir) = new_dir();
    fs::create_dir_all(&dir).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    let link = base.path().join("link");
    std::os::unix::fs::symlink(&dir, &link).unwrap();
    assert!(matches!(Runtime::new(config(&link)), Err(EngineError::UnsafeDirectory { .. })));
}

#[tokio::test]
async fn a_disk_that_takes_no_directory_costs_only_the_caching() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("file");
    fs::write(&file, b"in the way").unwrap();
    assert!(!starts_from_cache(&file.join("compiled")).await);
    assert!(!Runtime::new(config(&file.join("compiled"))).unwrap().stats().caches_code);
}

/// The directory vanishes under the running engine, which is what a disk that takes no more looks like from here for
/// any user, root included.
#[tokio::test]
async fn a_disk_that_takes_no_entry_costs_only_the_caching() {
    let (_base, dir) = new_dir();
    let runtime = Runtime::new(config(&dir)).unwrap();
    fs::remove_dir_all(&dir).unwrap();
    let (actor, _) = actor_in(&runtime, module(ECHO), generous()).await;
    assert_eq!(call(&actor, "works").await.unwrap(), "works");
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes_first() {
    let (_base, dir) = new_dir();
    let runtime = Runtime::new(config(&dir)).unwrap();
    runtime.compile(module(ECHO), "one").await.unwrap();
    let bytes = fs::metadata(entry(&dir)).unwrap().len();
    drop(runtime);

    let runtime = Runtime::new(config(&dir).cache_bytes(bytes * 5 / 2)).unwrap();
    let from_cache = async |digest: &str| runtime.compile(module(ECHO), digest).await.unwrap().from_cache();
    assert!(!from_cache("two").await);
    assert!(from_cache("one").await, "and so it was used later than the other");
    assert!(!from_cache("three").await);
    assert!(from_cache("one").await);
    assert!(!from_cache("two").await);
}
