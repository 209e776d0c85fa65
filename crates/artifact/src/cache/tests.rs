use std::{
    env,
    io::{BufRead, BufReader},
    os::unix::fs::{PermissionsExt, chown, symlink},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::*;

const CAPACITY: u64 = 1 << 20;
/// Names the directory of the cache to the process that is killed.
const DIRECTORY: &str = "LATTICE_TEST_CACHE";

fn cache(dir: &TempDir) -> Cache {
    Cache::open(&dir.path().join("cache"), CAPACITY).unwrap()
}

fn put(cache: &Cache, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    cache.put(&digest, bytes).unwrap();
    digest
}

fn has(cache: &Cache, bytes: &[u8]) -> bool {
    cache.artifacts.entry(&Digest::of(bytes)).exists()
}

fn unfinished(cache: &Cache) -> usize {
    fs::read_dir(&cache.artifacts.unfinished).unwrap().count()
}

#[test]
fn what_is_put_is_got() {
    let dir = tempfile::tempdir().unwrap();
    let digest = put(&cache(&dir), b"abc");
    let again = cache(&dir);
    assert_eq!(again.get(&digest).unwrap().unwrap(), "abc");
    assert_eq!(again.get(&Digest::of(b"other")).unwrap(), None);
    assert_eq!(unfinished(&again), 0);
}

#[test]
fn only_the_owner_can_use_it() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    let digest = put(&cache, b"abc");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
    let entry = cache.artifacts.entry(&digest);
    for path in [&dir.path().join("cache"), &cache.artifacts.directory, &cache.artifacts.unfinished, &entry] {
        assert_eq!(mode(path), 0, "{}", path.display());
    }
}

#[test]
fn a_damaged_entry_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    for damaged in [&b"abx"[..], b"", b"abcd"] {
        let digest = put(&cache, b"abc");
        fs::write(cache.artifacts.entry(&digest), damaged).unwrap();
        assert_eq!(cache.get(&digest).unwrap(), None);
        assert!(!has(&cache, b"abc"));
    }
}

#[test]
fn a_damaged_entry_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    let bytes = vec![7; 3 * shelf::CHUNK + 1];
    let digest = put(&cache, &bytes);
    let mut damaged = bytes.clone();
    damaged[2 * shelf::CHUNK] = 8;
    fs::write(cache.artifacts.entry(&digest), damaged).unwrap();
    put(&cache, &bytes);
    assert_eq!(cache.get(&digest).unwrap().unwrap(), bytes);
}

#[test]
fn an_entry_that_cannot_be_read_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    let digest = Digest::of(b"abc");
    fs::create_dir(cache.artifacts.entry(&digest)).unwrap();
    assert!(cache.get(&digest).is_err());
}

#[test]
fn the_least_recently_used_goes_first() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open(&dir.path().join("cache"), 10).unwrap();
    let age = |bytes: &[u8], seconds| {
        let file = File::open(cache.artifacts.entry(&Digest::of(bytes))).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    };
    let all = [&b"aaa"[..], b"bbb", b"ccc"];
    for bytes in all {
        put(&cache, bytes);
    }
    let left = || all.map(|bytes| has(&cache, bytes));
    age(b"aaa", 30);
    age(b"bbb", 20);
    age(b"ccc", 10);

    // Both ways of use count: reading and fetching again.
    cache.get(&Digest::of(b"aaa")).unwrap();
    put(&cache, b"d");
    assert_eq!(left(), [true, true, true]);
    put(&cache, b"e");
    assert_eq!(left(), [true, false, true]);
    put(&cache, b"ccc");
    age(b"d", 5);
    age(b"e", 4);
    put(&cache, b"fff");
    assert_eq!((left(), has(&cache, b"d"), has(&cache, b"e")), ([true, false, true], false, true));
    put(&cache, b"0123456789");
    assert_eq!((left(), has(&cache, b"0123456789")), ([false; 3], true));
}

#[test]
fn what_is_larger_than_the_cache_drives_nothing_out() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open(&dir.path().join("cache"), 10).unwrap();
    put(&cache, b"abc");
    put(&cache, b"01234567890");
    assert!(has(&cache, b"abc") && !has(&cache, b"01234567890"));
}

#[test]
fn foreign_files_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open(&dir.path().join("cache"), 10).unwrap();
    let note = cache.artifacts.directory.join("README");
    fs::write(&note, "longer than the cache may be").unwrap();
    put(&cache, b"abc");
    assert!(note.exists() && has(&cache, b"abc"));
}

#[test]
fn leftovers_go_when_the_cache_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let first = cache(&dir);
    let (fresh, old) = (first.artifacts.unfinished.join("fresh"), first.artifacts.unfinished.join("old"));
    fs::write(&fresh, "half of").unwrap();
    fs::write(&old, "half of").unwrap();
    let long_ago = SystemTime::now() - LEFTOVER_AGE - Duration::from_secs(1);
    File::open(&old).unwrap().set_modified(long_ago).unwrap();

    // The first user may still be writing the fresh one.
    let second = cache(&dir);
    assert_eq!((fresh.exists(), old.exists()), (true, false));
    drop(first);
    let third = cache(&dir);
    assert!(fresh.exists(), "the second user may still be writing it");
    drop((second, third));
    // A process that another test forks holds the lock too, until it has become another program.
    let deadline = Instant::now() + Duration::from_secs(10);
    while fresh.exists() {
        assert!(Instant::now() < deadline, "nobody else can be writing it");
        cache(&dir);
    }
}

#[test]
fn many_writers_and_readers() {
    let dir = tempfile::tempdir().unwrap();
    let contents: Vec<Vec<u8>> = (0..8).map(|n| vec![n; 100_000]).collect();
    let capacity = 300_000;
    thread::scope(|scope| {
        for start in 0..4 {
            let (dir, contents) = (&dir, &contents);
            scope.spawn(move || {
                let cache = Cache::open(&dir.path().join("cache"), capacity).unwrap();
                for bytes in contents.iter().cycle().skip(start).take(40) {
                    let digest = put(&cache, bytes);
                    assert!(cache.get(&digest).unwrap().is_none_or(|found| found == bytes));
                }
            });
        }
    });
    let cache = Cache::open(&dir.path().join("cache"), capacity).unwrap();
    let entries = cache.artifacts.entries().unwrap();
    assert!(entries.iter().map(|entry| entry.size).sum::<u64>() <= capacity && !entries.is_empty());
    assert_eq!(unfinished(&cache), 0);
}

#[test]
fn directories_that_cannot_hold_it() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let check = |name: &str, expect: &str| {
        let error = Cache::open(&at(name), CAPACITY).unwrap_err().to_string();
        assert_eq!(error.replace(dir.path().to_str().unwrap(), ""), expect);
    };
    fs::write(at("file"), "").unwrap();
    check("file", "/file is not a directory and cannot hold the artifact cache");
    check("file/below", "the artifact cache's directory /file/below cannot be created or looked at");
    symlink("/proc/lattice", at("proc")).unwrap();
    check("proc", "the artifact cache's directory /proc cannot be created or looked at");

    fs::create_dir(at("open")).unwrap();
    fs::set_permissions(at("open"), fs::Permissions::from_mode(0o750)).unwrap();
    check(
        "open",
        "/open is open to other users (mode 750) and cannot hold the artifact cache; `chmod 700` it or name another \
         directory",
    );
    fs::set_permissions(at("open"), fs::Permissions::from_mode(0o700)).unwrap();
    Cache::open(&at("open"), CAPACITY).unwrap();
    fs::remove_dir(at("open/sha256")).unwrap();
    fs::write(at("open/sha256"), "").unwrap();
    check("open/sha256", "/open/sha256 is not a directory and cannot hold the artifact cache");
}

#[test]
fn a_directory_of_others_is_refused() {
    let check = |path: &Path| match Cache::open(path, CAPACITY).unwrap_err() {
        StoreError::Foreign { owner, .. } => assert_ne!(owner, rustix::process::geteuid().as_raw()),
        other => panic!("{other}"),
    };
    if rustix::process::geteuid().is_root() {
        let dir = tempfile::tempdir().unwrap();
        chown(dir.path(), Some(12345), None).unwrap();
        check(dir.path());
    } else {
        check(Path::new("/"));
    }
}

#[test]
fn a_killed_writer_leaves_whole_entries_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("cache");
    for round in 0..20 {
        let mut writer = start_writer(&directory);
        // The moment after that many entries falls anywhere in the writing of the next.
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
        let written = lines.by_ref().filter(|line| line.ends_with("written")).take(1 + round % 3);
        assert_eq!(written.count(), 1 + round % 3);
        writer.kill().unwrap();
        writer.wait().unwrap();

        let cache = Cache::open(&directory, CAPACITY).unwrap();
        assert_eq!(unfinished(&cache), 0);
        let entries = cache.artifacts.entries().unwrap();
        assert!(!entries.is_empty());
        for entry in entries {
            let digest = Digest::from_hex(entry.path.file_name().unwrap().to_str().unwrap()).unwrap();
            assert!(cache.get(&digest).unwrap().is_some(), "round {round}");
        }
    }
}

fn start_writer(directory: &Path) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["cache::tests::writes_until_it_is_killed", "--exact", "--ignored", "--nocapture"]);
    command.env(DIRECTORY, directory).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
#[ignore = "it is the process that another test kills"]
fn writes_until_it_is_killed() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    let cache = Cache::open(Path::new(&directory), CAPACITY).unwrap();
    let start = u64::from(std::process::id()) << 32;
    for number in start.. {
        put(&cache, &number.to_le_bytes().repeat(40_000));
        println!("written");
    }
}
