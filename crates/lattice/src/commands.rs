//! The commands, one file each.

mod artifact;
mod auction;
mod bench;
mod call;
mod claims;
mod completions;
mod config;
mod delete;
mod down;
mod events;
mod get;
mod host;
mod keys;
mod label;
mod link;
mod logs;
mod operation;
mod par;
mod pull;
mod push;
mod registry;
mod rollout;
mod scale;
mod signed;
mod start;
mod status;
mod stop;
mod up;
mod update;

use crate::{
    cli::{Command, Scale, Start, Stop},
    settings::Settings,
    telemetry::{self, Level},
};

/// Runs a command to its end.
///
/// # Errors
/// Whatever went wrong; `diagnosis` tells what it means.
pub(crate) fn run(command: Command, settings: &Settings) -> anyhow::Result<()> {
    match command {
        // These need neither a lattice nor threads.
        Command::Completions { shell } => completions::run(shell, settings),
        Command::Keys(keys) => keys::run(&keys, settings),
        Command::Claims(claims) => claims::run(&claims, settings),
        Command::Par(par) => par::run(par, settings),
        command => {
            let runtime = tokio::runtime::Runtime::new()?;
            let result = runtime.block_on(run_async(command, settings));
            // What still compiles or reads in a thread of its own is not waited for.
            runtime.shutdown_background();
            result
        }
    }
}

async fn run_async(command: Command, settings: &Settings) -> anyhow::Result<()> {
    if !matches!(command, Command::Host(_)) {
        telemetry::start(settings, Level::Warnings, false);
    }
    match command {
        Command::Up(up) => up::run(up, settings).await,
        Command::Down(down) => down::run(&down, settings).await,
        Command::Status => status::run(settings).await,
        Command::Host(host) => host::run(&host, settings).await,
        Command::Get(get) => get::run(get, settings).await,
        Command::Start(Start::Actor(start)) => start::run(start, settings).await,
        Command::Start(Start::Provider(start)) => start::provider(*start, settings).await,
        Command::Scale(Scale::Actor(scale)) => scale::run(scale, settings).await,
        Command::Stop(Stop::Actor(stop)) => stop::actor(stop, settings).await,
        Command::Stop(Stop::Provider(stop)) => stop::provider(stop, settings).await,
        Command::Stop(Stop::Host(stop)) => stop::host(stop, settings).await,
        Command::Update(update) => update::run(update, settings).await,
        Command::Push(push) => push::run(push, settings).await,
        Command::Pull(pull) => pull::run(pull, settings).await,
        Command::Delete(delete) => delete::run(delete, settings).await,
        Command::Auction(auction) => auction::run(auction, settings).await,
        Command::Artifact(artifact) => artifact::run(artifact, settings).await,
        Command::Operation(operation) => operation::run(operation, settings).await,
        Command::Link(link) => link::run(link, settings).await,
        Command::Config(config) => config::run(config, settings).await,
        Command::Label(label) => label::run(label, settings).await,
        Command::Registry(registry) => registry::run(registry, settings).await,
        Command::Call(call) => call::run(call, settings).await,
        Command::Events(events) => events::run(events, settings).await,
        Command::Logs(logs) => logs::run(logs, settings).await,
        Command::Bench(bench) => bench::run(bench, settings).await,
        Command::BenchResponder(responder) => bench::respond(&responder, settings).await,
        Command::Completions { .. } | Command::Keys(_) | Command::Claims(_) | Command::Par(_) => Ok(()),
    }
}
