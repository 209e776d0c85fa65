//! `lattice registry`.

use std::collections::BTreeMap;

use lattice_artifact::{Place, RegistryKind};
use lattice_client::Gathered;
use lattice_protocol::{Ack, KnownRegistries, KnownRegistry, Registries, RegistryCredential};
use serde::Serialize;

use super::get::{missing_of, texts};
use crate::{
    cli::{PutRegistries, Registry, RemoveRegistries, SetRegistry},
    connect::Lattice,
    fault::{Code, Fault, Told},
    input,
    printer::Show,
    settings::Settings,
    table::table,
    unanswered,
};

/// What is said where hosts took a change that JetStream did not.
const UNSTORED: &str = "the lattice could not store it: hosts that join later or start again do not have it until hosts that \
                        took it could store it after all; `lattice registry list` tells";

/// What is to be told of registries.
struct Change {
    registries: Registries,
    /// Whether what is known of others stays.
    is_merge: bool,
    about: About,
}

/// What a change is about, as people and programs are told.
#[derive(Serialize)]
#[serde(untagged)]
enum About {
    Set { registry: String },
    Removed { registries: Vec<String> },
    Replaced { registries: Vec<String> },
}

#[derive(Serialize)]
struct Taken {
    #[serde(flatten)]
    about: About,
    /// Hosts that took the change.
    taken: usize,
    /// Why others did not.
    errors: Vec<String>,
    /// Hosts that did not answer.
    missing: Vec<String>,
    complete: bool,
    /// Whether hosts have it that join later.
    stored: bool,
}

#[derive(Serialize)]
struct Listed {
    registries: Vec<KnownRegistry>,
    /// Whether hosts have them that join later.
    stored: bool,
}

/// Tells every host of credentials, or asks one which there are.
pub(crate) async fn run(registry: Registry, settings: &Settings) -> anyhow::Result<()> {
    let change = match registry {
        Registry::Set(set) => set_one(&set, settings)?,
        Registry::Remove(remove) => remove_some(&remove),
        Registry::Put(put) => replace_all(&put)?,
        Registry::Clear => Change::replacing(Registries::default()),
        Registry::List => return list(settings).await,
    };
    tell(change, settings).await
}

async fn tell(change: Change, settings: &Settings) -> anyhow::Result<()> {
    let Change { registries, is_merge, about } = change;
    let lattice = Lattice::reach(settings.target()?).await?;
    let answered = match is_merge {
        true => lattice.client.merge_registries(&registries).await,
        false => lattice.client.put_registries(&registries).await,
    };
    let answers = answered.map_err(|error| unanswered::command(&lattice, error))?;
    if answers.is_silent() {
        return Err(lattice.nobody().into());
    }
    let taken = Taken::of(about, &answers);
    let printer = settings.printer();
    taken.errors.iter().for_each(|error| printer.warn(error));
    if !taken.stored {
        printer.warn(UNSTORED);
    }
    printer.show(&taken)?;
    let complaint = match taken.errors.is_empty() && taken.missing.is_empty() {
        _ if taken.complete => return Ok(()),
        true => "no host tells which hosts there are, so that others may not have heard of it",
        false => "not every host took it",
    };
    match printer.is_json() {
        true => Err(Told(Code::Failed).into()),
        false => Err(Fault::new(Code::Failed, complaint).into()),
    }
}

async fn list(settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    let known = lattice.client.registries().await.map_err(|error| unanswered::question(&lattice, error))?;
    let KnownRegistries { registries, stored } = known;
    let printer = settings.printer();
    registries.bad.iter().for_each(|error| printer.warn(error));
    printer.show(&Listed { registries: registries.good, stored })?;
    if !stored {
        printer.note("the lattice does not keep them: hosts that join later do not have them");
    }
    Ok(())
}

impl Change {
    fn replacing(registries: Registries) -> Self {
        let names = registries.0.keys().map(|name| shown(name)).collect();
        Self { registries, is_merge: false, about: About::Replaced { registries: names } }
    }
}

fn set_one(set: &SetRegistry, settings: &Settings) -> Result<Change, Fault> {
    let name = set.registry.to_string();
    let registries = Registries(BTreeMap::from([(name.clone(), credential(set, settings)?)]));
    Ok(Change { registries, is_merge: true, about: About::Set { registry: name } })
}

/// One without a credential is forgotten.
fn remove_some(remove: &RemoveRegistries) -> Change {
    let names: Vec<_> = remove.registries.iter().map(Place::to_string).collect();
    let registries = names.iter().map(|name| (name.clone(), RegistryCredential::default())).collect();
    Change { registries: Registries(registries), is_merge: true, about: About::Removed { registries: names } }
}

fn replace_all(put: &PutRegistries) -> Result<Change, Fault> {
    let name = if put.file == "-" { "standard input" } else { &put.file };
    let unusable = |what: &str| Fault::new(Code::Usage, format!("{name} {what}"));
    let text = String::from_utf8(input::file(&put.file)?).map_err(|_| unusable("is no text"))?;
    let json = match text.trim_start().starts_with('{') {
        true => text,
        false => json_of(&text, unusable)?,
    };
    let registries = lattice_protocol::decode(json.as_bytes())
        .map_err(|error| unusable("is no map of registries to credentials").caused_by(error))?;
    Ok(Change::replacing(registries))
}

/// What a file in TOML says, in JSON. The reader's own errors would repeat what stands there.
fn json_of(text: &str, unusable: impl Fn(&str) -> Fault) -> Result<String, Fault> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.lines().count().max(1);
        unusable(&format!("is neither JSON nor TOML, see line {line}"))
    })?;
    match table.is_empty() {
        // Most likely a mistake, by which all would be forgotten.
        true => Err(unusable("names no registry").hint("`lattice registry clear` has all credentials forgotten")),
        false => Ok(serde_json::to_string(&table).expect("a table of texts and numbers can be written")),
    }
}

fn credential(set: &SetRegistry, settings: &Settings) -> Result<RegistryCredential, Fault> {
    let secret = |file: &Option<String>, variable: &Option<String>| match (file, variable) {
        (Some(file), _) => input::secret(file).map(Some),
        (None, Some(variable)) => settings.secret_variable(variable).map(Some),
        (None, None) => Ok(None),
    };
    let password = secret(&set.password_file, &set.password_env)?;
    let token = secret(&set.token_file, &set.token_env)?;
    let registry_type = RegistryKind::from(set.kind).as_str().to_owned();
    Ok(RegistryCredential { password, registry_type, token, username: set.user.clone() })
}

/// The name without what may be a password in it.
fn shown(name: &str) -> String {
    name.parse::<Place>().map_or_else(|error| error.to_string(), |place| place.to_string())
}

impl Taken {
    fn of(about: About, answers: &Gathered<Ack>) -> Self {
        Self {
            about,
            taken: answers.items.len(),
            errors: texts(&answers.errors),
            missing: missing_of(answers),
            complete: answers.complete,
            stored: answers.items.iter().all(|ack| !ack.unrecorded),
        }
    }
}

impl Show for Taken {
    fn text(&self) -> String {
        let hosts = if self.taken == 1 { "1 host has".to_owned() } else { format!("{} hosts have", self.taken) };
        let what = match &self.about {
            About::Set { registry } => format!("the credentials of {registry}"),
            About::Removed { registries } => format!("no credentials of {}", registries.join(", ")),
            About::Replaced { registries } if registries.is_empty() => "no credentials any more".to_owned(),
            About::Replaced { registries } => format!("the credentials of {} and of no other", registries.join(", ")),
        };
        let missing = match self.missing.as_slice() {
            [] => String::new(),
            missing => format!(", nothing was heard of {}", missing.join(", ")),
        };
        format!("{hosts} {what}{missing}")
    }
}

impl Show for Listed {
    fn text(&self) -> String {
        let row =
            |known: &KnownRegistry| [known.registry.clone(), known.kind.clone(), known.credential.as_str().to_owned()];
        table(["registry", "kind", "credential"], self.registries.iter().map(row))
    }
}
