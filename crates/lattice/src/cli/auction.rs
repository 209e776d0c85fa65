//! `lattice auction`.

use clap::{Args, Subcommand, ValueEnum};
use lattice_protocol::{Count, LinkName};

use super::pair;

/// Ask which hosts would run something, and which of them is best
///
/// Nothing is started and nothing reserved. Exits with 3 if no host bids.
#[derive(Debug, Subcommand)]
pub(crate) enum Auction {
    Actor(AuctionActor),
    Provider(AuctionProvider),
}

/// Which hosts would run an actor
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice auction actor ./mine.wasm
  lattice auction actor ./mine.wasm --count 10 --constraint zone=a --explain

For each host that bids: `of it` counts the instances of the actor there, `of all` those of all actors.")]
pub(crate) struct AuctionActor {
    /// The module: a file of this machine, or a reference
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// How many instances are to be started
    #[arg(long, default_value = "1", allow_negative_numbers = true)]
    pub(crate) count: Count,
    /// The annotations that they will have; several with several
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) annotations: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) wish: Wish,
    /// Show why hosts stand where they stand, and why others do not bid
    #[arg(long)]
    pub(crate) explain: bool,
}

/// Which hosts would run a provider
///
/// No host bids that runs it already under the same link name. Nothing is fetched for a bid, so that whose image it is may
/// only turn out when the provider starts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice auction provider ./cache.par.gz
  lattice auction provider ./cache.par.gz --constraint zone=a --explain")]
pub(crate) struct AuctionProvider {
    /// The provider: an archive of this machine, or a reference
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// The link name under which it is to serve
    #[arg(long, default_value_t)]
    pub(crate) link_name: LinkName,
    #[command(flatten)]
    pub(crate) wish: Wish,
    /// Show why hosts stand where they stand, and why others do not bid
    #[arg(long)]
    pub(crate) explain: bool,
}

/// Which hosts are wanted, and which of them first.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Wish {
    /// A label that the host must have; several with several
    #[arg(long = "constraint", value_name = "LABEL=VALUE", value_parser = pair)]
    pub(crate) constraints: Vec<(String, String)>,
    /// Which of the hosts that bid comes first
    #[arg(long, value_enum, default_value_t)]
    pub(crate) rule: Rule,
}

/// How bids are ranked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rule {
    /// The host with the fewest instances of the actor first
    #[default]
    Spread,
    /// The host with the most instances first
    Pack,
}
