//! `lattice par`.

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use lattice_protocol::ContractId;

use super::SignedBy;

/// Make provider archives and look at them
///
/// An archive is what `start provider` takes: the program of a capability provider, for one kind of machine or several, and
/// its signed claims.
#[derive(Debug, Subcommand)]
pub(crate) enum Par {
    Create(Box<Create>),
    Insert(Insert),
    Inspect(InspectArchive),
}

/// Make an archive of a provider's program
///
/// Without --issuer and --provider-key, development keys of the data directory sign; the provider's key is kept under its
/// name, so that the next archive is of the same provider. A host starts the program without arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice par create target/release/cache --contract wasmcloud:keyvalue --name cache
  lattice par create cache-arm --target aarch64-linux --contract acme:cache --name cache --vendor Acme --revision 2 \\
      --out cache.par.gz --issuer account.nk --provider-key cache.nk --expires-in 90d")]
pub(crate) struct Create {
    /// The program: an executable, or a script that begins with `#!`
    pub(crate) executable: PathBuf,
    /// The contract that it provides
    #[arg(long)]
    pub(crate) contract: ContractId,
    /// The provider's name for people
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// Who made it
    #[arg(long, default_value_t, hide_default_value = true)]
    pub(crate) vendor: String,
    /// The revision, a number that grows
    #[arg(long)]
    pub(crate) revision: Option<i32>,
    /// The version for people
    #[arg(long = "version", id = "provider-version")]
    pub(crate) version: Option<String>,
    /// A file with the JSON schema of the values in its links
    #[arg(long, value_name = "FILE")]
    pub(crate) config_schema: Option<PathBuf>,
    /// What runs the program, such as x86_64-linux or aarch64-macos [default: this machine's]
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// Where the archive goes; it is compressed if the name ends in .gz [default: the program's name and .par.gz]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) by: SignedBy,
    /// A file with the provider's seed (SV...)
    #[arg(long, value_name = "FILE")]
    pub(crate) provider_key: Option<PathBuf>,
}

/// Add the program for another kind of machine to an archive
///
/// Whoever signed the archive signs it again: the account of --issuer, or else the development key of the data directory.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lattice par insert cache.par.gz cache-arm --target aarch64-linux")]
pub(crate) struct Insert {
    /// The archive, which is replaced
    pub(crate) file: PathBuf,
    /// The program
    pub(crate) executable: PathBuf,
    /// What runs the program, such as x86_64-linux or aarch64-macos
    #[arg(long)]
    pub(crate) target: String,
    /// A file with the account seed (SA...) that signed the archive
    #[arg(long, value_name = "FILE")]
    pub(crate) issuer: Option<PathBuf>,
}

/// Show an archive's claims and programs, and whether they are in order
///
/// Exits with 1 if they are not.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lattice par inspect cache.par.gz")]
pub(crate) struct InspectArchive {
    /// The archive
    pub(crate) file: PathBuf,
}
