//! `lattice events`.

use crate::{
    cli::Events,
    connect::Lattice,
    fault::{Code, Fault},
    follow::{Filter, Follower},
    settings::Settings,
};

/// Prints events until Ctrl-C, which is a good end.
pub(crate) async fn run(events: Events, settings: &Settings) -> anyhow::Result<()> {
    let printer = settings.printer();
    let lattice = Lattice::reach(settings.target()?).await?;
    let filter = Filter { types: events.types, no_heartbeats: false };
    let mut follower = Follower::new(&lattice, filter, printer).await?;
    if !printer.is_json() {
        printer.note(&format!("events of lattice `{}`, Ctrl-C ends", lattice.target.lattice));
    }
    // Cancel-safe: what is not printed when Ctrl-C comes is not wanted.
    tokio::select! {
        ended = follower.run() => ended.and_then(|()| Err(closed().into())),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

fn closed() -> Fault {
    Fault::new(Code::Unreachable, "the connection to the broker was closed")
}
