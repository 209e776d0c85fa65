//! Which links have arrived at the providers that run, as people and programs are told.

mod put;
mod wait;

use std::collections::BTreeMap;

use lattice_client::{Became, Gathered, VersionDelivery};
use lattice_protocol::{DeliveryState, HostKey, LinkDeliveries, LinkDelivery};
use serde::Serialize;

use crate::{
    connect::Lattice,
    detail::Detail,
    fault::{Code, Fault, Told},
    printer::Printer,
    table::printable,
};

pub(crate) use put::{OfPut, until_known};
pub(crate) use wait::{Waited, until_arrived, until_removed, which_have_it};

/// How one running provider stands to one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Delivery {
    /// Where it runs.
    pub(crate) host_id: HostKey,
    /// How far the link got.
    pub(crate) state: State,
    /// Why not further, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip)]
    pub(crate) host_name: Option<String>,
}

/// How far a link got on its way to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It is on its way.
    Pending,
    /// It was sent to one that does not say more.
    Delivered,
    /// The provider has taken it.
    Confirmed,
    /// The provider has been told that it is gone.
    Removed,
    /// It was refused, or there was no answer.
    Failed,
    /// It has been put anew since, or removed.
    Superseded,
    /// The host does not tell, or in words that are not known here.
    Untold,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Delivered => "delivered",
            State::Confirmed => "confirmed",
            State::Removed => "removed",
            State::Failed => "failed",
            State::Superseded => "superseded",
            State::Untold => "not told",
        }
    }
}

impl From<DeliveryState> for State {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => State::Pending,
            DeliveryState::Delivered => State::Delivered,
            DeliveryState::Confirmed => State::Confirmed,
            DeliveryState::Failed => State::Failed,
            _ => State::Untold,
        }
    }
}

impl From<LinkDelivery> for Delivery {
    fn from(told: LinkDelivery) -> Self {
        Self { host_id: told.host_id, state: told.state.into(), error: told.error, host_name: None }
    }
}

impl From<VersionDelivery> for Delivery {
    fn from(told: VersionDelivery) -> Self {
        let state = match told.became {
            Became::Is(state) => state.into(),
            Became::Superseded => State::Superseded,
            _ => State::Untold,
        };
        Self { host_id: told.host_id, state, error: told.error, host_name: None }
    }
}

impl Delivery {
    /// How it stands, in words.
    pub(crate) fn words(&self) -> String {
        match &self.error {
            Some(error) => printable(&format!("{}: {error}", self.state.as_str())),
            None => self.state.as_str().to_owned(),
        }
    }

    /// The same with the host.
    pub(crate) fn line(&self, detail: Detail) -> String {
        let host = detail.named(self.host_name.as_deref(), self.host_id.as_str());
        format!("the provider on host {host}: {}", self.words())
    }
}

/// All deliveries that hosts told of.
pub(crate) fn all(gathered: &Gathered<LinkDeliveries>) -> impl Iterator<Item = &LinkDelivery> {
    gathered.items.iter().flat_map(|host| &host.deliveries)
}

/// Names the hosts of deliveries. Names are a comfort: without an answer keys are shown.
pub(crate) async fn name_hosts(lattice: &Lattice, deliveries: impl Iterator<Item = &mut Delivery>) {
    let hosts = lattice.client.hosts().await.map(|hosts| hosts.items).unwrap_or_default();
    let names: BTreeMap<HostKey, String> = hosts.into_iter().map(|host| (host.id, host.friendly_name)).collect();
    for delivery in deliveries {
        delivery.host_name = names.get(&delivery.host_id).cloned().filter(|name| !name.is_empty());
    }
}

/// Fails if a provider did not do what became of its link, or has not said so in time. `kept` is what holds nevertheless.
pub(crate) fn judge(deliveries: &[Delivery], ended: bool, kept: &str, printer: Printer) -> anyhow::Result<()> {
    let failed = deliveries.iter().any(|delivery| delivery.state == State::Failed);
    let (code, message, hint) = match (failed, ended) {
        (true, _) => {
            (Code::Failed, "not every provider took that", "`lattice logs provider PROVIDER` shows what it says")
        }
        (false, false) => {
            (Code::TimedOut, "not every provider has said so yet", "`lattice get links` shows how it goes on")
        }
        (false, true) => return Ok(()),
    };
    match printer.is_json() {
        true => Err(Told(code).into()),
        false => Err(Fault::new(code, format!("the link {kept}, but {message}")).hint(hint).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";

    #[test]
    fn people_are_told_where_and_why() {
        let delivery = |state, error: Option<&str>| Delivery {
            host_id: HOST.parse().expect("a published key"),
            state,
            error: error.map(str::to_owned),
            host_name: Some("otter".to_owned()),
        };
        let confirmed = delivery(State::Confirmed, None);
        assert_eq!(confirmed.line(Detail::Brief), "the provider on host otter (NAWASHVA…): confirmed");
        assert_eq!(delivery(State::Failed, Some("no\u{1b}")).words(), "failed: no\u{fffd}");
        let document = serde_json::to_value(confirmed).expect("it is data");
        assert_eq!(document, serde_json::json!({"host_id": HOST, "state": "confirmed"}));
    }
}
