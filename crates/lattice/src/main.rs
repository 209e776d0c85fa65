//! The lattice command: runs and steers a lattice.
//!
//! What was typed (`cli`) becomes what is needed (`settings`), a command (`commands`) does its work through the libraries,
//! and one place (`printer`) prints. One result becomes one exit code (`exit`).

mod builtins;
mod cli;
mod commands;
mod connect;
mod deliveries;
mod detail;
mod diagnosis;
mod environment;
mod event_line;
mod exit;
mod fault;
mod follow;
mod image;
mod input;
mod keys;
mod module;
mod placement;
mod printer;
mod program;
mod requester;
mod settings;
mod settle;
mod signals;
mod stored;
mod table;
mod telemetry;
mod transcode;
mod unanswered;
mod up;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use crate::{
    cli::Cli,
    diagnosis::Diagnosis,
    environment::Environment,
    exit::Exit,
    fault::Told,
    printer::{Format, PrintError, Printer},
    settings::Settings,
};

fn main() -> ExitCode {
    // A guard is this program run again, and must act before anything else has started a thread.
    if let Some(code) = lattice_guard::run_if_guard() {
        return code;
    }
    if let Some(code) = builtins::run_if_provider() {
        return code;
    }
    match Cli::try_parse() {
        Ok(cli) => run(cli).into(),
        Err(refusal) => refuse(&refusal).into(),
    }
}

fn run(cli: Cli) -> Exit {
    let settings = Settings::new(cli.global, Environment::of_process());
    let printer = settings.printer();
    match commands::run(cli.command, &settings) {
        Ok(()) => Exit::Done,
        Err(error) => fail(printer, &error),
    }
}

/// Whoever reads may stop reading: that is no failure.
fn fail(printer: Printer, error: &anyhow::Error) -> Exit {
    if error.downcast_ref::<PrintError>().is_some_and(PrintError::is_broken_pipe) {
        return Exit::Done;
    }
    if let Some(Told(code)) = error.downcast_ref() {
        return code.exit();
    }
    let diagnosis = Diagnosis::of(error);
    let _ = printer.failure(&diagnosis);
    diagnosis.code.exit()
}

/// Help and version are no failures either; what else the parser says is a usage error, as JSON if that was asked for.
fn refuse(refusal: &clap::Error) -> Exit {
    if !refusal.use_stderr() {
        let _ = refusal.print();
        return Exit::Done;
    }
    if asks_for_json(std::env::args_os()) {
        let printer = Printer::new(Format::Json, false);
        let _ = printer.failure(&Diagnosis::of_usage(refusal));
    } else {
        let _ = refusal.print();
    }
    Exit::Usage
}

/// Whether a command line that could not be parsed asks for JSON.
fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let arguments: Vec<String> = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    let joined = |argument: &String| matches!(argument.as_str(), "-ojson" | "-o=json" | "--output=json");
    let apart =
        |pair: &[String]| matches!(pair, [flag, value] if (flag == "-o" || flag == "--output") && value == "json");
    arguments.iter().any(joined) || arguments.windows(2).any(apart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_command_line_still_says_how_to_print() {
        let check =
            |line: &str, expect: bool| assert_eq!(asks_for_json(line.split(' ').map(OsString::from)), expect, "{line}");
        check("lattice get nothing -o json", true);
        check("lattice get nothing --output=json", true);
        check("lattice -ojson get", true);
        check("lattice get json -o table", false);
    }
}
