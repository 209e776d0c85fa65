//! [`Grants`]: what an actor may do, read from its link, and the checks that name what is not granted.

mod place;

use std::{collections::BTreeSet, time::Duration};

use lattice_protocol::{Constraints, Labels, LatticeName, contract::lattice_control::Operation};
use lattice_provider::{Failure, Settings};

pub(crate) use place::Place;

use crate::{
    defaults::{GATHER_LIMIT, REQUESTS_PER_SECOND},
    error::Refusal,
};

/// The link values that mean something here.
pub(crate) const KNOWN: &[&str] = &[
    "lattices",
    "operations",
    "host_labels",
    "images",
    "nats_urls",
    "registries",
    "requests_per_second",
    "gather_limit",
];

const ALL: &str = "*";

/// What kind of operations an actor may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    Read,
    Schedule,
    Manage,
}

impl Right {
    fn of(operation: Operation) -> Option<Self> {
        match operation {
            Operation::GetHosts
            | Operation::GetHostInventory
            | Operation::GetClaims
            | Operation::GetLinks
            | Operation::AuctionActor
            | Operation::AuctionProvider => Some(Right::Read),
            Operation::StartActor
            | Operation::ScaleActor
            | Operation::StopActor
            | Operation::UpdateActor
            | Operation::StartProvider
            | Operation::StopProvider => Some(Right::Schedule),
            Operation::AdvertiseLink | Operation::RemoveLink | Operation::StopHost => Some(Right::Manage),
            // What they are about says whether they are granted.
            Operation::SetLatticeCredentials | Operation::SetRegistryCredentials => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Right::Read => "read",
            Right::Schedule => "schedule",
            Right::Manage => "manage",
        }
    }

    fn read(text: &str) -> Result<Self, Failure> {
        let all = [Right::Read, Right::Schedule, Right::Manage];
        all.into_iter().find(|right| right.as_str() == text).ok_or_else(|| {
            Failure::new(format!("the link value `operations` has `{text}`; there are `read`, `schedule` and `manage`"))
        })
    }
}

/// Some things by name, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope<T> {
    All,
    These(Vec<T>),
}

impl<T> Scope<T> {
    fn read(entries: Vec<&str>, read: impl Fn(&str) -> Result<T, Failure>) -> Result<Self, Failure> {
        match entries.contains(&ALL) {
            true => Ok(Self::All),
            false => Ok(Self::These(entries.into_iter().map(read).collect::<Result<_, _>>()?)),
        }
    }

    fn has(&self, is_it: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => these.iter().any(is_it),
        }
    }
}

/// What an actor may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grants {
    lattices: Scope<LatticeName>,
    rights: BTreeSet<Right>,
    host_labels: Labels,
    images: Scope<String>,
    nats: Scope<Place>,
    registries: Scope<String>,
    pub(crate) requests_per_second: u32,
    pub(crate) gather_limit: Duration,
}

impl Grants {
    /// Reads what a link says; `own` is the provider's lattice.
    pub(crate) fn read(settings: &Settings, own: &LatticeName) -> Result<Self, Failure> {
        Ok(Self {
            lattices: lattices(settings, own)?,
            rights: rights(settings)?,
            host_labels: host_labels(settings)?,
            images: images(settings)?,
            nats: Scope::read(settings.list(&["nats_urls"]), place)?,
            registries: registries(settings)?,
            requests_per_second: requests_per_second(settings)?,
            gather_limit: gather_limit(settings)?,
        })
    }

    /// Whether the operation is one that the actor may call.
    pub(crate) fn require_operation(&self, operation: Operation) -> Result<(), Refusal> {
        match Right::of(operation) {
            Some(right) if !self.rights.contains(&right) => {
                let what = format!("`{}`, which takes `{}`", operation.name(), right.as_str());
                Err(Refusal::not_granted(what, "operations"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn require_lattice(&self, lattice: &LatticeName) -> Result<(), Refusal> {
        match self.lattices.has(|granted| granted == lattice) {
            true => Ok(()),
            false => Err(Refusal::not_granted(format!("lattice `{lattice}`"), "lattices")),
        }
    }

    /// Whether the actor may see what stands in links, which may be secret.
    pub(crate) fn shows_link_values(&self) -> bool {
        self.rights.contains(&Right::Manage)
    }

    /// Whether the actor may have the image started.
    pub(crate) fn require_image(&self, reference: &str) -> Result<(), Refusal> {
        if reference.is_empty() && self.images != Scope::All {
            let text = "no image is named, and the actor's link grants only those that its value `images` says";
            return Err(Refusal::invalid(text));
        }
        match self.images.has(|prefix| is_image_of(reference, prefix)) {
            true => Ok(()),
            false => Err(Refusal::not_granted(format!("image `{}`", shown(reference)), "images")),
        }
    }

    /// Whether the actor may have the provider connect to all of these.
    pub(crate) fn require_nats(&self, urls: &str) -> Result<(), Refusal> {
        for url in urls.split(',').map(str::trim) {
            let wanted = Place::read(url).ok_or_else(|| Refusal::invalid("`natsUrl` is no URL of a NATS server"))?;
            if !self.nats.has(|granted| granted.covers(&wanted)) {
                return Err(Refusal::not_granted(format!("NATS server `{wanted}`"), "nats_urls"));
            }
        }
        Ok(())
    }

    pub(crate) fn require_registry(&self, registry: &str) -> Result<(), Refusal> {
        let wanted = registry.to_ascii_lowercase();
        match self.registries.has(|granted| begins_with(&wanted, granted)) {
            true => Ok(()),
            false => Err(Refusal::not_granted(format!("registry `{}`", shown(registry)), "registries")),
        }
    }

    /// Whether the actor may set credentials of any registry at all.
    pub(crate) fn require_some_registry(&self) -> Result<(), Refusal> {
        match &self.registries {
            Scope::These(none) if none.is_empty() => {
                Err(Refusal::not_granted("credentials of registries", "registries"))
            }
            _ => Ok(()),
        }
    }

    /// Whether only some hosts are granted.
    pub(crate) fn limits_hosts(&self) -> bool {
        !self.host_labels.is_empty()
    }

    pub(crate) fn has_host(&self, labels: &Labels) -> bool {
        labels.contains(&self.host_labels)
    }

    /// That the labels of a host are not those that are granted.
    pub(crate) fn no_such_labels(&self, host: impl std::fmt::Display) -> Refusal {
        let wanted: Vec<String> = self.host_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Refusal::not_granted(format!("host {host}, which has not the labels {}", wanted.join(",")), "host_labels")
    }

    /// The constraints of an auction, narrowed to the hosts that are granted: the hosts themselves look at both.
    pub(crate) fn narrowed(&self, mut constraints: Constraints) -> Result<Constraints, Refusal> {
        for (key, value) in &self.host_labels {
            match constraints.insert(key, value) {
                Some(asked) if asked != *value => {
                    let what = format!("hosts with `{key}={}`", shown(&asked));
                    return Err(Refusal::not_granted(what, "host_labels"));
                }
                _ => {}
            }
        }
        Ok(constraints)
    }
}

fn lattices(settings: &Settings, own: &LatticeName) -> Result<Scope<LatticeName>, Failure> {
    let read = |text: &str| {
        text.parse().map_err(|_| {
            Failure::new(format!("the link value `lattices` has `{}`, which is no lattice's name", shown(text)))
        })
    };
    match settings.list(&["lattices"]) {
        none if none.is_empty() => Ok(Scope::These(vec![own.clone()])),
        names => Scope::read(names, read),
    }
}

fn rights(settings: &Settings) -> Result<BTreeSet<Right>, Failure> {
    match settings.list(&["operations"]) {
        none if none.is_empty() => Ok([Right::Read].into()),
        names => names.into_iter().map(Right::read).collect(),
    }
}

fn host_labels(settings: &Settings) -> Result<Labels, Failure> {
    let pair = |text: &str| match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err(Failure::new("the link value `host_labels` holds no `key=value`")),
    };
    settings.list(&["host_labels"]).into_iter().map(pair).collect()
}

fn images(settings: &Settings) -> Result<Scope<String>, Failure> {
    match settings.list(&["images"]) {
        none if none.is_empty() => Ok(Scope::All),
        prefixes => Scope::read(prefixes, |text| Ok(text.to_owned())),
    }
}

fn registries(settings: &Settings) -> Result<Scope<String>, Failure> {
    Scope::read(settings.list(&["registries"]), |text| Ok(text.to_ascii_lowercase()))
}

/// The rest of the URL may hold a password, and is not repeated.
fn place(text: &str) -> Result<Place, Failure> {
    Place::read(text)
        .ok_or_else(|| Failure::new("the link value `nats_urls` holds no `host:port` and no URL of a NATS server"))
}

fn requests_per_second(settings: &Settings) -> Result<u32, Failure> {
    match settings.number("requests_per_second")? {
        Some(0) => Err(Failure::new("the link value `requests_per_second` is 0, which grants nothing at all")),
        number => Ok(number.unwrap_or(REQUESTS_PER_SECOND)),
    }
}

fn gather_limit(settings: &Settings) -> Result<Duration, Failure> {
    let Some(text) = settings.get("gather_limit") else { return Ok(GATHER_LIMIT) };
    match humantime::parse_duration(text) {
        Ok(limit) if !limit.is_zero() => Ok(limit),
        _ => Err(Failure::new("the link value `gather_limit` is no duration such as `2s` or `500ms`")),
    }
}

/// Whether an image is one of those that begin with this. One of a bindle server that is named beside it is another than of any
/// other server.
fn is_image_of(reference: &str, prefix: &str) -> bool {
    let (name, server) = without_server(reference);
    let (prefix, granted) = without_server(prefix);
    server == granted && begins_with(name, prefix)
}

/// A reference to a bindle, and the server that it names.
fn without_server(reference: &str) -> (&str, Option<&str>) {
    match reference.split_once('@') {
        Some((name, server)) if reference.starts_with("bindle://") => (name, Some(server)),
        _ => (reference, None),
    }
}

/// Whether a name begins with these parts: a prefix ends where a part does, so that `r.example/team` is no beginning of
/// `r.example/teams`, nor a registry's host one of its ports. What leads back up is no part of a name.
fn begins_with(name: &str, prefix: &str) -> bool {
    let (name, prefix) = (name.strip_prefix("oci://").unwrap_or(name), prefix.strip_prefix("oci://").unwrap_or(prefix));
    let is_host = !prefix.contains("://") && !prefix.contains('/');
    let is_end = |c: char| matches!(c, '/' | '@') || (c == ':' && !is_host);
    let rest = name.strip_prefix(prefix);
    let ends = rest.is_some_and(|rest| rest.is_empty() || prefix.ends_with(is_end) || rest.starts_with(is_end));
    ends && !name.split(['/', '\\']).any(is_dots)
}

/// `.` and `..`, also as URLs may write them.
fn is_dots(part: &str) -> bool {
    matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// The beginning of a text of others, on one line.
fn shown(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests;
