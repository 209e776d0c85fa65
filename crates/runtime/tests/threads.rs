//! That the engine's threads end with it. In a process of its own, for it looks at all threads of the process.

use std::fs;
use std::time::{Duration, Instant};

use lattice_runtime::{Runtime, RuntimeConfig};

fn engine_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("the system lists threads");
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("lattice-")).count()
}

fn await_engine_threads(expect: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while engine_threads() != expect {
        assert!(Instant::now() < deadline, "{} threads, and {expect} are expected", engine_threads());
        std::thread::yield_now();
    }
}

#[test]
fn the_last_handle_ends_the_threads() {
    let runtime = Runtime::new(RuntimeConfig::default().memory(1 << 26).compile_threads(2)).unwrap();
    let other = runtime.clone();
    drop(runtime);
    await_engine_threads(3);
    drop(other);
    await_engine_threads(0);
}
