//! What can be typed: the command line as it is, before any setting is resolved.

mod actors;
mod artifact;
mod auction;
mod bench;
mod call;
mod claims;
mod get;
mod host;
mod images;
mod keys;
mod label;
mod lattice_state;
mod operation;
mod par;
mod providers;
mod registry;
mod stored;
mod up;
mod update;
mod when;

use std::{fmt, path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;
use lattice_protocol::{ControlPrefix, LatticeName};

use crate::{exit, printer::Format};

pub(crate) use actors::{Scale, ScaleActor, Start, StartActor, Stop, StopActor, StopHost};
pub(crate) use artifact::{Artifact, Prefetch, Pull};
pub(crate) use auction::{Auction, AuctionActor, AuctionProvider, Rule, Wish};
pub(crate) use bench::{Bench, BenchResponder};
pub(crate) use call::Call;
pub(crate) use claims::{Claims, Inspect, Sign, SignedBy, Verify};
pub(crate) use get::{Config as GetConfig, Get, Operations, Whole};
pub(crate) use host::Host;
pub(crate) use images::{Images, Registries, flag, is_list};
pub(crate) use keys::{Generate, Keys, Kind, ListKeys};
pub(crate) use label::{DeleteLabels, Label, PutLabels};
pub(crate) use lattice_state::{Config, DeleteConfig, DeleteLink, Link, PutConfig, PutLink};
pub(crate) use operation::Operation;
pub(crate) use par::{Create, Insert, InspectArchive, Par};
pub(crate) use providers::{Logs, ProviderLogs, StartProvider, StopProvider};
pub(crate) use registry::{PutRegistries, Registry, RemoveRegistries, SetRegistry};
pub(crate) use stored::{Delete, PullArtifact, Push};
pub(crate) use up::{Compat, Demo, Down, Up};
pub(crate) use update::{Update, UpdateActor};
pub(crate) use when::When;

const AFTER_HELP: &str = "\
Examples:
  lattice up --demo              a lattice on this machine, with actors in it
  lattice get hosts              who is there
  lattice call hello Greeter.Greet '{\"name\":\"Ada\"}'
  lattice start actor ./mine.wasm
  lattice start provider ./cache.par.gz
  lattice push ./mine.wasm nats://mine:1    for every host to start
  lattice down                   stop what `up` started";

const AFTER_LONG_HELP: &str = "\
Where a command looks for its lattice, the first that is given:
  1. --nats-url
  2. LATTICE_NATS_URL
  3. the context of --context or LATTICE_CONTEXT
  4. the `lattice up` that runs in this data directory
  5. nats://127.0.0.1:4222

A context is the file contexts/NAME.toml in the configuration directory
($XDG_CONFIG_HOME/lattice or ~/.config/lattice) with any of the keys
  lattice, nats_url, creds, control_prefix, timeout,
  cluster_seed, cluster_seed_file

Environment, each with the meaning of its flag, which wins:
  LATTICE_LATTICE         --lattice
  LATTICE_NATS_URL        --nats-url
  LATTICE_CREDS           --creds
  LATTICE_TIMEOUT         --timeout
  LATTICE_DATA_DIR        --data-dir
  LATTICE_CONTEXT         --context
  LATTICE_CONTROL_PREFIX  --control-prefix
  LATTICE_CLUSTER_SEED    --cluster-seed of `call` and `host`
and without a flag:
  LATTICE_NATS_SERVER     the nats-server that `up` runs
  LATTICE_LOG             what is logged, such as debug or lattice_host=trace
  LATTICE_OCI_REGISTRY, LATTICE_OCI_USER, LATTICE_OCI_PASSWORD (or the file
  LATTICE_OCI_PASSWORD_FILE)
                          a credential for `up`, `host`, `push` and `pull`

With `-o json` a command prints exactly one JSON document on standard output;
`up`, `events`, `--watch` and `logs --follow` print one per line. These keys stay:
  get hosts           hosts, errors, missing, complete
  get inventory       inventories, errors, missing, complete
  get claims          claims, errors
  get links           links, errors; a link has what the protocol gives it, and
                      deliveries with host_id, state and error
  get operations      operations, more, errors
  get artifacts       artifacts, errors; an artifact has reference, kind, name, key,
                      size, digest and pushed
  get config          entity_id, values
  start, scale, stop, update, delete, link, label and config
                      operation_id, host_id, actor_id, swap_micros, unrecorded,
                      provider_id, link_name,
                      deliveries (of links) with host_id, state and error,
                      outcome: accepted, done or done_by_event
  update --all-hosts  updates, errors, missing, complete; an update has host_id,
                      host_name, operation_id, swap_micros, error,
                      outcome: done, failed or not_begun
  push                reference, digest, size, operation_id, host_id, actor_id,
                      unrecorded, version (in registries),
                      outcome: done or unchanged
  pull                reference, digest, size, kind, version, key, name, file
  artifact prefetch   prefetches, errors, missing, complete; a prefetch has host_id,
                      host_name, operation_id, digest, size, error,
                      outcome: done or failed
  registry set        registry, taken, errors, missing, complete, stored
  registry remove, registry put, registry clear
                      registries, taken, errors, missing, complete, stored
  registry list       registries, stored; a registry has registry, kind, credential
  auction             ranked, declined, errors, missing, complete
  operation watch     operation_id, command, phase, phases, host_id, incarnation,
                      actor_id, reference, requester, causes, code, swap_micros,
                      unrecorded, fetch with digest, fetched, size, version,
                      moved_from, unkept
  call                the document is the answer
  status              running, pid, version, lattice, control_prefix, nats_url,
                      nats_version, store, creds, host_id, host_name, hosts (of
                      several) with name, host_id and pid, started, stopping,
                      inventory
  down                stopped, pid, up
  up                  ready: the keys of status but running, and attached, pages,
                      try; then events
  events              CloudEvents, as hosts publish them
  logs provider       host_id, provider_id, link_name, lines, lost, errors;
                      a line has number, time, stream and text
  keys gen            public_key, and seed or file
  keys list           keys; a key has kind, public_key, name, file, tight, problem
  claims sign         file, public_key, issuer
  claims inspect      public_key, issuer, name, call_alias, capabilities, tags,
                      revision, version, provider, token_id, layout, issued_at,
                      not_before, expires, expires_at, hash, valid, problem
  claims verify       file, kind, public_key, issuer, name, checks, valid; a check
                      has check, target, said, problem,
                      verdict: holds, fails, warns or not_asked
  par create, par insert
                      file, public_key, issuer, targets
  par inspect         public_key, issuer, name, contract, vendor, revision, version,
                      config_schema, token_id, layout, issued_at, not_before,
                      expires, expires_at, executables, valid, problem; an executable
                      has target, size, hash, as_claimed
  bench               the report
A command that fails prints {\"error\": {\"code\", \"message\", \"causes\", \"hint\"}}, or its document
where that tells of the failure. These are the codes:
  1    failed, invalid_module, invalid_archive, unreadable
  2    usage, ambiguous
  3    unreachable, not_nats, nats_too_old, no_jet_stream, no_hosts, not_found,
       not_running
  4    refused, unauthorized
  5    timed_out
  64   configuration
  130  interrupted";

/// Runs and steers a lattice: hosts that run WebAssembly actors and talk over NATS.
#[derive(Debug, Parser)]
#[command(name = "lattice", version, propagate_version = false, infer_subcommands = false)]
#[command(after_help = format!("{AFTER_HELP}\n\n{}", exit::HELP))]
#[command(after_long_help = format!("{AFTER_HELP}\n\n{AFTER_LONG_HELP}\n\n{}", exit::HELP))]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command understands, anywhere on the line.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The lattice [default: the running `up`'s, else `default`]
    #[arg(short = 'x', long, global = true, value_name = "NAME")]
    pub(crate) lattice: Option<LatticeName>,
    /// The broker, such as nats://127.0.0.1:4222
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) nats_url: Option<String>,
    /// A NATS credentials file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) creds: Option<PathBuf>,
    /// How long is waited, such as 500ms or 10s [default: 5s for an answer, 2m for the end of an operation]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Where state and keys lie [default: ~/.local/share/lattice, or as the platform has it]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A lattice that the configuration directory names
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// What control subjects start with [default: wasmbus.ctl]
    #[arg(long, global = true, value_name = "PREFIX", hide_short_help = true)]
    pub(crate) control_prefix: Option<ControlPrefix>,
    /// How to print
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
    /// Say nothing but results and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log more; twice: everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(Up),
    Down(Down),
    /// Tell what `up` runs in this data directory
    ///
    /// Exits with 3 if nothing runs.
    Status,
    Host(Box<Host>),
    /// Show what is in the lattice
    #[command(subcommand)]
    Get(Get),
    #[command(subcommand)]
    Start(Start),
    #[command(subcommand)]
    Scale(Scale),
    #[command(subcommand)]
    Stop(Stop),
    #[command(subcommand)]
    Update(Update),
    Push(Push),
    Pull(PullArtifact),
    #[command(subcommand)]
    Delete(Delete),
    #[command(subcommand)]
    Auction(Auction),
    #[command(subcommand)]
    Artifact(Artifact),
    #[command(subcommand)]
    Operation(Operation),
    #[command(subcommand)]
    Link(Link),
    #[command(subcommand)]
    Config(Config),
    #[command(subcommand)]
    Label(Label),
    #[command(subcommand)]
    Registry(Registry),
    Call(Call),
    Events(Events),
    #[command(subcommand)]
    Logs(Logs),
    Bench(Bench),
    #[command(name = "__bench-responder", hide = true)]
    BenchResponder(BenchResponder),
    #[command(subcommand)]
    Keys(Keys),
    #[command(subcommand)]
    Claims(Claims),
    #[command(subcommand)]
    Par(Par),
    /// Print completions for a shell
    ///
    /// For bash: `lattice completions bash > ~/.local/share/bash-completion/completions/lattice`
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Follow the lattice's events
///
/// One line per event until Ctrl-C; with `-o json` the events as they are, one per line.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lattice events\n  lattice events --type actors_started --type actors_stopped\n  lattice events -o json | jq .type"
)]
pub(crate) struct Events {
    /// Only events of this type, such as actor_scaled; several with several
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
}

/// A seed or another secret, or the name of a file with one; its `Debug` shows neither.
#[derive(Clone)]
pub(crate) struct SeedText(String);

impl fmt::Debug for SeedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeedText")
    }
}

impl From<&str> for SeedText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<SeedText> for String {
    fn from(text: SeedText) -> Self {
        text.0
    }
}

/// Reads `500ms`, `10s`, `1m 30s`, or plain seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let duration = match seconds {
        Some(duration) => duration,
        None => {
            humantime::parse_duration(text).map_err(|_| "expected a duration such as 500ms, 10s or 2m".to_owned())?
        }
    };
    if duration.is_zero() { Err("a duration of nothing leaves no time for an answer".to_owned()) } else { Ok(duration) }
}

/// Reads `key=value`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected key=value".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::fault::Code;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_lists_every_error_code_under_its_exit_code() {
        let (_, listed) = AFTER_LONG_HELP.split_once("These are the codes:").expect("they are listed");
        let mut exit = "";
        let mut found = Vec::new();
        for word in listed.split([' ', ',', '\n']).filter(|word| !word.is_empty()) {
            match word.parse::<u8>() {
                Ok(_) => exit = word,
                Err(_) => found.push((word.to_owned(), exit.to_owned())),
            }
        }
        let code = |code: &Code| serde_json::to_value(code).expect("it is a name").as_str().map(str::to_owned);
        let known =
            Code::ALL.iter().map(|known| (code(known).expect("it is a text"), (known.exit() as u8).to_string()));
        assert_eq!(found, known.collect::<Vec<_>>());
    }

    #[test]
    fn durations() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        for bad in ["", "0", "-1", "soon", "NaN", "1e400"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn global_flags_stand_anywhere() {
        let cli = Cli::parse_from(["lattice", "get", "hosts", "-x", "lab", "-o", "json"]);
        assert_eq!(cli.global.lattice.expect("it was given").as_str(), "lab");
        assert_eq!(cli.global.output, Format::Json);
    }
}
