//! From what a person types to a key: hosts by id, prefix or friendly name, actors by key, name or call alias, providers by
//! key, name or image.

mod provider;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use lattice_protocol::{ActorKey, Claims, Host, HostInventory, HostKey};

use crate::{
    client::Client,
    gather::{Gathered, Missing},
    request::RequestError,
};

/// Candidates that an error names in its text; all are in its fields.
const NAMED: usize = 10;
/// Characters of a key that tell it apart from others in a text for people.
const SHORT_KEY: usize = 8;
/// The fewest characters that are taken for the start of an actor's key: every key starts with the same one, and a
/// mistyped name must not mean the only actor.
const SHORTEST_START: usize = 4;

/// Why a text names nothing, or more than one thing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nothing fits.
    #[error("no {what} fits `{text}`; {}{}", listed("there is", known), unasked(errors, missing))]
    NotFound {
        /// `host`, `actor` or `provider`.
        what: &'static str,
        /// What was looked for.
        text: String,
        /// What there is.
        known: Vec<Candidate>,
        /// Who could not be asked. What was looked for may be there.
        errors: Vec<RequestError>,
        /// The hosts that did not answer. What was looked for may be there, too.
        missing: Vec<Missing>,
    },
    /// More than one fits.
    #[error("`{text}` fits more than one {what}; {}", listed("it may be", candidates))]
    Ambiguous {
        /// `host`, `actor` or `provider`.
        what: &'static str,
        /// What was looked for.
        text: String,
        /// What fits.
        candidates: Vec<Candidate>,
    },
    /// No host answers, so that nothing can be found.
    #[error("no host answers that could tell which {what} `{text}` is")]
    NoHosts {
        /// `host`, `actor` or `provider`.
        what: &'static str,
        /// What was looked for.
        text: String,
    },
    /// The lattice could not be asked.
    #[error("the lattice could not be asked for its {what}s")]
    Request {
        /// `host`, `actor` or `provider`.
        what: &'static str,
        /// What went wrong.
        source: RequestError,
    },
}

/// Something that could have been meant. Its text is the names with the start of the key, or the whole key if it has none.
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
            names => write!(f, "{} ({:.SHORT_KEY$}…)", names.join(" or "), self.id),
        }
    }
}

impl Client {
    /// The host that a text means: its id, else its friendly name, else the start of its id in upper or lower case.
    ///
    /// A whole id is taken as it is, without asking. The start may end in `…`, as it is shown to people.
    ///
    /// # Errors
    /// [`ResolveError::NotFound`] and [`ResolveError::Ambiguous`], both with the hosts that there are.
    pub async fn resolve_host(&self, text: &str) -> Result<HostKey, ResolveError> {
        if let Ok(host) = text.parse() {
            return Ok(host);
        }
        let hosts = self.hosts().await.map_err(|source| ResolveError::Request { what: HOST, source })?;
        anybody(&hosts, HOST, text)?;
        pick_host(text, hosts)
    }

    /// The actor that a text means: its key, else its name or call alias, else the start of its key in upper or lower
    /// case.
    ///
    /// A whole key is taken as it is, without asking; a start has four characters at least, and may end in `…`. Where
    /// several actors fit but only one of them runs, that one is meant: claims of actors that ran once are kept for ever.
    ///
    /// # Errors
    /// [`ResolveError::NotFound`] and [`ResolveError::Ambiguous`], both with the actors that there are.
    pub async fn resolve_actor(&self, text: &str) -> Result<ActorKey, ResolveError> {
        if let Ok(actor) = text.parse() {
            return Ok(actor);
        }
        let (inventories, claims) = futures::join!(self.inventories(), self.claims());
        let mut inventories = inventories.map_err(|source| ResolveError::Request { what: ACTOR, source })?;
        anybody(&inventories, ACTOR, text)?;
        let claims = claims.unwrap_or_else(|error| {
            inventories.errors.push(error);
            Claims::default()
        });
        pick_actor(text, inventories, &claims)
    }
}

/// The actors that claims are about and that have a name, with it.
pub fn actor_names(claims: &Claims) -> impl Iterator<Item = (ActorKey, &str)> {
    claims.claims.iter().filter_map(|claims| {
        let name = claims.get("name")?.as_deref().filter(|name| !name.is_empty())?;
        Some((subject(claims)?, name))
    })
}

const HOST: &str = "host";
const ACTOR: &str = "actor";

/// Whether anybody could say what there is.
fn anybody<T>(answers: &Gathered<T>, what: &'static str, text: &str) -> Result<(), ResolveError> {
    match answers.is_silent() {
        true => Err(ResolveError::NoHosts { what, text: text.to_owned() }),
        false => Ok(()),
    }
}

/// What a key has to start with; it may have been copied from where it is shown shortened.
fn start_of_key(text: &str) -> String {
    text.trim_end_matches('…').to_ascii_uppercase()
}

fn pick_host(text: &str, hosts: Gathered<Host>) -> Result<HostKey, ResolveError> {
    let Gathered { items, errors, missing, .. } = hosts;
    let named = items.iter().filter(|host| host.friendly_name == text);
    let by_name: Vec<&Host> = named.filter(|host| !host.friendly_name.is_empty()).collect();
    let fitting = if by_name.is_empty() { by_prefix(text, &items) } else { by_name };
    match fitting.as_slice() {
        [host] => Ok(host.id.clone()),
        [] => {
            let known = items.iter().map(host_candidate).collect();
            Err(ResolveError::NotFound { what: HOST, text: text.to_owned(), known, errors, missing })
        }
        several => {
            let candidates = several.iter().copied().map(host_candidate).collect();
            Err(ResolveError::Ambiguous { what: HOST, text: text.to_owned(), candidates })
        }
    }
}

fn by_prefix<'a>(text: &str, hosts: &'a [Host]) -> Vec<&'a Host> {
    let prefix = start_of_key(text);
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
    let Gathered { items, errors, missing, .. } = inventories;
    let actors = known_actors(&items, claims);
    let named = running_first(actors.iter().filter(|(_, known)| known.names.contains(text)));
    let start = start_of_key(text);
    let starts = |(actor, _): &(&ActorKey, &Known)| start.len() >= SHORTEST_START && actor.as_str().starts_with(&start);
    let fitting = if named.is_empty() { running_first(actors.iter().filter(starts)) } else { named };
    match fitting.as_slice() {
        [(actor, _)] => Ok((*actor).clone()),
        [] => {
            let known = actors.iter().map(actor_candidate).collect();
            Err(ResolveError::NotFound { what: ACTOR, text: text.to_owned(), known, errors, missing })
        }
        several => {
            let candidates = several.iter().copied().map(actor_candidate).collect();
            Err(ResolveError::Ambiguous { what: ACTOR, text: text.to_owned(), candidates })
        }
    }
}

/// Those that run, or all if none does.
fn running_first<'a>(actors: impl Iterator<Item = (&'a ActorKey, &'a Known)>) -> Vec<(&'a ActorKey, &'a Known)> {
    let fitting: Vec<_> = actors.collect();
    let running: Vec<_> = fitting.iter().copied().filter(|(_, known)| known.runs).collect();
    if running.is_empty() { fitting } else { running }
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

fn unasked(errors: &[RequestError], missing: &[Missing]) -> String {
    match errors.len() + missing.len() {
        0 => String::new(),
        unasked => format!(" ({unasked} answers missing or unreadable)"),
    }
}

#[cfg(test)]
mod tests;
