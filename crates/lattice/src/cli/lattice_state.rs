//! What belongs to the lattice and not to one host: `lattice link`, `lattice config`.

use clap::{ArgGroup, Args, Subcommand};
use lattice_protocol::{ContractId, LinkName};

use super::pair;

/// Join actors to providers
#[derive(Debug, Subcommand)]
pub(crate) enum Link {
    Put(PutLink),
    Del(DeleteLink),
}

/// Set a link, or give it other values
///
/// Under one contract and link name an actor has one provider. Where another one's link stands, nothing changes unless
/// --force is given. Ends when every running instance of the provider has got the link, and fails if one has not; should
/// none run, the link reaches it when it starts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice link put hello cache wasmcloud:keyvalue --value url=@secret.txt
  lattice link put hello VAG3... wasmcloud:httpserver --value address=127.0.0.1:8080

VAG3... stands for the whole key of a provider, which need not run.")]
pub(crate) struct PutLink {
    /// The actor: its name or call alias, or its key or a unique start of it
    pub(crate) actor: String,
    /// The provider: its whole key, or of one that runs its name, what it was started from or a unique start of its key
    pub(crate) provider: String,
    /// The contract
    pub(crate) contract: ContractId,
    /// The link's name
    #[arg(long, default_value_t)]
    pub(crate) name: LinkName,
    /// A value for the provider; `@FILE` as the value reads it from a file, which keeps secrets out of the process list
    #[arg(long = "value", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) values: Vec<(String, String)>,
    /// Replace the link of another provider
    #[arg(long)]
    pub(crate) force: bool,
    /// End as soon as the link is kept, whether providers have got it or not
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Remove a link
///
/// Ends when every running instance of the provider has been told.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lattice link del hello wasmcloud:keyvalue --name cache")]
pub(crate) struct DeleteLink {
    /// The actor: its name or call alias, or its key or a unique start of it
    pub(crate) actor: String,
    /// The contract
    pub(crate) contract: ContractId,
    /// The link's name
    #[arg(long, default_value_t)]
    pub(crate) name: LinkName,
    /// End as soon as the link is gone, whether providers have been told or not
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Keep configuration for actors and providers
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    Put(PutConfig),
    Del(DeleteConfig),
}

/// Set a value
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice config put hello greeting Hello
  lattice config put hello password @password.txt
  cat key.pem | lattice config put VAG3... key -
  lattice config put hello offset -- -5                  a value that begins with a dash")]
pub(crate) struct PutConfig {
    /// The actor: its name or call alias, or its key or a unique start of it; or the whole key of a provider
    #[arg(value_name = "ACTOR|PROVIDER")]
    pub(crate) entity: String,
    /// The value's key
    pub(crate) key: String,
    /// The value, `@FILE` for what a file holds, or `-` for standard input
    pub(crate) value: String,
}

/// Remove a value, or all
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["key", "all"]))]
#[command(
    override_usage = "lattice config del [OPTIONS] <ACTOR|PROVIDER> <KEY>\n       lattice config del [OPTIONS] <ACTOR|PROVIDER> --all"
)]
#[command(after_help = "Examples:\n  lattice config del hello greeting\n  lattice config del hello --all")]
pub(crate) struct DeleteConfig {
    /// The actor: its name or call alias, or its key or a unique start of it; or the whole key of a provider
    #[arg(value_name = "ACTOR|PROVIDER")]
    pub(crate) entity: String,
    /// The value's key
    pub(crate) key: Option<String>,
    /// All values
    #[arg(long)]
    pub(crate) all: bool,
}
