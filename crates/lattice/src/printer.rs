//! The only way out: data to standard output, everything else to standard error.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::{detail::Detail, diagnosis::Diagnosis};

/// How data are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with whole keys and references.
    Wide,
    /// For programs: exactly one JSON document; one per line where data keep coming.
    Json,
}

/// Data that can be shown to people; programs get the serialized form.
pub(crate) trait Show: Serialize {
    /// The text for people, with or without a line end.
    fn text(&self) -> String;

    /// The text for people who want to see whole keys and references.
    fn wide(&self) -> String {
        self.text()
    }
}

/// Output that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the output could not be written")]
pub(crate) struct PrintError(#[from] io::Error);

impl PrintError {
    /// Whether only nobody reads any more.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Prints in one format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    format: Format,
    quiet: bool,
}

impl Printer {
    /// A printer; a quiet one keeps its notes to itself.
    pub(crate) fn new(format: Format, quiet: bool) -> Self {
        Self { format, quiet }
    }

    /// Whether the output is for programs.
    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// How much of keys and references people want to see.
    pub(crate) fn detail(self) -> Detail {
        match self.format {
            Format::Wide => Detail::Whole,
            Format::Table | Format::Json => Detail::Brief,
        }
    }

    /// Prints the one result of a command.
    pub(crate) fn show(self, data: &impl Show) -> Result<(), PrintError> {
        let text = match self.format {
            Format::Table => data.text(),
            Format::Wide => data.wide(),
            Format::Json => pretty(data)?,
        };
        self.end_progress();
        Ok(line(&mut io::stdout().lock(), &text)?)
    }

    /// Prints one of many results, on one line for programs.
    pub(crate) fn stream(self, data: &impl Show) -> Result<(), PrintError> {
        let text = match self.format {
            Format::Table => data.text(),
            Format::Wide => data.wide(),
            Format::Json => serde_json::to_string(data).map_err(io::Error::from)?,
        };
        self.end_progress();
        Ok(line(&mut io::stdout().lock(), &text)?)
    }

    /// Makes room for the next of many results: on a terminal it takes the place of the one before.
    pub(crate) fn next_page(self) -> Result<(), PrintError> {
        let mut out = io::stdout().lock();
        match self.format {
            Format::Json => Ok(()),
            Format::Table | Format::Wide if out.is_terminal() => Ok(out.write_all(b"\x1b[2J\x1b[H")?),
            Format::Table | Format::Wide => Ok(line(&mut out, "")?),
        }
    }

    /// Writes bytes as they are.
    pub(crate) fn raw(self, bytes: &[u8]) -> Result<(), PrintError> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// Tells people something beside the data. What cannot be told is no reason to fail.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            self.end_progress();
            let _ = line(&mut io::stderr().lock(), text);
        }
    }

    /// Tells people of a danger, also when quiet.
    pub(crate) fn warn(self, text: &str) {
        self.end_progress();
        let _ = line(&mut io::stderr().lock(), &format!("warning: {text}"));
    }

    /// Shows what is going on, on a line that the next progress overwrites. Only terminals see it.
    pub(crate) fn progress(self, text: &str) {
        if self.shows_progress() {
            let mut err = io::stderr().lock();
            let _ = write!(err, "\r\x1b[K{text}").and_then(|()| err.flush());
        }
    }

    /// Takes the progress line away.
    pub(crate) fn end_progress(self) {
        self.progress("");
    }

    /// Prints why a command failed: for programs as the one document, for people on standard error.
    pub(crate) fn failure(self, failure: &Diagnosis) -> io::Result<()> {
        self.end_progress();
        match self.format {
            Format::Table | Format::Wide => line(&mut io::stderr().lock(), &failure.text()),
            Format::Json => line(&mut io::stdout().lock(), &serde_json::to_string(&failure.document())?),
        }
    }

    /// Whether progress is seen by anybody.
    pub(crate) fn shows_progress(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }
}

fn pretty(data: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(data)?)
}

fn line(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.trim_end_matches('\n').as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}
