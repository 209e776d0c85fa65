//! `lattice get`.

mod artifacts;
mod claims;
mod config;
mod hosts;
mod inventory;
mod links;
mod operations;
mod watch;

use lattice_client::{Gathered, Missing};

pub(super) use operations::{command_text, took};

use crate::{
    cli::{Get, Whole},
    connect::Lattice,
    fault::{Code, Fault, Told},
    printer::Printer,
    settings::Settings,
};

/// Prints what is in the lattice.
pub(crate) async fn run(get: Get, settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    let printer = settings.printer();
    match get {
        Get::Hosts { whole } => hosts::run(&lattice, whole, printer).await,
        Get::Inventory { host, whole } => inventory::run(&lattice, host.as_deref(), whole, printer).await,
        Get::Claims => claims::run(&lattice, printer).await,
        Get::Artifacts => artifacts::run(&lattice, printer).await,
        Get::Links { values } => links::run(&lattice, values, printer).await,
        Get::Operations(operations) => operations::run(&lattice, operations, printer).await,
        Get::Config(config) => config::run(&lattice, config, printer).await,
    }
}

/// What could not be read or asked, on standard error for people.
pub(super) fn texts(errors: &[lattice_client::RequestError]) -> Vec<String> {
    let chain = |error: &lattice_client::RequestError| match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    errors.iter().map(chain).collect()
}

/// The hosts that did not answer, as people and programs are told of them.
pub(super) fn missing_of<T>(gathered: &Gathered<T>) -> Vec<String> {
    missing_texts(&gathered.missing)
}

/// Hosts that did not answer.
pub(super) fn missing_texts(missing: &[Missing]) -> Vec<String> {
    missing.iter().map(Missing::to_string).collect()
}

/// What answers of all hosts say of themselves, beside their items.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gaps<'a> {
    /// What could not be read.
    pub(super) errors: &'a [String],
    /// Who did not answer.
    pub(super) missing: &'a [String],
    /// Whether nothing is missing.
    pub(super) complete: bool,
}

impl Gaps<'_> {
    /// Tells people of them.
    pub(super) fn tell(self, printer: Printer) {
        self.errors.iter().for_each(|error| printer.warn(error));
        if !self.missing.is_empty() {
            printer.warn(&format!("no answer from {}", self.missing.join(", ")));
        }
        if !self.complete && self.errors.is_empty() && self.missing.is_empty() {
            printer.note("no host tells which hosts there are, so that others may be missing here");
        }
    }
}

/// Fails where a part of the answers will not do.
fn judge(whole: Whole, complete: bool, printer: Printer) -> anyhow::Result<()> {
    match whole.require_complete && !complete {
        false => Ok(()),
        // Programs find in the document itself what is missing.
        true if printer.is_json() => Err(Told(Code::Failed).into()),
        true => Err(Fault::new(Code::Failed, "the answers are not complete").into()),
    }
}
