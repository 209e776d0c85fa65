//! `lattice claims`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use lattice_protocol::{CallAlias, ContractId};

use super::duration;

/// Sign modules and look at their claims
#[derive(Debug, Subcommand)]
pub(crate) enum Claims {
    Sign(Box<Sign>),
    Inspect(Inspect),
}

/// Sign a module
///
/// Without --issuer and --module-key, development keys of the data directory sign; the module's key is kept under its name,
/// so that signing again gives the same actor.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice claims sign mine.wasm --out mine_s.wasm --name mine
  lattice claims sign mine.wasm --out mine_s.wasm --name mine --call-alias mine --cap wasmcloud:httpserver --revision 2 \\
      --issuer account.nk --module-key mine.nk --expires-in 90d")]
pub(crate) struct Sign {
    /// The module
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Where the signed module goes
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The actor's name for people
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// A name to call it by instead of its key
    #[arg(long, value_name = "ALIAS")]
    pub(crate) call_alias: Option<CallAlias>,
    /// A capability contract that it may use; several with several
    #[arg(long = "cap", value_name = "CONTRACT")]
    pub(crate) capabilities: Vec<ContractId>,
    /// A tag; several with several
    #[arg(long = "tag")]
    pub(crate) tags: Vec<String>,
    /// The revision, a number that grows
    #[arg(long)]
    pub(crate) revision: Option<i32>,
    /// The version for people
    #[arg(long = "version", id = "module-version")]
    pub(crate) version: Option<String>,
    #[command(flatten)]
    pub(crate) by: SignedBy,
    /// A file with the module's seed (SM...)
    #[arg(long, value_name = "FILE")]
    pub(crate) module_key: Option<PathBuf>,
}

// Who signs claims, and for how long. A doc comment would stand in the place of the command's.
#[derive(Debug, Args)]
pub(crate) struct SignedBy {
    /// How long the claims are good, such as 90d [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) expires_in: Option<Duration>,
    /// A file with the account seed (SA...) that signs
    #[arg(long, value_name = "FILE")]
    pub(crate) issuer: Option<PathBuf>,
}

/// Show a module's claims and whether they are in order
///
/// Exits with 1 if they are not.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lattice claims inspect mine_s.wasm")]
pub(crate) struct Inspect {
    /// The module
    pub(crate) file: PathBuf,
}
