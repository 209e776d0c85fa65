//! `lattice bench`.

mod shown;

use std::{fs, path::Path};

use anyhow::Context;
use lattice_bench::{Bench as Measuring, BenchSettings, Measure, Plan, Progress, Report, Responder};
use lattice_claims::InvocationSigner;
use lattice_protocol::HostKey;
use tokio::process::Command;

use super::call::known_cluster_seed;
use crate::{
    cli::{Bench, BenchResponder},
    connect::Lattice,
    fault::{Code, Fault, Told},
    keys::{Keys, SeedSource},
    placement,
    printer::Printer,
    settings::{DataDir, Settings, create_private_dir},
    signals::Signals,
};
use shown::Shown;

/// The name of the key that identifies the bench's actor.
const KEY_NAME: &str = "lattice-bench";
/// The name of the key of its neighbour.
const NEIGHBOUR_NAME: &str = "lattice-bench-neighbour";

/// Measures and prints what was found.
pub(crate) async fn run(flags: Bench, settings: &Settings) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let target = settings.target()?;
    let named = flags.cluster_seed.clone().map(|text| SeedSource::read(&String::from(text), "--cluster-seed"));
    let seed = known_cluster_seed(named.or_else(|| target.cluster_seed.clone()), settings)?;
    let lattice = Lattice::reach(target).await?;
    let host = placement::to_start(&lattice, flags.host.as_deref()).await?;
    let data_dir = settings.data_dir()?;
    let bench_settings = bench_settings(host, seed.map(InvocationSigner::new), &data_dir)?;
    let subject = Responder::new_subject();
    let responder = Responder::start(responder_command(&subject, settings)?, subject).await?;
    let bench = Measuring::new(lattice.client.clone(), bench_settings, &responder);
    let report = measure(&bench, &plan(&flags), settings.printer(), &mut signals).await;
    responder.stop().await;
    // Only an empty one goes: another bench may still have its modules in it.
    let _ = fs::remove_dir(data_dir.bench());
    let report = report?;
    settings.printer().show(&Shown(&report))?;
    judge(&report, flags.check, settings.printer())
}

/// Answers bare requests until the bench that started this process ends.
pub(crate) async fn respond(flags: &BenchResponder, settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    Ok(lattice_bench::respond(lattice.client.nats().clone(), &flags.subject).await?)
}

fn plan(flags: &Bench) -> Plan {
    let measures = if flags.only.is_empty() { Measure::ALL.to_vec() } else { flags.only.clone() };
    Plan { measures, rounds: flags.rounds }
}

fn bench_settings(
    host: HostKey,
    signer: Option<InvocationSigner>,
    data_dir: &DataDir,
) -> anyhow::Result<BenchSettings> {
    let (keys, directory) = (Keys::of(data_dir), data_dir.bench());
    make(&directory)?;
    let (account, module, neighbour) = (keys.account()?, keys.module(KEY_NAME)?, keys.module(NEIGHBOUR_NAME)?);
    Ok(BenchSettings { host, signer, account, module, neighbour, directory })
}

fn make(directory: &Path) -> Result<(), Fault> {
    create_private_dir(directory).map_err(|error| {
        Fault::new(Code::Configuration, format!("the directory {} cannot be made", directory.display()))
            .hint("name another data directory with --data-dir")
            .caused_by(error)
    })
}

/// This program again, which finds the broker as this process has found it.
fn responder_command(subject: &str, settings: &Settings) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(settings.global_arguments()).args(["__bench-responder", subject]);
    Ok(command)
}

/// Measures, and stops what was started for it, also when a signal cuts the run short.
async fn measure(bench: &Measuring, plan: &Plan, printer: Printer, signals: &mut Signals) -> anyhow::Result<Report> {
    // Cancel-safe: whatever the run has started is stopped below.
    let report = tokio::select! {
        report = bench.run(plan, |progress| show(progress, printer)) => Some(report),
        () = signals.stop() => None,
    };
    printer.end_progress();
    // Cancel-safe: a second signal means that it is not wanted.
    let cleaned = tokio::select! {
        cleaned = bench.clean_up() => cleaned.context("an actor of the bench may still run on the host, or a module of it lie in the lattice"),
        () = signals.stop() => return Err(interrupted("interrupted again: an actor of the bench may still run")),
    };
    match (report, cleaned) {
        (None, Ok(())) => Err(interrupted("interrupted: what was started for measuring has been stopped")),
        (None, Err(error)) => Err(error),
        (Some(report), cleaned) => {
            cleaned.unwrap_or_else(|error| printer.warn(&format!("{error:#}")));
            Ok(report)
        }
    }
}

fn interrupted(message: &str) -> anyhow::Error {
    Fault::new(Code::Interrupted, message).into()
}

fn show(progress: Progress, printer: Printer) {
    printer.progress(&format!("{}: round {} of {} ...", progress.measure, progress.round, progress.rounds));
}

/// Programs find in the report itself why this fails; people are told on standard error.
fn judge(report: &Report, is_checked: bool, printer: Printer) -> anyhow::Result<()> {
    let complaint = if !report.has_figures() {
        "nothing could be measured"
    } else if is_checked && !report.keeps_budgets() {
        "not every budget is kept"
    } else {
        return Ok(());
    };
    if printer.is_json() { Err(Told(Code::Failed).into()) } else { Err(Fault::new(Code::Failed, complaint).into()) }
}
