//! `lattice call`.

use clap::Args;

use super::SeedText;

/// Call an operation of an actor and print the answer
///
/// The argument is JSON and travels as MessagePack, the answer comes back the same way. Bytes in the answer are printed as
/// base64. The call is signed with a cluster seed that the lattice's hosts accept: that of --cluster-seed, of the
/// environment, of the context, or of the `up` of this data directory.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice call hello Greeter.Greet '{\"name\":\"Ada\"}'
  lattice call hello Greeter.Greet @request.json
  echo '\"Ada\"' | lattice call hello Greeter.Greet -
  lattice call MBX4 Images.Render @scene.json --raw > scene.png")]
pub(crate) struct Call {
    /// The actor: its name or call alias, or its key or a unique start of it
    pub(crate) actor: String,
    /// The operation, such as Greeter.Greet
    pub(crate) operation: String,
    /// The argument: JSON, @FILE with JSON, or - for standard input [default: none, an empty payload]
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) argument: Option<String>,
    /// Write the answer's bytes as they are
    #[arg(long)]
    pub(crate) raw: bool,
    /// The seed that signs the call (SC...), or a file with it
    #[arg(long, value_name = "FILE|SEED")]
    pub(crate) cluster_seed: Option<SeedText>,
}
