//! Running the program to its end.

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::{process::Command, time};

use super::DEADLINE;

/// How a run ended and what it printed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    line: String,
}

impl Outcome {
    /// Runs a command to its end.
    pub(crate) async fn of(mut command: Command) -> Self {
        let line = format!("{:?}", command.as_std());
        let output = time::timeout(DEADLINE, command.stdin(Stdio::null()).output()).await;
        let output = output.unwrap_or_else(|_| panic!("{line} did not end within {DEADLINE:?}"));
        let Output { status, stdout, stderr } = output.unwrap_or_else(|error| panic!("{line}: {error}"));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr), line }
    }

    /// That it ended well; returns what it printed.
    #[track_caller]
    pub(crate) fn done(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:#?}");
        &self.stdout
    }

    /// That it ended well with exactly one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        self.done();
        self.document()
    }

    /// That it failed with this exit code and, for programs, with exactly one document that holds this error code.
    #[track_caller]
    pub(crate) fn failed_json(&self, exit: i32, code: &str) -> Value {
        assert_eq!(self.code, Some(exit), "{self:#?}");
        let document = self.document();
        assert_eq!(document["error"]["code"], code, "{self:#?}");
        document
    }

    /// That it failed with this exit code, printed no data, and said this.
    #[track_caller]
    pub(crate) fn failed(&self, exit: i32, said: &str) {
        assert_eq!(self.code, Some(exit), "{self:#?}");
        assert_eq!(self.stdout, "", "{self:#?}");
        assert!(self.stderr.contains(said), "no {said:?} in {self:#?}");
    }

    /// The one JSON document that it printed.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{} printed no document: {error}: {self:#?}", self.line))
    }
}
