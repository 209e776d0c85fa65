//! How much memory the host's machine could still give, as far as the kernel tells.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the kernel tells of memory.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    meminfo: PathBuf,
    /// The control groups of this process and those around them, each of which may have a limit.
    groups: Vec<Group>,
}

/// The files of a control group.
#[derive(Clone, Debug)]
struct Group {
    limit: PathBuf,
    usage: PathBuf,
    statistics: PathBuf,
    /// What the kernel would drop rather than let the limit be hit: the name of its line in the statistics.
    droppable: &'static str,
}

impl Memory {
    /// Of the machine, or of the container in which this process runs.
    pub(crate) fn of_this_process() -> Self {
        Self::under(Path::new("/"))
    }

    fn under(root: &Path) -> Self {
        let memberships = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        let groups = memberships.lines().flat_map(|line| groups(line, &root.join("sys/fs/cgroup")));
        Self { meminfo: root.join("proc/meminfo"), groups: groups.filter(Group::exists).collect() }
    }

    /// Bytes that could still be used; `None` where the kernel tells nothing.
    ///
    /// The files are the kernel's own and read in microseconds.
    pub(crate) fn free(&self) -> Option<u64> {
        let machine = fs::read_to_string(&self.meminfo).ok().and_then(|text| available(&text));
        self.groups.iter().map(Group::free).chain([machine]).flatten().min()
    }
}

impl Group {
    fn exists(&self) -> bool {
        self.usage.exists()
    }

    /// What the limit leaves; `None` without one.
    fn free(&self) -> Option<u64> {
        let limit = read_number(&self.limit)?;
        let statistics = fs::read_to_string(&self.statistics).unwrap_or_default();
        let droppable = value_of(&statistics, self.droppable).unwrap_or(0);
        let used = read_number(&self.usage)?.saturating_sub(droppable);
        Some(limit.saturating_sub(used))
    }
}

/// The groups that a line of `/proc/self/cgroup` names: the one itself and those around it.
fn groups(line: &str, mounted: &Path) -> Vec<Group> {
    let mut parts = line.splitn(3, ':');
    let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
        return Vec::new();
    };
    let of_version_1 = controllers.split(',').any(|controller| controller == "memory");
    let root = match (of_version_1, controllers.is_empty()) {
        (true, _) => mounted.join("memory"),
        (false, true) => mounted.to_owned(),
        (false, false) => return Vec::new(),
    };
    let group = root.join(path.trim_start_matches('/'));
    let around = group.ancestors().take_while(|dir| dir.starts_with(&root));
    around.map(|dir| if of_version_1 { Group::of_version_1(dir) } else { Group::of_version_2(dir) }).collect()
}

impl Group {
    fn of_version_1(dir: &Path) -> Self {
        Self {
            limit: dir.join("memory.limit_in_bytes"),
            usage: dir.join("memory.usage_in_bytes"),
            statistics: dir.join("memory.stat"),
            droppable: "total_inactive_file",
        }
    }

    fn of_version_2(dir: &Path) -> Self {
        Self {
            limit: dir.join("memory.max"),
            usage: dir.join("memory.current"),
            statistics: dir.join("memory.stat"),
            droppable: "inactive_file",
        }
    }
}

/// What `/proc/meminfo` calls available.
fn available(meminfo: &str) -> Option<u64> {
    value_of(meminfo, "MemAvailable:")?.checked_mul(1024)
}

/// The number after a name, of lines with both.
fn value_of(lines: &str, name: &str) -> Option<u64> {
    let mut of_name = lines.lines().filter_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    of_name.next()?.parse().ok()
}

/// A file with one number; one that says `max` has none.
fn read_number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up machine with these files.
    fn check(files: &[(&str, &str)], expect: Option<u64>) {
        let root = tempfile::tempdir().expect("a temporary directory");
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("it is in a directory")).expect("the directory can be made");
            fs::write(path, content).expect("the directory can be written");
        }
        assert_eq!(Memory::under(root.path()).free(), expect, "{files:?}");
    }

    const MEMINFO: (&str, &str) =
        ("proc/meminfo", "MemTotal:  2000 kB\nMemFree:  10 kB\nMemAvailable:     1000 kB\nBuffers: 1 kB\n");

    #[test]
    fn a_machine_without_limits() {
        check(&[], None);
        check(&[MEMINFO], Some(1_024_000));
        check(&[("proc/meminfo", "MemTotal: 2000 kB\n")], None);
        check(&[("proc/meminfo", "MemAvailable: much\n")], None);
        check(&[MEMINFO, ("proc/self/cgroup", "0::/a\n"), ("sys/fs/cgroup/a/memory.current", "5\n")], Some(1_024_000));
    }

    #[test]
    fn limits_of_version_2_count_at_every_level() {
        let own = ("proc/self/cgroup", "0::/outer/inner\n");
        let inner =
            [("sys/fs/cgroup/outer/inner/memory.max", "max\n"), ("sys/fs/cgroup/outer/inner/memory.current", "100\n")];
        let outer = [("sys/fs/cgroup/outer/memory.max", "5000\n"), ("sys/fs/cgroup/outer/memory.current", "1200\n")];
        let files = ("sys/fs/cgroup/outer/memory.stat", "anon 900\ninactive_file 200\nactive_file 100\n");
        check(&[&[MEMINFO, own], &inner[..]].concat(), Some(1_024_000));
        check(&[&[MEMINFO, own], &inner[..], &outer[..]].concat(), Some(3800));
        check(&[&[MEMINFO, own, files], &inner[..], &outer[..]].concat(), Some(4000));
        check(&[&[own, files], &inner[..], &outer[..]].concat(), Some(4000));
    }

    #[test]
    fn a_container_sees_its_group_as_the_root() {
        let limit = [("sys/fs/cgroup/memory.max", "5000"), ("sys/fs/cgroup/memory.current", "9000")];
        for path in ["0::/\n", "0::/not/seen/here\n", "0::/../..\n"] {
            check(&[&[MEMINFO, ("proc/self/cgroup", path)], &limit[..]].concat(), Some(0));
        }
    }

    #[test]
    fn limits_of_version_1() {
        let own = ("proc/self/cgroup", "12:cpu,cpuacct:/a\n5:memory:/a\n0::/a\nnonsense\n");
        let group = [
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000\n"),
            ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "3000\n"),
            ("sys/fs/cgroup/memory/a/memory.stat", "inactive_file 1\ntotal_inactive_file 500\n"),
        ];
        let unlimited = [
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "4000\n"),
        ];
        check(&[&[MEMINFO, own], &group[..], &unlimited[..]].concat(), Some(2500));
        check(&[&[MEMINFO, own], &unlimited[..]].concat(), Some(1_024_000));
    }

    #[test]
    fn this_machine_tells() {
        assert!(Memory::of_this_process().free().is_some_and(|bytes| bytes > 0));
    }
}
