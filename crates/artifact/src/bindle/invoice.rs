//! The invoice of a bindle: what it says there is, and which of its parcels are meant. Nothing is fetched here.
//!
//! Source of the fields: crate `bindle` 0.9.1, `src/invoice/`. What this host has no use for is not read, signatures
//! among it: what counts is the claims that the module or the provider itself carries.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    env::consts,
    str,
};

use serde::Deserialize;

use super::error::BindleError;
use crate::{digest::Digest, kind::Kind, reference::BindleReference, shown::shortened};

/// The name of the parcel with a provider's claims, and the group of the features that tell for which machine a parcel is
/// (wasmcloud-otp `hostcore_wasmcloud_native/src/lib.rs`, wasmCloud 0.80 `crates/host/src/bindle.rs`).
const CLAIMS: &str = "claims.jwt";
const FEATURES: &str = "wasmcloud";

/// Characters that an error repeats of what a server sent.
const SHOWN: usize = 200;

/// A machine, as the features of parcels tell it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) arch: &'static str,
    pub(super) os: &'static str,
}

impl Machine {
    /// This one, as Rust names it.
    pub(super) const THIS: Self = Self { arch: consts::ARCH, os: consts::OS };

    /// The name of the target, as provider archives have it.
    pub(super) fn target(self) -> String {
        format!("{}-{}", self.arch, self.os)
    }
}

/// A parcel to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// What an artifact is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// The module.
    Module(Part),
    /// The claims of a provider, and its executable for the target.
    Provider { claims: Part, executable: Part, target: String },
}

/// What is read of an invoice.
#[derive(Debug, Deserialize)]
pub(super) struct Invoice {
    #[serde(default)]
    yanked: bool,
    bindle: Spec,
    #[serde(default)]
    parcel: Vec<Parcel>,
    #[serde(default)]
    group: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Spec {
    name: String,
    version: String,
}

#[derive(Debug, Deserialize)]
struct Group {
    name: String,
    #[serde(default)]
    required: bool,
}

#[derive(Debug, Deserialize)]
struct Parcel {
    label: Label,
    #[serde(default)]
    conditions: Conditions,
}

#[derive(Debug, Deserialize)]
struct Label {
    sha256: String,
    name: String,
    size: u64,
    #[serde(default)]
    feature: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Conditions {
    /// The groups that it belongs to; if there is none, it is part of the bindle in any case.
    member_of: Vec<String>,
    /// The groups that it cannot do without.
    requires: Vec<String>,
}

impl Invoice {
    /// The invoice in `body`, which `server` sent for `reference`.
    pub(super) fn parse(body: &[u8], server: &str, reference: &BindleReference) -> Result<Self, BindleError> {
        let server = || server.to_owned();
        let text = str::from_utf8(body)
            .map_err(|_| BindleError::NotToml { server: server(), reason: "it is not text".to_owned() })?;
        let table: toml::Table = toml::from_str(text)
            .map_err(|error| BindleError::NotToml { server: server(), reason: shown(error.message()) })?;
        let invoice: Self = table.try_into().map_err(|error: toml::de::Error| BindleError::NotAnInvoice {
            server: server(),
            reason: shown(error.message()),
        })?;
        let Spec { name, version } = &invoice.bindle;
        match (name.as_str(), version.as_str()) == (reference.name(), reference.version()) {
            true => Ok(invoice),
            false => Err(BindleError::OtherBindle { server: server(), found: shown(&format!("{name}/{version}")) }),
        }
    }

    /// Whether it was withdrawn.
    pub(super) fn is_yanked(&self) -> bool {
        self.yanked
    }

    /// The parcels that make up the artifact on this machine.
    pub(super) fn parts(&self, kind: Kind, machine: Machine) -> Result<Parts, BindleError> {
        match kind {
            Kind::Any if self.parcel.len() != 1 => self.provider(machine),
            Kind::Module | Kind::Any => self.module(),
            Kind::Provider => self.provider(machine),
        }
    }

    /// As published hosts have it: conditions and features do not count for actors.
    fn module(&self) -> Result<Parts, BindleError> {
        match &self.parcel[..] {
            [only] => Ok(Parts::Module(only.part()?)),
            all => Err(BindleError::ModuleParcels { found: all.len() }),
        }
    }

    fn provider(&self, machine: Machine) -> Result<Parts, BindleError> {
        let applicable = self.applicable(machine);
        let (claims, executables): (Vec<_>, Vec<_>) =
            applicable.into_iter().partition(|parcel| parcel.label.name == CLAIMS);
        let target = machine.target();
        match (&claims[..], &executables[..]) {
            ([], _) => Err(BindleError::MissingClaims),
            ([_], []) => Err(BindleError::MissingTarget { target, found: self.targets() }),
            ([claims], [executable]) => {
                Ok(Parts::Provider { claims: claims.part()?, executable: executable.part()?, target })
            }
            _ => Err(BindleError::ProviderParcels { target, found: claims.len() + executables.len() }),
        }
    }

    /// The parcels that are there on this machine: those of no group and of the groups that are required, by the bindle or by
    /// another such parcel (crate `bindle` 0.9.1, `src/filters/mod.rs`).
    fn applicable(&self, machine: Machine) -> Vec<&Parcel> {
        let mut members: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, parcel) in self.parcel.iter().enumerate() {
            parcel.conditions.member_of.iter().for_each(|group| members.entry(group).or_default().push(index));
        }
        let mut groups: Vec<&str> =
            self.group.iter().filter(|group| group.required).map(|group| group.name.as_str()).collect();
        let global = self.parcel.iter().enumerate().filter(|(_, parcel)| parcel.conditions.member_of.is_empty());
        let mut next: Vec<usize> = global.map(|(index, _)| index).collect();
        let mut taken = BTreeSet::new();
        loop {
            for index in next {
                let parcel = &self.parcel[index];
                if parcel.suits(machine) && taken.insert(index) {
                    groups.extend(parcel.conditions.requires.iter().map(String::as_str));
                }
            }
            let Some(group) = groups.pop() else { break };
            // Each group is gone through once.
            next = members.remove(group).unwrap_or_default();
        }
        taken.into_iter().map(|index| &self.parcel[index]).collect()
    }

    /// The targets that some parcel says it is for, sorted.
    fn targets(&self) -> Vec<String> {
        let features = self.parcel.iter().filter_map(|parcel| parcel.label.feature.get(FEATURES));
        let target = |of: &BTreeMap<String, String>| Some(shown(&format!("{}-{}", of.get("arch")?, of.get("os")?)));
        features.filter_map(target).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl Parcel {
    /// Whether no feature says that it is for another machine. One that has features of this group must have both.
    fn suits(&self, machine: Machine) -> bool {
        let wanted = [("arch", machine.arch), ("os", machine.os)];
        let has = |of: &BTreeMap<String, String>| {
            wanted.iter().all(|(name, value)| of.get(*name).is_some_and(|found| found == value))
        };
        self.label.feature.get(FEATURES).is_none_or(has)
    }

    fn part(&self) -> Result<Part, BindleError> {
        let Label { sha256, name, size, .. } = &self.label;
        match Digest::from_hex(sha256) {
            Some(digest) => Ok(Part { digest, size: *size }),
            None => Err(BindleError::ParcelDigest { parcel: shown(name) }),
        }
    }
}

/// What a server sent, as an error may repeat it.
fn shown(text: &str) -> String {
    shortened(text, SHOWN)
}

#[cfg(test)]
mod tests;
