//! From what a person types to a key: hosts by id, prefix or friendly name, actors by key, name or call alias.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use lattice_protocol::{ActorKey, Claims, Host, HostInventory, HostKey};

use crate::{client::Client, gather::Gathered, request::RequestError};

/// Candidates that an error names in its text; all are in its fields.
const NAMED: usize = 10;

/// Why a text names nothing, or more than one thing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nothing fits.
    #[error("no {what} fits `{text}`; {}{}", listed("there is", known), unasked(errors))]
    NotFound {
        /// `host` or `actor`.
        what: &'static str,
        /// What was looked for.
        text: String,
        /// What there is.
        known: Vec<Candidate>,
        /// Who could not be asked. What was looked for may be there.
        errors: Vec<RequestError>,
    },
    /// More than one fits.
    #[error("`{text}` fits more than one {what}; {}", listed("it may be", candidates))]
    Ambiguous {
        /// `host` or `actor`.
        what: &'static str,
        /// What was looked for.
        text: String,
        /// What fits.
        candidates: Vec<Candidate>,
    },
    /// The lattice could not be asked.
    #[error("the lattice could not be asked for its {what}s")]
    Request {
        /// `host` or `actor`.
        what: &'static str,
        /// What went wrong.
        source: RequestError,
    },
}

/// Something that could have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// The key's text.
    pub id: String,
    /// The names under which it is known, besides its key.
    pub names: Vec<String>,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names.as_slice() {
            [] => f.write_str(&self.id),
            names => write!(f, "{} ({})", self.id, names.join(", ")),
        }
    }
}

impl Client {
    /// The host that a text means: its id, else its friendly name, else the start of its id in upper or lower case.
    ///
    /// A whole id is taken as it is, without asking.
    ///
    /// # Errors
    /// [`ResolveError::NotFound`] and [`ResolveError::Ambiguous`], both with the hosts that there are.
    pub async fn resolve_host(&self, text: &str) -> Result<HostKey, ResolveError> {
        if let Ok(host) = text.parse() {
            return Ok(host);
        }
        let hosts = self.hosts().await.map_err(|source| ResolveError::Request { what: HOST, source })?;
        pick_host(text, hosts)
    }

    /// The actor that a text means: its key, else its name or call alias.
    ///
    /// A whole key is taken as it is, without asking. Where several actors have the name but only one of them runs,
    /// that one is meant: claims of actors that ran once are kept for ever.
    ///
    /// # Errors
    /// [`ResolveError::NotFound`] and [`ResolveError::Ambiguous`], both with the actors that there are.
    pub async fn resolve_actor(&self, text: &str) -> Result<ActorKey, ResolveError> {
        if let Ok(actor) = text.parse() {
            return Ok(actor);
        }
        let (inventories, claims) = futures::join!(self.inventories(), self.claims());
        let mut inventories = inventories.map_err(|source| ResolveError::Request { what: ACTOR, source })?;
        let claims = claims.unwrap_or_else(|error| {
            inventories.errors.push(error);
            Claims::default()
        });
        pick_actor(text, inventories, &claims)
    }
}

const HOST: &str = "host";
const ACTOR: &str = "actor";

fn pick_host(text: &str, hosts: Gathered<Host>) -> Result<HostKey, ResolveError> {
    let Gathered { items, errors } = hosts;
    let named = items.iter().filter(|host| host.friendly_name == text);
    let by_name: Vec<&Host> = named.filter(|host| !host.friendly_name.is_empty()).collect();
    let fitting = if by_name.is_empty() { by_prefix(text, &items) } else { by_name };
    match fitting.as_slice() {
        [host] => Ok(host.id.clone()),
        [] => {
            let known = items.iter().map(host_candidate).collect();
            Err(ResolveError::NotFound { what: HOST, text: text.to_owned(), known, errors })
        }
        several => {
            let candidates = several.iter().copied().map(host_candidate).collect();
            Err(ResolveError::Ambiguous { what: HOST, text: text.to_owned(), candidates })
        }
    }
}

fn by_prefix<'a>(text: &str, hosts: &'a [Host]) -> Vec<&'a Host> {
    let prefix = text.to_ascii_uppercase();
    let fits = |host: &&Host| !prefix.is_empty() && host.id.as_str().starts_with(&prefix);
    hosts.iter().filter(fits).collect()
}

fn host_candidate(host: &Host) -> Candidate {
    let name = Some(host.friendly_name.clone()).filter(|name| !name.is_empty());
    Candidate { id: host.id.to_string(), names: name.into_iter().collect() }
}

/// What is known of an actor besides its key.
#[derive(Debug, Default)]
struct Known {
    names: BTreeSet<String>,
    runs: bool,
}

fn pick_actor(text: &str, inventories: Gathered<HostInventory>, claims: &Claims) -> Result<ActorKey, ResolveError> {
    let Gathered { items, errors } = inventories;
    let actors = known_actors(&items, claims);
    let named: Vec<_> = actors.iter().filter(|(_, known)| known.names.contains(text)).collect();
    let running: Vec<_> = named.iter().copied().filter(|(_, known)| known.runs).collect();
    let fitting = if running.is_empty() { named } else { running };
    match fitting.as_slice() {
        [(actor, _)] => Ok((*actor).clone()),
        [] => {
            let known = actors.iter().map(actor_candidate).collect();
            Err(ResolveError::NotFound { what: ACTOR, text: text.to_owned(), known, errors })
        }
        several => {
            let candidates = several.iter().copied().map(actor_candidate).collect();
            Err(ResolveError::Ambiguous { what: ACTOR, text: text.to_owned(), candidates })
        }
    }
}

fn known_actors(inventories: &[HostInventory], claims: &Claims) -> BTreeMap<ActorKey, Known> {
    let mut actors: BTreeMap<ActorKey, Known> = BTreeMap::new();
    for actor in inventories.iter().flat_map(|inventory| &inventory.actors) {
        let known = actors.entry(actor.id.clone()).or_default();
        known.runs = true;
        known.names.extend(actor.name.clone());
    }
    for claims in &claims.claims {
        if let Some(actor) = subject(claims) {
            actors.entry(actor).or_default().names.extend(names(claims));
        }
    }
    actors
}

type ClaimsMap = BTreeMap<String, Option<String>>;

/// The actor that claims are about; `None` for those of providers.
fn subject(claims: &ClaimsMap) -> Option<ActorKey> {
    ["sub", "subject"].into_iter().find_map(|key| claims.get(key)?.as_deref()?.parse().ok())
}

fn names(claims: &ClaimsMap) -> impl Iterator<Item = String> {
    let texts = ["name", "call_alias"].into_iter().filter_map(|key| claims.get(key)?.clone());
    texts.filter(|text| !text.is_empty())
}

fn actor_candidate((actor, known): (&ActorKey, &Known)) -> Candidate {
    Candidate { id: actor.to_string(), names: known.names.iter().cloned().collect() }
}

fn listed(intro: &str, candidates: &[Candidate]) -> String {
    if candidates.is_empty() {
        return format!("{intro} none");
    }
    let named: Vec<String> = candidates.iter().take(NAMED).map(Candidate::to_string).collect();
    let more = match candidates.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{intro} {}{more}", named.join(", "))
}

fn unasked(errors: &[RequestError]) -> String {
    match errors {
        [] => String::new(),
        errors => format!(" ({} answers missing or unreadable)", errors.len()),
    }
}

#[cfg(test)]
mod tests;
