//! The log of the supervised server: a file that it appends to, of which errors quote the end.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use crate::defaults::{LARGEST_LOG, LOG_LINES, LOG_TAIL};

/// The part of the log that one run of the server writes.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    start: u64,
}

impl Log {
    /// Opens the log for a new run, putting the old one aside when it has grown large.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, File)> {
        if fs::metadata(path).is_ok_and(|log| log.len() > LARGEST_LOG) {
            fs::rename(path, path.with_extension("log.old"))?;
        }
        let file = File::options().create(true).append(true).open(path)?;
        let start = file.metadata()?.len();
        Ok((Self { path: path.to_owned(), start }, file))
    }

    /// The last lines of this run.
    pub(crate) fn tail(&self) -> Vec<String> {
        let text = self.read_tail().unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].iter().map(|line| (*line).to_owned()).collect()
    }

    fn read_tail(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(self.start.max(end.saturating_sub(LOG_TAIL))))?;
        let mut tail = Vec::new();
        file.take(LOG_TAIL).read_to_end(&mut tail)?;
        Ok(tail)
    }
}

/// The line that tells why a server ended: its last complaint, else its last line.
pub(crate) fn reason(lines: &[String]) -> &str {
    let complains = |line: &&String| ["[FTL]", "[ERR]", "nats-server:"].iter().any(|mark| line.contains(mark));
    let line = lines.iter().rev().find(complains).or(lines.last());
    line.map_or("it printed nothing", |line| without_stamp(line))
}

/// `[7] 2026/01/31 10:00:00.000001 [FTL] text` without process id and time.
fn without_stamp(line: &str) -> &str {
    match line.find("] [") {
        Some(_) => line,
        None => line.find(" [").map_or(line, |at| &line[at + 1..]),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn quotes_only_the_end_of_this_run() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nats.log");
        fs::write(&path, "of an earlier run\n").unwrap();
        let (log, mut file) = Log::open(&path).unwrap();
        assert!(log.tail().is_empty());
        (0..100).for_each(|line| writeln!(file, "line {line}").unwrap());
        let tail = log.tail();
        assert_eq!((tail.len(), tail[0].as_str(), tail[19].as_str()), (20, "line 80", "line 99"));
    }

    #[test]
    fn puts_a_large_log_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nats.log");
        fs::write(&path, vec![b'x'; LARGEST_LOG as usize + 1]).unwrap();
        Log::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        assert!(directory.path().join("nats.log.old").exists());
    }

    #[test]
    fn finds_the_reason_among_the_farewells() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let log = lines("[7] 2026/01/31 10:00:00.000001 [FTL] no port\n[7] 2026/01/31 10:00:00.000002 [INF] Exiting");
        assert_eq!(reason(&log), "[FTL] no port");
        assert_eq!(
            reason(&lines("nats-server: nats.conf:1:1: unknown field")),
            "nats-server: nats.conf:1:1: unknown field"
        );
        assert_eq!(reason(&lines("Killed")), "Killed");
        assert_eq!(reason(&[]), "it printed nothing");
    }
}
