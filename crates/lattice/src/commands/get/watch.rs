//! `--watch`: the same answer again whenever something in the lattice has changed.
//!
//! The client's observer tells when; what is printed is asked for anew, so that it is what the command prints without
//! `--watch`.

use std::time::Duration;

use lattice_client::Reader;
use tokio::{task, time};

use super::Gaps;
use crate::{
    connect::Lattice,
    diagnosis::Diagnosis,
    fault::{Code, Fault},
    printer::{PrintError, Printer, Show},
    unanswered,
};

/// An answer that is put together from those of all hosts.
pub(super) trait Gathering: Show + Send + 'static {
    /// What it says of itself, beside its items.
    fn gaps(&self) -> Gaps<'_>;
}

/// Prints what `ask` brings, now and after each change, until Ctrl-C, which is a good end.
pub(super) async fn follow<T: Gathering>(
    lattice: &Lattice,
    printer: Printer,
    ask: impl AsyncFn() -> anyhow::Result<T>,
) -> anyhow::Result<()> {
    // Cancel-safe: what is not printed when Ctrl-C comes is not wanted.
    tokio::select! {
        ended = print_changes(lattice, printer, ask) => ended,
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

async fn print_changes<T: Gathering>(
    lattice: &Lattice,
    printer: Printer,
    ask: impl AsyncFn() -> anyhow::Result<T>,
) -> anyhow::Result<()> {
    let observer = lattice.client.observe().await.map_err(|error| unanswered::question(lattice, error))?;
    let mut reader = observer.reader();
    until_gathered(&mut reader, lattice.target.timeout).await;
    print(ask().await?, printer, false).await?;
    while reader.changed().await.is_some() {
        match ask().await {
            Ok(answer) => print(answer, printer, true).await?,
            // All hosts may be gone, and come back.
            Err(error) => complain(error, printer).await?,
        }
    }
    Err(Fault::new(Code::Unreachable, "the connection to the broker was closed").into())
}

/// What the observer finds when it first looks around is no change.
async fn until_gathered(reader: &mut Reader, patience: Duration) {
    let gathered = async {
        while !reader.view().gathered {
            if reader.changed().await.is_none() {
                return;
            }
        }
    };
    // Should it not come about, there is one answer too many.
    let _ = time::timeout(patience, gathered).await;
}

/// On a thread of its own: who reads may stall, and Ctrl-C must be heard all the same.
async fn print<T: Gathering>(answer: T, printer: Printer, is_next: bool) -> anyhow::Result<()> {
    let printed = task::spawn_blocking(move || {
        if is_next {
            printer.next_page()?;
        }
        answer.gaps().tell(printer);
        printer.stream(&answer)
    });
    Ok(printed.await??)
}

async fn complain(error: anyhow::Error, printer: Printer) -> anyhow::Result<()> {
    let told = task::spawn_blocking(move || {
        printer.next_page()?;
        printer.failure(&Diagnosis::of(&error)).map_err(PrintError::from)
    });
    Ok(told.await??)
}
