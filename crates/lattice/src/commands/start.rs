//! `lattice start actor` and `lattice start provider`.

mod provider;

use lattice_artifact::{FetchError, Reference, Target};
use lattice_client::{Operation, PlaceError};
use lattice_protocol::{Annotations, StartActor as Command};

use crate::{
    cli::{StartActor, Wish},
    commands::auction::{constraints, rule},
    connect::Lattice,
    diagnosis::Diagnosis,
    fault::Fault,
    module::Looked,
    placement,
    settings::Settings,
    settle::{Deed, Intent, settle},
    unanswered::{self, NotDone},
};

pub(super) use provider::start as provider;

/// Starts an actor and tells how it went.
pub(crate) async fn run(start: StartActor, settings: &Settings) -> anyhow::Result<()> {
    let printer = settings.printer();
    let data_dir = settings.data_dir()?;
    let looked = Looked::at(&start.reference)?;
    let lattice = Lattice::reach(settings.target()?).await?;
    let reference = looked.signed(&data_dir, printer)?;
    let command = Command {
        actor_ref: reference.to_string(),
        annotations: Annotations::from_iter(start.annotations),
        count: start.count,
        host_id: None,
        lattice_id: None,
    };
    let operation = match &start.host {
        Some(name) => on(&lattice, name, command).await,
        None => placed(&lattice, &start.wish, command).await,
    };
    // The protocol starts one where none is asked for.
    let deed = Deed::Started(start.count.get().max(1), reference.to_string());
    let intent = Intent { deed, actor: None, no_wait: start.no_wait };
    let ended = match operation {
        Ok(operation) => settle(&lattice, operation, intent, printer).await,
        Err(error) => Err(error),
    };
    ended
        .map_err(|error| explain(error, &reference, "modules"))
        .not_done(|| format!("`{}` was not started", start.reference))
}

/// Starts it on the host that is named.
async fn on(lattice: &Lattice, name: &str, command: Command) -> anyhow::Result<Operation> {
    let host = placement::named_host(lattice, name).await?;
    let started = lattice.client.start_actor(&host, command).await;
    started.map_err(|error| unanswered::command_to(lattice, &host, error))
}

/// Starts it on the host that an auction chooses.
async fn placed(lattice: &Lattice, wish: &Wish, command: Command) -> anyhow::Result<Operation> {
    let placed = lattice.client.place_actor(command, constraints(wish), rule(wish), lattice.target.patience).await;
    placed.map_err(|error| not_placed(lattice, error))
}

/// Why no host that an auction chose has taken it.
fn not_placed(lattice: &Lattice, error: PlaceError) -> anyhow::Error {
    match error {
        PlaceError::NobodyBids { ref declined, ref missing, ref errors, .. }
            if declined.is_empty() && missing.is_empty() && errors.is_empty() =>
        {
            lattice.nobody().into()
        }
        PlaceError::Auction { source, .. } => unanswered::question(lattice, *source),
        PlaceError::Start { host, source, .. } => unanswered::command_to(lattice, &host, *source),
        error => error.into(),
    }
}

/// What to do where a file is refused depends on the host, not on the file.
pub(crate) fn explain(error: anyhow::Error, reference: &Reference, what: &str) -> anyhow::Error {
    if !matches!(reference.target(), Target::File(_)) || !refuses_files(&error, reference) {
        return error;
    }
    Fault::new(Diagnosis::of(&error).code, format!("the host takes no {what} from files"))
        .hint("run that host with --allow-file, or name another one with --host; the host of `lattice up` takes files")
        .caused_by(error)
        .into()
}

/// Whether a host says what hosts say of files that they do not take. Its words are all that comes from there.
fn refuses_files(error: &anyhow::Error, reference: &Reference) -> bool {
    let said = FetchError::FileNotAllowed { reference: reference.to_string() }.to_string();
    error.chain().any(|link| link.to_string().contains(&said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    #[test]
    fn a_host_without_files_is_explained_and_stays_a_refusal() {
        let file: Reference = "file:///x.wasm".parse().expect("a reference");
        let refusal =
            |text: &str| Fault::new(Code::Refused, "the host refused").caused_by(anyhow::Error::msg(text.to_owned()));
        let said = FetchError::FileNotAllowed { reference: file.to_string() }.to_string();
        let error = explain(refusal(&said).into(), &file, "modules");
        assert_eq!(Diagnosis::of(&error).code, Code::Refused);
        assert!(Diagnosis::of(&error).text().contains("--allow-file"));
        let other = explain(refusal("no").into(), &file, "modules");
        assert!(!Diagnosis::of(&other).text().contains("--allow-file"));
    }
}
