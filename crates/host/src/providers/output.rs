//! What a provider prints: into the host's log line by line, and the last of it kept for whoever asks.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::SystemTime,
};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use super::command::InstanceKey;
use crate::defaults::{KEPT_OUTPUT, LONGEST_LINE};

/// Which of its two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Error,
    /// What the host says of it, between what it says itself.
    Host,
}

impl Stream {
    /// What answers call it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Stream::Out => "stdout",
            Stream::Error => "stderr",
            Stream::Host => "host",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Counts the lines of this provider since the host started.
    pub(crate) number: u64,
    pub(crate) time: SystemTime,
    pub(crate) stream: Stream,
    pub(crate) text: String,
}

/// The last lines of one provider, over the processes that it had; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    lines: VecDeque<Line>,
    bytes: usize,
    next: u64,
}

impl Output {
    pub(super) fn new() -> Self {
        Self { kept: Arc::new(Mutex::new(Kept { lines: VecDeque::new(), bytes: 0, next: 1 })) }
    }

    /// The lines after a number, at most so many, the first of them first; and how many of them are gone already.
    pub(crate) fn after(&self, number: u64, at_most: usize) -> (Vec<Line>, u64) {
        let kept = self.lock();
        let first = kept.lines.front().map_or(kept.next, |line| line.number);
        let lines = kept.lines.iter().filter(|line| line.number > number).take(at_most).cloned().collect();
        (lines, first.saturating_sub(number.saturating_add(1)))
    }

    /// The number of the last line so far.
    pub(super) fn end(&self) -> u64 {
        self.lock().next - 1
    }

    /// The last lines, at most so many.
    pub(crate) fn last(&self, at_most: usize) -> Vec<Line> {
        let kept = self.lock();
        let skipped = kept.lines.len().saturating_sub(at_most);
        kept.lines.iter().skip(skipped).cloned().collect()
    }

    pub(super) fn add(&self, stream: Stream, text: String) {
        self.lock().add(Line { number: 0, time: SystemTime::now(), stream, text });
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("nothing panics while it holds lines")
    }
}

impl Kept {
    fn add(&mut self, line: Line) {
        self.bytes += size_of(&line);
        self.lines.push_back(Line { number: self.next, ..line });
        self.next += 1;
        while self.bytes > KEPT_OUTPUT && self.lines.len() > 1 {
            let gone = self.lines.pop_front().map_or(0, |line| size_of(&line));
            self.bytes -= gone;
        }
    }
}

/// Bytes that a line takes, with what stands around its text.
fn size_of(line: &Line) -> usize {
    line.text.len() + std::mem::size_of::<Line>()
}

/// Reads one output to its end.
pub(super) async fn read(from: impl AsyncRead + Unpin, stream: Stream, key: InstanceKey, output: Output) {
    let mut from = BufReader::new(from);
    while let Some(text) = next_line(&mut from).await {
        tracing::info!(target: "lattice::provider", provider = %key.provider, link = %key.link, "{text}");
        output.add(stream, text);
    }
}

/// The next line, cut where it is too long; none at the end. What is no UTF-8 and what moves a terminal's cursor is
/// replaced.
async fn next_line(from: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    loop {
        let mut line = Vec::new();
        let read = (&mut *from).take(LONGEST_LINE as u64).read_until(b'\n', &mut line).await.ok()?;
        if read == 0 {
            return None;
        }
        // Published SDKs write a carriage return after each line.
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_matches(['\r', '\n']);
        if !text.is_empty() {
            return Some(text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(mut from: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut from).await {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn whatever_is_printed_becomes_lines() {
        assert_eq!(lines(b"one\r\n\n\rtwo\nand no end").await, ["one", "two", "and no end"]);
        assert_eq!(lines(b"\x1b[31mred\xff\n").await, ["\u{fffd}[31mred\u{fffd}"]);
        let long = vec![b'x'; LONGEST_LINE * 2 + 1];
        let cut: Vec<_> = lines(&long).await.iter().map(String::len).collect();
        assert_eq!(cut, [LONGEST_LINE, LONGEST_LINE, 1]);
    }

    #[test]
    fn the_last_lines_are_kept_and_the_gone_are_counted() {
        let output = Output::new();
        let text = "x".repeat(KEPT_OUTPUT / 4 - std::mem::size_of::<Line>());
        (0..10).for_each(|_| output.add(Stream::Out, text.clone()));
        let (lines, gone) = output.after(0, 100);
        assert_eq!((lines.iter().map(|line| line.number).collect::<Vec<_>>(), gone), (vec![7, 8, 9, 10], 6));
        let (lines, gone) = output.after(8, 1);
        assert_eq!((lines[0].number, lines.len(), gone), (9, 1, 0));
        assert_eq!(output.last(2).len(), 2);
        assert_eq!(output.after(10, 100), (Vec::new(), 0));
    }
}
