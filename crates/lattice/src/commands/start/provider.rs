//! `lattice start provider`.

use lattice_client::Operation;
use lattice_protocol::{Annotations, StartProvider as Command};

use super::not_placed;
use crate::{
    cli::{StartProvider, Wish},
    commands::auction::{constraints, rule},
    connect::Lattice,
    fault::{Code, Fault},
    image::Image,
    input, placement, program,
    settings::Settings,
    settle::{Deed, Intent, settle},
    unanswered::{self, NotDone},
};

/// Starts a provider and tells how it went.
pub(in crate::commands) async fn start(start: StartProvider, settings: &Settings) -> anyhow::Result<()> {
    let printer = settings.printer();
    let reference = program::to_start(&start.reference)?;
    let mut image = Image::new(reference, program::path(&start.reference), start.push, "provider")?;
    let configuration = configuration(&start)?;
    let lattice = Lattice::reach(settings.target()?).await?.pulling(start.pull);
    let operation = image.hand(&lattice, printer, async |reference| {
        let command = Command {
            annotations: Annotations::from_iter(start.annotations.clone()),
            configuration: configuration.clone(),
            host_id: None,
            lattice_id: None,
            link_name: start.link_name.clone(),
            provider_ref: reference.to_string(),
        };
        match &start.host {
            Some(name) => on(&lattice, name, command).await,
            None => placed(&lattice, &start.wish, command).await,
        }
    });
    let ended = match operation.await {
        Ok(operation) => {
            let deed = Deed::ProviderStarted(image.reference().to_string(), start.link_name.clone());
            let intent = Intent { deed, actor: None, no_wait: start.no_wait };
            settle(&lattice, operation, intent, printer).await
        }
        Err(error) => Err(error),
    };
    ended.map_err(|error| image.explain(error)).not_done(|| format!("`{}` was not started", start.reference))
}

/// Starts it on the host that is named.
async fn on(lattice: &Lattice, name: &str, command: Command) -> anyhow::Result<Operation> {
    let host = placement::named_host(lattice, name).await?;
    let started = lattice.client.start_provider(&host, command).await;
    started.map_err(|error| unanswered::command_to(lattice, &host, error))
}

/// Starts it on the host that an auction chooses.
async fn placed(lattice: &Lattice, wish: &Wish, command: Command) -> anyhow::Result<Operation> {
    let placed = lattice.client.place_provider(command, constraints(wish), rule(wish), lattice.target.patience).await;
    placed.map_err(|error| not_placed(lattice, error))
}

/// What the provider gets as it is: the text that was typed, or that of a file.
fn configuration(start: &StartProvider) -> Result<Option<String>, Fault> {
    let Some(file) = &start.config_file else { return Ok(start.config.clone().map(String::from)) };
    let text = String::from_utf8(input::file(file)?);
    text.map(Some).map_err(|_| Fault::new(Code::Usage, format!("the configuration in `{file}` is no text")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;
    use crate::cli::{self, Cli};

    fn read(arguments: &[&str]) -> StartProvider {
        let line = [&["lattice", "start", "provider", "builtin://x"], arguments].concat();
        match Cli::try_parse_from(line).expect("it is a command").command {
            cli::Command::Start(cli::Start::Provider(start)) => *start,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_typed_says_what_to_start() {
        let start = read(&["--host", "otter", "--link-name", "web", "--annotation", "a=b", "--annotation", "c=d"]);
        assert_eq!((start.host.as_deref(), start.link_name.as_str()), (Some("otter"), "web"));
        let pairs = [("a", "b"), ("c", "d")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(start.annotations, pairs);
        assert_eq!(read(&[]).link_name.as_str(), "default");
        for bad in [
            &["--host", "a", "--constraint", "b=c"][..],
            &["--link-name", "a b"],
            &["--config", "a", "--config-file", "b"],
        ] {
            let line = [&["lattice", "start", "provider", "builtin://x"], bad].concat();
            assert!(Cli::try_parse_from(line).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_configuration_goes_through_as_it_is_and_shows_nowhere() {
        let start = read(&["--config", " {\"password\":\"sesame\"}\n"]);
        assert_eq!(configuration(&start).expect("a text").as_deref(), Some(" {\"password\":\"sesame\"}\n"));
        assert!(!format!("{start:?}").contains("sesame"));
        let held = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        fs::write(held.path(), "kept\n").expect("the file can be written");
        let name = held.path().to_str().expect("it is UTF-8");
        assert_eq!(configuration(&read(&["--config-file", name])).expect("a text").as_deref(), Some("kept\n"));
        fs::write(held.path(), b"\xff").expect("the file can be written");
        assert_eq!(configuration(&read(&["--config-file", name])).expect_err("no text").code, Code::Usage);
        assert_eq!(configuration(&read(&["--config-file", "/no/file"])).expect_err("no file").code, Code::NotFound);
        assert_eq!(configuration(&read(&[])).expect("nothing"), None);
    }
}
