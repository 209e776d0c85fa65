//! What belongs to the lattice and not to one host: `lattice link`, `lattice config`, `lattice registry`.

use clap::{ArgGroup, Args, Subcommand};
use lattice_protocol::{ContractId, EntityKey, LinkName};

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
/// --force is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice link put hello VAG3... wasmcloud:httpserver --value address=127.0.0.1:8080
  lattice link put hello VAZV... wasmcloud:keyvalue --name cache --value url=@secret.txt")]
pub(crate) struct PutLink {
    /// The actor: its name or call alias, or its key or a unique start of it
    pub(crate) actor: String,
    /// The provider's key
    pub(crate) provider: lattice_protocol::ProviderKey,
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
}

/// Remove a link
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
  lattice config put MDNX... greeting Hello
  lattice config put MDNX... password @password.txt
  cat key.pem | lattice config put MDNX... key -")]
pub(crate) struct PutConfig {
    /// The key of the actor or provider
    pub(crate) entity: EntityKey,
    /// The value's key
    pub(crate) key: String,
    /// The value, `@FILE` for what a file holds, or `-` for standard input
    pub(crate) value: String,
}

/// Remove a value, or all
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["key", "all"]))]
#[command(after_help = "Examples:\n  lattice config del MDNX... greeting\n  lattice config del MDNX... --all")]
pub(crate) struct DeleteConfig {
    /// The key of the actor or provider
    pub(crate) entity: EntityKey,
    /// The value's key
    pub(crate) key: Option<String>,
    /// All values
    #[arg(long)]
    pub(crate) all: bool,
}

/// Keep credentials for registries
#[derive(Debug, Subcommand)]
pub(crate) enum Registry {
    Set(SetRegistry),
}

/// Give every host the credentials of a registry
///
/// Hosts keep them in memory. The secret is read from a file or standard input, never from the command line, which every
/// user of the machine can see. This version of the host fetches from no registry yet.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice registry set registry.example --user ada --password-file password.txt
  printf %s \"$TOKEN\" | lattice registry set registry.example:5000 --token-file -")]
pub(crate) struct SetRegistry {
    /// The registry, `host` or `host:port`
    pub(crate) registry: String,
    /// The user's name
    #[arg(long, requires = "password_file")]
    pub(crate) user: Option<String>,
    /// The file with the password, `-` for standard input
    #[arg(long, value_name = "FILE", requires = "user", conflicts_with = "token_file")]
    pub(crate) password_file: Option<String>,
    /// The file with a token, `-` for standard input
    #[arg(long, value_name = "FILE", required_unless_present = "password_file")]
    pub(crate) token_file: Option<String>,
}
