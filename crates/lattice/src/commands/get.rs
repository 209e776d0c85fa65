//! `lattice get`.

mod claims;
mod hosts;
mod inventory;

use crate::{cli::Get, connect::Lattice, settings::Settings};

/// Prints what is in the lattice.
pub(crate) async fn run(get: Get, settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    let printer = settings.printer();
    match get {
        Get::Hosts => hosts::run(&lattice, printer).await,
        Get::Inventory { host } => inventory::run(&lattice, host.as_deref(), printer).await,
        Get::Claims => claims::run(&lattice, printer).await,
    }
}

/// What could not be read or asked, on standard error for people.
fn texts(errors: &[lattice_client::RequestError]) -> Vec<String> {
    let chain = |error: &lattice_client::RequestError| match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    errors.iter().map(chain).collect()
}
