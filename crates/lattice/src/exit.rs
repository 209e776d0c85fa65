//! The exit codes, which are a promise to scripts.

use std::process::ExitCode;

/// What the process exits with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Tried, and it did not succeed.
    Failed = 1,
    /// The command line is wrong, or what it names is ambiguous.
    Usage = 2,
    /// No broker, no host, or nothing of that name.
    NobodyThere = 3,
    /// Refused by a host or the broker.
    Refused = 4,
    /// No answer in time; it may still happen.
    OutcomeUnknown = 5,
    /// Settings are wrong. The number is `EX_USAGE` of `sysexits.h`, as daemons use it.
    Configuration = 64,
    /// Interrupted before it was done: 128 and the number of SIGINT, as shells count.
    Interrupted = 130,
}

/// The table for `lattice --help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done
  1    tried, and it did not succeed
  2    the command line is wrong, or what it names is ambiguous
  3    nobody there: no broker, no host, or nothing of that name
  4    refused, by a host or by the broker
  5    no answer in time; what was asked for may still happen
  64   wrong settings: environment, context, configuration file, keys or directories
  130  interrupted: `bench` by the first Ctrl-C, what stops in order by the second";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_code() {
        let codes = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::NobodyThere,
            Exit::Refused,
            Exit::OutcomeUnknown,
            Exit::Configuration,
            Exit::Interrupted,
        ];
        let listed: Vec<&str> = HELP.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(listed, codes.map(|code| (code as u8).to_string()));
    }
}
