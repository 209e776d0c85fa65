//! What a host tells of itself.

use std::{sync::Arc, time::Instant};

use lattice_protocol::{ClusterKey, Host, HostInventory, HostKey, Labels, LatticeName, ProviderDescription};

use crate::{
    actors::{Absent, Board},
    defaults::LISTED_INSTANCES,
    labels::LiveLabels,
    providers::ProviderBoard,
};

/// The facts about a host, its labels, and the board for what runs on it; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct About {
    facts: Arc<Facts>,
    labels: LiveLabels,
    board: Board,
    providers: ProviderBoard,
    absent: Absent,
}

/// What does not change while a host runs.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) host: HostKey,
    pub(crate) lattice: LatticeName,
    pub(crate) friendly_name: String,
    pub(crate) issuer: ClusterKey,
    pub(crate) cluster_issuers: Vec<ClusterKey>,
    /// Where the connections go, without user info.
    pub(crate) control_url: String,
    pub(crate) rpc_url: String,
    pub(crate) started: Instant,
}

/// The version that hosts tell; schedulers want a semantic version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

impl About {
    pub(crate) fn new(
        facts: Facts,
        labels: LiveLabels,
        board: Board,
        (providers, absent): (ProviderBoard, Absent),
    ) -> Self {
        Self { facts: Arc::new(facts), labels, board, providers, absent }
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The labels as they are now.
    pub(crate) fn labels(&self) -> Labels {
        self.labels.now()
    }

    /// The answer to a ping.
    pub(crate) fn host(&self) -> Host {
        let facts = &*self.facts;
        let issuers: Vec<_> = facts.cluster_issuers.iter().map(ClusterKey::as_str).collect();
        Host {
            cluster_issuers: Some(issuers.join(",")),
            ctl_host: Some(facts.control_url.clone()),
            friendly_name: facts.friendly_name.clone(),
            id: facts.host.clone(),
            issuer: Some(facts.issuer.to_string()),
            js_domain: None,
            labels: self.labels(),
            lattice: Some(facts.lattice.to_string()),
            lattice_prefix: Some(facts.lattice.to_string()),
            prov_rpc_host: None,
            rpc_host: Some(facts.rpc_url.clone()),
            uptime_human: Some(in_words(self.uptime())),
            uptime_seconds: self.uptime(),
            version: Some(VERSION.to_owned()),
        }
    }

    /// What runs, also the data of the heartbeat.
    pub(crate) fn inventory(&self) -> HostInventory {
        self.inventory_listing(LISTED_INSTANCES)
    }

    /// What runs, with one element for each annotation set.
    pub(crate) fn short_inventory(&self) -> HostInventory {
        self.inventory_listing(1)
    }

    fn inventory_listing(&self, at_most: usize) -> HostInventory {
        let facts = &*self.facts;
        HostInventory {
            actors: self.board.descriptions(at_most).into(),
            friendly_name: facts.friendly_name.clone(),
            host_id: facts.host.clone(),
            issuer: Some(facts.issuer.to_string()),
            labels: self.labels(),
            providers: self.providers().into(),
            uptime_human: Some(in_words(self.uptime())),
            uptime_seconds: self.uptime(),
            version: Some(VERSION.to_owned()),
        }
    }

    /// Those that run, and those that are to run again.
    fn providers(&self) -> Vec<ProviderDescription> {
        let mut providers = self.providers.descriptions();
        let absent = self.absent.descriptions(&providers);
        providers.extend(absent);
        providers
    }

    fn uptime(&self) -> u64 {
        self.facts.started.elapsed().as_secs()
    }
}

/// A span of time in short units, `3m 20s` for instance.
fn in_words(seconds: u64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let shown: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn spans_read_well() {
        assert_eq!(in_words(0), "0s");
        assert_eq!(in_words(200), "3m 20s");
        assert_eq!(in_words(90_061), "1d 1h 1m 1s");
    }
}
