//! The built program, in a directory of its own.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use tempfile::TempDir;

/// The program and the files that it is given and makes.
pub(crate) struct Program {
    directory: TempDir,
}

impl Program {
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("lattice-interop-").tempdir();
        Self { directory: directory.expect("a temporary directory can be made") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("the test's directory can be written");
    }

    /// A file that is its owner's alone, as those with seeds are to be.
    pub(crate) fn write_seed(&self, name: &str, seed: &str) {
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path(name));
        file.expect("the test's directory can be written").write_all(seed.as_bytes()).expect("there is room");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// That it does what the line says; returns the document that it prints. Words have no blanks in them.
    #[track_caller]
    pub(crate) fn done(&self, line: &str) -> Value {
        let (code, document) = self.run(line);
        assert_eq!(code, Some(0), "{line}: {document}");
        document
    }

    /// That it refuses a file.
    #[track_caller]
    pub(crate) fn refused(&self, line: &str) -> Value {
        let (code, document) = self.run(line);
        assert_eq!(code, Some(1), "{line}: {document}");
        document
    }

    fn run(&self, line: &str) -> (Option<i32>, Value) {
        let directory: &Path = self.directory.path();
        let mut command = lattice_interop::command(directory);
        command.args(line.split_whitespace()).current_dir(directory).stdin(Stdio::null());
        let output = command.output().unwrap_or_else(|error| panic!("{line}: {error}"));
        let document = serde_json::from_slice(&output.stdout);
        (output.status.code(), document.unwrap_or_else(|error| panic!("{line}: {error}: {output:?}")))
    }
}
