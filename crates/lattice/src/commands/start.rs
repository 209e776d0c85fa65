//! `lattice start actor`.

use anyhow::Context;
use lattice_artifact::{Reference, Target};
use lattice_protocol::{Annotations, StartActor as Command};

use crate::{
    cli::StartActor,
    connect::Lattice,
    diagnosis::Diagnosis,
    fault::Fault,
    module, placement,
    settings::Settings,
    settle::{Sent, settle},
};

/// Starts an actor and tells how it went.
pub(crate) async fn run(start: StartActor, settings: &Settings) -> anyhow::Result<()> {
    let printer = settings.printer();
    let data_dir = settings.data_dir()?;
    let reference = module::prepare(&start.reference, &data_dir, printer)?;
    let lattice = Lattice::reach(settings.target()?).await?;
    let host = placement::to_start(&lattice, start.host.as_deref()).await?;
    let command = Command {
        actor_ref: reference.to_string(),
        annotations: Annotations::from_iter(start.annotations),
        count: start.count,
        host_id: None,
        lattice_id: None,
    };
    let started = lattice.client.start_actor(&host, command).await;
    let operation = started.map_err(|error| placement::command_error(&lattice, &host, error));
    // The protocol starts one where none is asked for.
    let count = start.count.get().max(1);
    let instances = if count == 1 { "instance" } else { "instances" };
    let sentence = format!("started {count} {instances} of actor {{actor}} on host {{host}} from {reference}");
    let sent = |operation| Sent { operation, sentence, actor: None, no_wait: start.no_wait };
    let ended = match operation {
        Ok(operation) => settle(&lattice, sent(operation), printer).await,
        Err(error) => Err(error),
    };
    ended.map_err(|error| explain(error, &reference)).with_context(|| format!("{reference} was not started"))
}

/// Where a file is refused, what to do depends on where the file is, not on the host's words.
pub(crate) fn explain(error: anyhow::Error, reference: &Reference) -> anyhow::Error {
    let text = format!("{error:#}");
    let is_file = matches!(reference.target(), Target::File(_));
    if is_file && text.contains("file references are not allowed") {
        return Fault::new(Diagnosis::of(&error).code, "the host takes no modules from files")
            .hint(
                "push the module to a registry and start it by that reference, or run the host with --allow-file; \
                 the host of `lattice up` takes files",
            )
            .caused_by(error)
            .into();
    }
    error
}

#[cfg(test)]
mod tests {
    use lattice_client::RequestError;

    use super::*;
    use crate::fault::Code;

    fn refusal(text: &str) -> anyhow::Error {
        RequestError::Refused { subject: "s".to_owned(), error: text.to_owned() }.into()
    }

    #[test]
    fn a_host_without_files_is_explained_and_stays_a_refusal() {
        let file: Reference = "file:///x.wasm".parse().expect("a reference");
        let error = explain(refusal("`file:///x.wasm` is refused: file references are not allowed here"), &file);
        assert_eq!(Diagnosis::of(&error).code, Code::Refused);
        assert!(Diagnosis::of(&error).text().contains("--allow-file"));
        let other = explain(refusal("no"), &file);
        assert!(!Diagnosis::of(&other).text().contains("--allow-file"));
    }
}
