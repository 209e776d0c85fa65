use std::{
    env,
    io::{BufRead, BufReader},
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
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
    cache.keep(&digest, bytes).unwrap();
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
    let larger = cache.keep(&Digest::of(b"01234567890"), b"01234567890").unwrap_err();
    assert_eq!(larger.to_string(), "it is larger than the cache, which has 10 bytes; `--cache-size` sets more");
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

fn executable(cache: &Cache, bytes: &[u8]) -> PathBuf {
    cache.executable(&Digest::of(bytes), bytes).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode()
}

#[test]
fn an_executable_is_a_file_that_its_owner_runs() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    let program = b"#!/bin/sh\necho ran\n";
    let path = executable(&cache, program);
    assert_eq!(path, dir.path().join("cache/executables").join(Digest::of(program).to_hex()));
    assert_eq!((mode(&path), mode(path.parent().unwrap()) & 0o777), (0o100_700, 0o700));
    assert_eq!(Command::new(&path).output().unwrap().stdout, b"ran\n");
    assert_eq!((executable(&cache, program), unfinished(&cache)), (path, 0));
    assert!(!has(&cache, program), "it is no artifact");
}

/// Published hosts name executables by revision and never write one again.
#[test]
fn other_bytes_are_another_executable() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    let (one, two) = (executable(&cache, b"one"), executable(&cache, b"two"));
    assert_eq!((fs::read(one).unwrap(), fs::read(two).unwrap()), (b"one".to_vec(), b"two".to_vec()));
}

#[test]
fn an_executable_that_is_sound_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
    let first = inode(executable(&cache, b"abc"));
    assert_eq!(inode(executable(&cache, b"abc")), first);
    assert_eq!(inode(executable(&self::cache(&dir), b"abc")), first, "another process writes it as little");
}

#[test]
fn an_executable_that_was_tampered_with_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    let elsewhere = dir.path().join("elsewhere");
    fs::write(&elsewhere, b"abc").unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o700)).unwrap();
    let set_mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let tamper: [&dyn Fn(&Path); 8] = [
        &|path| fs::write(path, b"abx").unwrap(),
        &|path| fs::write(path, b"").unwrap(),
        &|path| fs::write(path, b"abcd").unwrap(),
        &|path| fs::remove_file(path).unwrap(),
        &|path| set_mode(path, 0o600),
        &|path| set_mode(path, 0o720),
        &|path| set_mode(path, 0o4700),
        &|path| {
            fs::remove_file(path).unwrap();
            symlink(&elsewhere, path).unwrap();
        },
    ];
    for (round, tamper) in tamper.into_iter().enumerate() {
        let path = executable(&cache, b"abc");
        tamper(&path);
        assert_eq!(executable(&cache, b"abc"), path);
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"abc".to_vec(), 0o100_700), "round {round}");
    }
    assert_eq!(fs::read(elsewhere).unwrap(), b"abc", "nothing is written through the link");
}

/// A file that nobody ever writes to keeps nobody waiting.
#[test]
fn a_pipe_in_the_place_of_an_executable_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    let path = cache.executables.entry(&Digest::of(b"abc"));
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    assert_eq!(executable(&cache, b"abc"), path);
    assert_eq!(fs::read(path).unwrap(), b"abc");
}

#[test]
fn executables_and_artifacts_do_not_drive_one_another_out() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open(&dir.path().join("cache"), 10).unwrap();
    put(&cache, b"12345678");
    let first = executable(&cache, b"abcdefgh");
    assert!(has(&cache, b"12345678") && first.exists());
    // The one that is to run now is there in any case.
    let large = executable(&cache, b"larger than everything");
    assert!(has(&cache, b"12345678") && !first.exists() && large.exists());
}

/// A child has its parent's files open until it becomes another program, and what is open for writing cannot be run.
#[test]
fn an_executable_can_be_run_at_once_while_other_children_are_started() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    Command::new("true").status().unwrap();
                }
            });
        }
        let ran = (0..200).map(|number| {
            let path = executable(&cache, format!("#!/bin/sh\nexit {}\n", number % 100).as_bytes());
            Command::new(path).status().map(|status| status.code())
        });
        let ran: Vec<_> = ran.collect();
        done.store(true, Ordering::Relaxed);
        for (number, ran) in ran.into_iter().enumerate() {
            assert_eq!(ran.unwrap(), Some(number as i32 % 100));
        }
    });
}

#[test]
fn many_processes_may_want_the_same_executable() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("cache");
    let programs = [0, 1, 2, 3].map(|number| format!("#!/bin/sh\nexit {number}\n# {}", "x".repeat(50_000)));
    thread::scope(|scope| {
        for start in 0..4 {
            let (root, programs) = (&root, &programs);
            scope.spawn(move || {
                // Each with a cache of its own, as processes have.
                let cache = Cache::open(root, CAPACITY).unwrap();
                for (code, program) in programs.iter().enumerate().cycle().skip(start).take(20) {
                    let path = executable(&cache, program.as_bytes());
                    assert_eq!(Command::new(path).status().unwrap().code(), Some(code as i32));
                }
            });
        }
    });
    assert_eq!(unfinished(&cache(&dir)), 0);
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
