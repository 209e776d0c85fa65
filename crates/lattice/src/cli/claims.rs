//! `lattice claims`.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use lattice_artifact::UnknownIssuers;
use lattice_protocol::{CallAlias, ContractId};

use super::{When, duration};

/// Sign modules, look at claims and verify them
#[derive(Debug, Subcommand)]
pub(crate) enum Claims {
    Sign(Box<Sign>),
    Inspect(Inspect),
    Verify(Verify),
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
    /// Claim that the module is a capability provider, as a few old ones are
    #[arg(long, hide_short_help = true)]
    pub(crate) is_provider: bool,
    #[command(flatten)]
    pub(crate) by: SignedBy,
    /// A file with the module's seed (SM...)
    #[arg(long, value_name = "FILE")]
    pub(crate) module_key: Option<PathBuf>,
}

// Who signs claims, when, and for how long. A doc comment would stand in the place of the command's.
#[derive(Debug, Args)]
pub(crate) struct SignedBy {
    /// How long the claims are good, such as 90d [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) expires_in: Option<Duration>,
    /// From when on they are good: a time such as 2030-01-31T08:00:00Z, or how long after signing, such as 2h [default: at
    /// once]
    #[arg(long, value_name = "TIME|DURATION", visible_alias = "valid-from")]
    pub(crate) not_before: Option<When>,
    /// A file with the account seed (SA...) that signs
    #[arg(long, value_name = "FILE")]
    pub(crate) issuer: Option<PathBuf>,
    /// When it is said to be signed: with --token-id, the same input and keys make the same bytes [default: now]
    #[arg(long, value_name = "TIME", value_parser = When::time, hide_short_help = true)]
    pub(crate) issued_at: Option<SystemTime>,
    /// The token's own id [default: a new one]
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), hide_short_help = true)]
    pub(crate) token_id: Option<String>,
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

/// Check a signed module or a provider archive
///
/// Tells of each check whether it holds: the signature, the hash of the module or of every program in the archive, that the
/// claims have not expired and have begun, and, given --trusted-issuer, that one of those accounts signed. Exits with 1 if
/// one of them does not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice claims verify mine_s.wasm
  lattice claims verify cache.par.gz --trusted-issuer ABRK5MP6QRTH7HXOVP2PR2TLDW6DPLBAF3LTGVWQRFVEF7W5VOUMACXB")]
pub(crate) struct Verify {
    /// The module or archive
    pub(crate) file: PathBuf,
    /// An account (A...) whose signature counts; several with several [default: everybody's]
    #[arg(long = "trusted-issuer", value_name = "KEY")]
    pub(crate) trusted_issuers: Vec<String>,
    /// What becomes of others: accept, warn or refuse [default: refuse, given --trusted-issuer]
    #[arg(long, value_name = "POLICY")]
    pub(crate) unknown_issuers: Option<UnknownIssuers>,
}
