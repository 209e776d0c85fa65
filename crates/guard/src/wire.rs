//! What owner and guard say to each other: short lines of text over one socket.

use std::time::Duration;

use crate::defaults::LONGEST_GRACE;

/// From the owner to the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Start the program and feed it this many bytes, which follow the line. Always the first order.
    Start {
        /// The length of the program's standard input.
        input: usize,
    },
    /// Ask the program to end, and end everything after the grace.
    Stop {
        /// How long the program may take.
        grace: Duration,
    },
}

/// From the guard to the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The program runs.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// The program was not started. Always the last report.
    Failed {
        /// At what.
        step: Step,
        /// The system's error number, zero if there is none.
        errno: i32,
    },
    /// The program has ended. What is left of its descendants is killed before the guard ends.
    Exited {
        /// The status as the system tells it.
        status: i32,
    },
}

/// What the guard does until the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Becoming a guard.
    Setup,
    /// Opening the lock file.
    Lock,
    /// Waiting for whoever holds the lock.
    Locked,
    /// Entering the program's directory.
    Directory,
    /// Starting the program.
    Program,
}

const STEPS: [(Step, &str); 5] = [
    (Step::Setup, "setup"),
    (Step::Lock, "lock"),
    (Step::Locked, "locked"),
    (Step::Directory, "directory"),
    (Step::Program, "program"),
];

impl Order {
    /// The order as a line, with its end.
    pub(crate) fn to_line(self) -> String {
        match self {
            Self::Start { input } => format!("start {input}\n"),
            Self::Stop { grace } => format!("stop {}\n", grace.min(LONGEST_GRACE).as_millis()),
        }
    }

    /// The order in a line without its end.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        match line.split_once(' ')? {
            ("start", input) => Some(Self::Start { input: input.parse().ok()? }),
            ("stop", grace) => Some(Self::Stop { grace: Duration::from_millis(grace.parse().ok()?) }),
            _ => None,
        }
    }
}

impl Report {
    /// The report as a line, with its end.
    pub(crate) fn to_line(self) -> String {
        match self {
            Self::Started { pid } => format!("started {pid}\n"),
            Self::Failed { step, errno } => format!("failed {} {errno}\n", step.name()),
            Self::Exited { status } => format!("exited {status}\n"),
        }
    }

    /// The report in a line without its end.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        match line.split_once(' ')? {
            ("started", pid) => Some(Self::Started { pid: pid.parse().ok()? }),
            ("failed", failure) => {
                let (step, errno) = failure.split_once(' ')?;
                Some(Self::Failed { step: Step::named(step)?, errno: errno.parse().ok()? })
            }
            ("exited", status) => Some(Self::Exited { status: status.parse().ok()? }),
            _ => None,
        }
    }
}

impl Step {
    fn name(self) -> &'static str {
        let (_, name) = STEPS.iter().find(|(step, _)| *step == self).expect("every step is in the table");
        name
    }

    fn named(name: &str) -> Option<Self> {
        STEPS.iter().find(|(_, known)| *known == name).map(|(step, _)| *step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_survives_the_line() {
        for order in [Order::Start { input: 7 }, Order::Stop { grace: Duration::from_millis(1500) }] {
            assert_eq!(Order::from_line(order.to_line().trim_end()), Some(order));
        }
        let failures = STEPS.map(|(step, _)| Report::Failed { step, errno: 13 });
        for report in [Report::Started { pid: 1 }, Report::Exited { status: 9 }].into_iter().chain(failures) {
            assert_eq!(Report::from_line(report.to_line().trim_end()), Some(report));
        }
    }

    /// Regression: a grace without end was no order, which ended the program at once.
    #[test]
    fn the_longest_grace_is_an_order_too() {
        let line = Order::Stop { grace: Duration::MAX }.to_line();
        assert_eq!(Order::from_line(line.trim_end()), Some(Order::Stop { grace: LONGEST_GRACE }));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for line in ["", "start", "start x", "stop -1", "halt 1"] {
            assert_eq!(Order::from_line(line), None, "{line}");
        }
        for line in ["", "started", "failed program", "failed nowhere 2", "exited zero"] {
            assert_eq!(Report::from_line(line), None, "{line}");
        }
    }
}
