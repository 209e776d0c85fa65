//! What the machine has: the memory that is free for this process and the cores that it may use.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

/// Bytes that this process can still use: what the kernel calls available, or what the control groups leave or the
/// address space has if that is less. `None` where none can be read.
pub(crate) fn available_memory() -> Option<u64> {
    [available_under(Path::new("/")), address_space()].into_iter().flatten().min()
}

/// Bytes of address space that this process may take at most, if it was given a limit (`ulimit -v`).
pub(crate) fn address_space() -> Option<u64> {
    getrlimit(Resource::As).current
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn available_under(root: &Path) -> Option<u64> {
    [mem_available(root), group_v2(root), group_v1(root)].into_iter().flatten().min()
}

fn mem_available(root: &Path) -> Option<u64> {
    let info = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The tightest of this process's control group and those above it, for each of them binds.
fn group_v2(root: &Path) -> Option<u64> {
    let path = group_path(root, |controllers| controllers.is_empty())?;
    ancestors(&root.join("sys/fs/cgroup"), &path)
        .filter_map(|dir| room(&dir.join("memory.max"), &dir.join("memory.current")))
        .min()
}

fn group_v1(root: &Path) -> Option<u64> {
    let path = group_path(root, |controllers| controllers.split(',').any(|name| name == "memory"))?;
    ancestors(&root.join("sys/fs/cgroup/memory"), &path)
        .filter_map(|dir| room(&dir.join("memory.limit_in_bytes"), &dir.join("memory.usage_in_bytes")))
        .min()
}

/// The path of the control group whose line in `/proc/self/cgroup` has such controllers.
fn group_path(root: &Path, wanted: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        wanted(controllers).then(|| PathBuf::from(path.trim_start_matches('/')))
    })
}

fn ancestors<'a>(mount: &'a Path, path: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
    path.ancestors().map(|group| mount.join(group))
}

fn room(limit: &Path, used: &Path) -> Option<u64> {
    let limit = number(limit)?;
    Some(limit.saturating_sub(number(used).unwrap_or(0)))
}

/// The number in a file; the word `max` is not one and means that there is no limit.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:  4000 kB\nMemAvailable:   2000 kB\n");

    #[test]
    fn the_kernel_tells_what_is_available() {
        let root = root(&[MEMINFO]);
        assert_eq!(available_under(root.path()), Some(2000 * 1024));
    }

    #[test]
    fn a_group_above_ours_binds_too() {
        let root = root(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/outer/inner\n"),
            ("sys/fs/cgroup/outer/inner/memory.max", "max\n"),
            ("sys/fs/cgroup/outer/memory.max", "1000000\n"),
            ("sys/fs/cgroup/outer/memory.current", "400000\n"),
        ]);
        assert_eq!(available_under(root.path()), Some(600_000));
    }

    #[test]
    fn groups_of_the_first_generation_count() {
        let root = root(&[
            MEMINFO,
            ("proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/box\n"),
            ("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "500000\n"),
            ("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "600000\n"),
        ]);
        assert_eq!(available_under(root.path()), Some(0));
    }

    #[test]
    fn nothing_readable_is_nothing_known() {
        assert_eq!(available_under(root(&[]).path()), None);
    }
}
