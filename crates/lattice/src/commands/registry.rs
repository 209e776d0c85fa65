//! `lattice registry`.

use std::collections::BTreeMap;

use lattice_client::Gathered;
use lattice_protocol::{Ack, Registries, RegistryCredential};
use serde::Serialize;

use super::get::{missing_of, texts};
use crate::{
    cli::{Registry, SetRegistry},
    connect::Lattice,
    fault::{Code, Fault, Told},
    input,
    printer::Show,
    settings::Settings,
    unanswered,
};

#[derive(Serialize)]
struct Taken {
    registry: String,
    /// Hosts that took the credentials.
    taken: usize,
    /// Why others did not.
    errors: Vec<String>,
    /// Hosts that did not answer.
    missing: Vec<String>,
    complete: bool,
}

/// Gives every host the credentials of a registry.
pub(crate) async fn run(registry: Registry, settings: &Settings) -> anyhow::Result<()> {
    let Registry::Set(set) = registry;
    let credential = credential(&set)?;
    let lattice = Lattice::reach(settings.target()?).await?;
    let registries = Registries(BTreeMap::from([(set.registry.clone(), credential)]));
    let answered = lattice.client.put_registries(&registries).await;
    let answers = answered.map_err(|error| unanswered::command(&lattice, error))?;
    if answers.is_silent() {
        return Err(lattice.nobody().into());
    }
    let taken = Taken::of(set.registry, &answers);
    let printer = settings.printer();
    taken.errors.iter().for_each(|error| printer.warn(error));
    printer.show(&taken)?;
    let complaint = match taken.errors.is_empty() && taken.missing.is_empty() {
        _ if taken.complete => return Ok(()),
        true => "no host tells which hosts there are, so that others may not have the credentials",
        false => "not every host took the credentials",
    };
    match printer.is_json() {
        true => Err(Told(Code::Failed).into()),
        false => Err(Fault::new(Code::Failed, complaint).into()),
    }
}

fn credential(set: &SetRegistry) -> Result<RegistryCredential, Fault> {
    let read = |file: &Option<String>| file.as_deref().map(input::secret).transpose();
    let (password, token) = (read(&set.password_file)?, read(&set.token_file)?);
    Ok(RegistryCredential { password, token, username: set.user.clone(), ..RegistryCredential::default() })
}

impl Taken {
    fn of(registry: String, answers: &Gathered<Ack>) -> Self {
        Self {
            registry,
            taken: answers.items.len(),
            errors: texts(&answers.errors),
            missing: missing_of(answers),
            complete: answers.complete,
        }
    }
}

impl Show for Taken {
    fn text(&self) -> String {
        let hosts = if self.taken == 1 { "host has" } else { "hosts have" };
        let missing = match self.missing.as_slice() {
            [] => String::new(),
            missing => format!(", nothing was heard of {}", missing.join(", ")),
        };
        format!("{} {hosts} the credentials of {}{missing}", self.taken, self.registry)
    }
}
