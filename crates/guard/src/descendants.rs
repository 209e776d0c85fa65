//! The processes below this one: who they are, killing them, and reaping those that have ended.

use std::{collections::HashMap, fs, process};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, wait},
};

/// What reaping found.
#[derive(Debug)]
pub(crate) enum Reaped {
    /// A child that had ended, with the status that the system tells.
    Child(Pid, i32),
    /// Children remain, none of which has ended.
    NoneEnded,
    /// There are no children, hence no descendants: each of them has an ancestor among the children.
    NoneLeft,
}

/// Reaps one child, without waiting.
pub(crate) fn reap() -> Reaped {
    match wait(WaitOptions::NOHANG) {
        Ok(Some((pid, status))) => Reaped::Child(pid, status.as_raw()),
        Ok(None) | Err(Errno::INTR) => Reaped::NoneEnded,
        Err(_) => Reaped::NoneLeft,
    }
}

/// Sends KILL to every descendant that can be seen. More may have come about meanwhile, so this is to be repeated until
/// none are left to reap. Where the system does not list processes, only the process group of `program` is reached.
pub(crate) fn kill(program: Pid) {
    match parents() {
        Some(parents) => below(process::id(), &parents).for_each(|pid| {
            let _ = kill_process(pid, Signal::KILL);
        }),
        None => {
            let _ = kill_process_group(program, Signal::KILL);
        }
    }
}

/// The parent of every process, by process id; none where the system does not tell.
fn parents() -> Option<HashMap<u32, u32>> {
    let entries = fs::read_dir("/proc").ok()?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let parents: HashMap<u32, u32> = pids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    parents.contains_key(&process::id()).then_some(parents)
}

fn parent(pid: u32) -> Option<u32> {
    parse_parent(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The second field is the program's name in parentheses and may itself hold spaces and parentheses.
fn parse_parent(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn below(ancestor: u32, parents: &HashMap<u32, u32>) -> impl Iterator<Item = Pid> {
    let descends = move |pid: &u32| ancestors(*pid, parents).any(|parent| parent == ancestor);
    parents.keys().copied().filter(descends).filter_map(|pid| Pid::from_raw(pid.try_into().ok()?))
}

/// Bounded by the number of processes: the snapshot is not atomic, so a reused process id may close a circle.
fn ancestors(pid: u32, parents: &HashMap<u32, u32>) -> impl Iterator<Item = u32> {
    let parent = |pid: &u32| parents.get(pid).copied();
    std::iter::successors(parents.get(&pid).copied(), parent).take(parents.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_parent_behind_any_name() {
        assert_eq!(parse_parent("41 (sh) S 7 41 41 0 -1"), Some(7));
        assert_eq!(parse_parent("41 (a) b (c)) R 8 41"), Some(8));
        assert_eq!(parse_parent(""), None);
        assert_eq!(parse_parent("41 (sh"), None);
    }

    #[test]
    fn finds_the_descendants_and_nobody_else() {
        let parents = HashMap::from([(1, 0), (10, 1), (11, 10), (12, 11), (20, 1), (30, 31), (31, 30)]);
        let mut found: Vec<i32> = below(10, &parents).map(Pid::as_raw_pid).collect();
        found.sort_unstable();
        assert_eq!(found, [11, 12]);
    }
}
