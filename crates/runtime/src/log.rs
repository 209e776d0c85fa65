//! [`Log`]: the log lines of one actor's guests, bounded in length and number on their way to the host.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::call::Imports;
use crate::defaults::{LOG_LINES, LOG_WINDOW, MAX_LOG_LINE};

/// Where the guests of one actor log.
pub(crate) struct Log {
    imports: Arc<dyn Imports>,
    window: Mutex<Window>,
}

/// How much was logged since some time.
#[derive(Debug)]
struct Window {
    since: Instant,
    lines: u32,
}

/// What a window says to one more line.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    /// It passes, and before it so many did not.
    PassAfter(u32),
    Drop,
}

impl Log {
    pub(crate) fn new(imports: Arc<dyn Imports>) -> Self {
        Self { imports, window: Mutex::new(Window { since: Instant::now(), lines: 0 }) }
    }

    /// Passes on what was logged, cut to the longest text allowed and line by line, so that no guest makes up lines that
    /// look like others'. What is too much is dropped.
    pub(crate) fn text(&self, text: &[u8]) {
        let text = clip(text, MAX_LOG_LINE);
        text.split(['\n', '\r']).filter(|line| !line.is_empty()).for_each(|line| self.line(line));
    }

    fn line(&self, line: &str) {
        match self.verdict() {
            Verdict::Drop => return,
            Verdict::Pass => {}
            Verdict::PassAfter(dropped) => {
                self.imports.console_log(&format!("{dropped} log lines dropped: too many at once"))
            }
        }
        self.imports.console_log(line);
    }

    fn verdict(&self) -> Verdict {
        self.window.lock().unwrap_or_else(PoisonError::into_inner).count(Instant::now())
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Window {
    fn count(&mut self, now: Instant) -> Verdict {
        let mut dropped = 0;
        if now.saturating_duration_since(self.since) >= LOG_WINDOW {
            dropped = self.lines.saturating_sub(LOG_LINES);
            *self = Self { since: now, lines: 0 };
        }
        self.lines = self.lines.saturating_add(1);
        match dropped {
            _ if self.lines > LOG_LINES => Verdict::Drop,
            0 => Verdict::Pass,
            dropped => Verdict::PassAfter(dropped),
        }
    }
}

/// The text in these bytes, cut to so many of them and marked if it was.
pub(crate) fn clip(bytes: &[u8], limit: usize) -> Cow<'_, str> {
    if bytes.len() <= limit {
        return String::from_utf8_lossy(bytes);
    }
    let text = String::from_utf8_lossy(&bytes[..limit]);
    // Cutting may have split a character, which the conversion then replaced.
    Cow::Owned(format!("{}… ({} bytes)", text.trim_end_matches('\u{fffd}'), bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_lines_are_dropped_and_counted_in_the_next_window() {
        let start = Instant::now();
        let mut window = Window { since: start, lines: 0 };
        for _ in 0..LOG_LINES {
            assert_eq!(window.count(start), Verdict::Pass);
        }
        assert_eq!(window.count(start), Verdict::Drop);
        assert_eq!(window.count(start), Verdict::Drop);
        assert_eq!(window.count(start + LOG_WINDOW), Verdict::PassAfter(2));
        assert_eq!(window.count(start + LOG_WINDOW), Verdict::Pass);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(clip("short".as_bytes(), 5), "short");
        assert_eq!(clip("aé!".as_bytes(), 2), "a… (4 bytes)");
        assert_eq!(clip(b"\xff", 2), "\u{fffd}");
    }
}
