//! `lattice get links`.

use lattice_client::{Gathered, RequestError};
use lattice_protocol::{LinkDefinition, LinkDeliveries, LinkValues};
use serde::Serialize;

use super::{Gaps, missing_of, texts};
use crate::{
    connect::Lattice,
    deliveries::{self, Delivery},
    detail::Detail,
    printer::{Printer, Show},
    table::{dense, or_dash},
    unanswered,
};

#[derive(Serialize)]
struct Links {
    links: Vec<Link>,
    /// What was wrong with links and deliveries that are not among them.
    errors: Vec<String>,
    #[serde(skip)]
    shows_values: bool,
}

/// A link, and how the running providers stand to it.
#[derive(Serialize)]
struct Link {
    #[serde(flatten)]
    link: LinkDefinition,
    deliveries: Vec<Delivery>,
}

/// Prints the links; values may be secrets, and are left out unless they are asked for.
pub(super) async fn run(lattice: &Lattice, values: bool, printer: Printer) -> anyhow::Result<()> {
    let (links, deliveries) = futures::join!(lattice.client.links(), lattice.client.link_deliveries());
    let answer = links.map_err(|error| unanswered::question(lattice, error))?.links;
    let mut links = answer.good;
    links.sort_by(|a, b| (&a.actor_id, &a.contract_id, &a.link_name).cmp(&(&b.actor_id, &b.contract_id, &b.link_name)));
    if !values {
        links.iter_mut().for_each(|link| link.values = hidden(&link.values));
    }
    let (told, untold) = told(deliveries, printer);
    let mut links: Vec<Link> = links.into_iter().map(|link| with_deliveries(link, &told)).collect();
    if !printer.is_json() && links.iter().any(|link| !link.deliveries.is_empty()) {
        deliveries::name_hosts(lattice, links.iter_mut().flat_map(|link| &mut link.deliveries)).await;
    }
    answer.bad.iter().for_each(|error| printer.warn(error));
    let errors = answer.bad.into_iter().chain(untold).collect();
    Ok(printer.show(&Links { links, errors, shows_values: values })?)
}

/// What hosts told of deliveries, and what is missing of it, of which people are told. Without it the links are all the
/// same what they are.
fn told(
    deliveries: Result<Gathered<LinkDeliveries>, RequestError>,
    printer: Printer,
) -> (Gathered<LinkDeliveries>, Vec<String>) {
    let gathered = match deliveries {
        Ok(gathered) => gathered,
        Err(error) => {
            let text = format!("which providers have the links is not known: {error}");
            printer.warn(&text);
            return (Gathered::default(), vec![text]);
        }
    };
    let bad = gathered.items.iter().flat_map(|host| &host.deliveries.bad).cloned();
    let errors: Vec<String> = texts(&gathered.errors).into_iter().chain(bad).collect();
    let missing = missing_of(&gathered);
    // That no host knows who else there is says nothing here.
    Gaps { errors: &errors, missing: &missing, complete: true }.tell(printer);
    let silent = missing.into_iter().map(|host| format!("no answer from {host}, which may run providers"));
    let untold = errors.into_iter().chain(silent).collect();
    (gathered, untold)
}

fn with_deliveries(link: LinkDefinition, told: &Gathered<LinkDeliveries>) -> Link {
    let id = link.id();
    let of_link = deliveries::all(told).filter(|told| told.id == id && told.provider_id == link.provider_id);
    let mut deliveries: Vec<Delivery> = of_link.cloned().map(Delivery::from).collect();
    deliveries.sort_by(|a, b| a.host_id.cmp(&b.host_id));
    Link { link, deliveries }
}

/// The names of the values alone.
fn hidden(values: &LinkValues) -> LinkValues {
    values.iter().map(|(key, _)| (key.clone(), "***")).collect()
}

impl Show for Links {
    fn text(&self) -> String {
        self.table(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.table(Detail::Whole)
    }
}

impl Links {
    fn table(&self, detail: Detail) -> String {
        let actors = detail.keys(self.links.iter().map(|of| of.link.actor_id.as_str()));
        let providers = detail.keys(self.links.iter().map(|of| of.link.provider_id.as_str()));
        let row = |Link { link, deliveries }: &Link| {
            [
                actors.of(link.actor_id.as_str()),
                providers.of(link.provider_id.as_str()),
                link.contract_id.to_string(),
                link.link_name.to_string(),
                self.values(link),
                arrivals(deliveries, detail),
            ]
        };
        dense(["actor", "provider", "contract", "link", "values", "has it"], self.links.iter().map(row))
    }

    fn values(&self, link: &LinkDefinition) -> String {
        let shown = |(key, value): (&String, &String)| match self.shows_values {
            true => format!("{key}={value}"),
            false => key.clone(),
        };
        let values: Vec<String> = link.values.iter().map(shown).collect();
        if values.is_empty() { "-".to_owned() } else { values.join(" ") }
    }
}

/// Who has it, host by host.
fn arrivals(deliveries: &[Delivery], detail: Detail) -> String {
    let host = |delivery: &Delivery| match (&delivery.host_name, detail) {
        (Some(name), Detail::Brief) => name.clone(),
        (None, Detail::Brief) => detail.key(delivery.host_id.as_str()),
        (name, Detail::Whole) => detail.named(name.as_deref(), delivery.host_id.as_str()),
    };
    let shown = |delivery: &Delivery| format!("{} {}", host(delivery), delivery.words());
    or_dash(Some(deliveries.iter().map(shown).collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use lattice_protocol::decode;

    use super::*;

    const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
    const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
    const PROVIDER: &str = "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M";

    #[test]
    fn a_link_shows_who_has_it() {
        let link = LinkDefinition {
            actor_id: ACTOR.parse().expect("a key"),
            provider_id: PROVIDER.parse().expect("a key"),
            link_name: Default::default(),
            contract_id: "acme:cache".parse().expect("a contract"),
            values: [("url", "x")].into_iter().collect(),
        };
        let delivery = format!(
            r#"{{"actor_id":"{ACTOR}","contract_id":"acme:cache","host_id":"{HOST}","id":"{}",
            "provider_id":"{PROVIDER}","state":"failed","error":"no such place"}}"#,
            link.id()
        );
        let told = format!(r#"{{"host_id":"{HOST}","deliveries":[{delivery}]}}"#);
        let mut gathered = Gathered::default();
        gathered.items.push(decode(told.as_bytes()).expect("deliveries"));
        let links = Links {
            links: vec![with_deliveries(link.clone(), &gathered), with_deliveries(link, &Gathered::default())],
            errors: Vec::new(),
            shows_values: false,
        };
        let cells = "MDNX3CB6…  VDOQYLDQ…  acme:cache  default  url    ";
        let table = format!(
            "actor      provider   contract    link     values  has it\n\
             {cells} NAWASHVA… failed: no such place\n{cells} -"
        );
        assert_eq!(links.text(), table);
        let document = serde_json::to_value(&links).expect("it is data");
        let delivery = serde_json::json!([{"host_id": HOST, "state": "failed", "error": "no such place"}]);
        assert_eq!(
            (&document["links"][0]["deliveries"], &document["links"][0]["contract_id"]),
            (&delivery, &"acme:cache".into())
        );
        assert_eq!(document["links"][1]["deliveries"], serde_json::json!([]));
    }
}
