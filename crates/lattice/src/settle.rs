//! Following a command that a host took on to its end, and telling how it went.

use futures::StreamExt;
use lattice_client::{Operation, Recording, RequestError, Settled, WaitError, actor_names};
use lattice_protocol::{
    ActorDescription, ActorKey, Count, HostInventory, HostKey, LinkName, OperationId, OperationPhase, OperationRecord,
    ProviderKey, RefusalCode,
};
use serde::Serialize;

use crate::{
    connect::Lattice,
    deliveries::Delivery,
    detail::Detail,
    fault::{Code, Fault},
    printer::{Printer, Show},
    unanswered,
};

/// How a command ended.
#[derive(Debug, Serialize)]
pub(crate) struct Ended {
    /// The operation at the host.
    operation_id: OperationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_id: Option<HostKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_id: Option<ActorKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<ProviderKey>,
    /// The link name under which the provider serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    link_name: Option<LinkName>,
    /// Of a link: how the running providers stand to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries: Option<Vec<Delivery>>,
    /// In an update: how long calls met neither version.
    #[serde(skip_serializing_if = "Option::is_none")]
    swap_micros: Option<u64>,
    outcome: Outcome,
    /// Whether no record of it outlives the host.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unrecorded: bool,
    #[serde(skip)]
    deed: Deed,
    /// What people are told beside it.
    #[serde(skip)]
    about: About,
}

/// What a command did if it went well.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Started so many instances from this reference.
    Started(u16, String),
    /// Scaled to this count.
    Scaled(Count),
    /// Stopped instances.
    Stopped,
    /// Updated to this reference.
    Updated(String),
    /// Started a provider from this reference under this link name.
    ProviderStarted(String, LinkName),
    /// Stopped a provider.
    ProviderStopped(Provider),
    /// Stopped the host.
    HostStopped,
    /// What is said of the actor now.
    Changed(String),
    /// What holds of the lattice now.
    Holds(String),
    /// What is said of the host now.
    HostChanged(String),
}

/// A provider under one link name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Provider {
    pub(crate) key: ProviderKey,
    pub(crate) link: LinkName,
    /// The name in its claims, if that is known.
    pub(crate) name: Option<String>,
}

/// What is known of host and actor besides their keys.
#[derive(Debug, Default)]
struct About {
    host_name: Option<String>,
    actor_name: Option<String>,
    provider: Option<Provider>,
    /// How much of the actor runs on the host now.
    left: Option<u64>,
}

/// What is known of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// The host took it on; nobody waited.
    Accepted,
    /// The host's record says that it was done.
    Done,
    /// An event says so; the host keeps no records.
    DoneByEvent,
}

/// What a command is to bring about, and whether its end is waited for.
#[derive(Debug)]
pub(crate) struct Intent {
    pub(crate) deed: Deed,
    pub(crate) actor: Option<ActorKey>,
    pub(crate) no_wait: bool,
}

/// As [`settle`], of a command to one host, which may not have taken it on.
pub(crate) async fn settle_at(
    lattice: &Lattice,
    host: &HostKey,
    answer: Result<Operation, RequestError>,
    intent: Intent,
    printer: Printer,
) -> anyhow::Result<()> {
    let operation = answer.map_err(|error| unanswered::command_to(lattice, host, error))?;
    settle(lattice, operation, intent, printer).await
}

/// Waits for the end, if that is wanted, and prints it.
///
/// # Errors
/// It failed, or its end is not known.
pub(crate) async fn settle(
    lattice: &Lattice,
    operation: Operation,
    intent: Intent,
    printer: Printer,
) -> anyhow::Result<()> {
    Ok(printer.show(&ended(lattice, operation, intent, printer).await?)?)
}

/// As [`settle`], without printing it.
///
/// # Errors
/// It failed, or its end is not known.
pub(crate) async fn ended(
    lattice: &Lattice,
    operation: Operation,
    intent: Intent,
    printer: Printer,
) -> anyhow::Result<Ended> {
    let Intent { deed, actor, no_wait } = intent;
    let (operation_id, host_id) = (operation.id().clone(), operation.host().cloned());
    let unrecorded = operation.accepted().recording == Recording::Host;
    // A host that has stopped no longer tells its name.
    let before = match (&deed, &host_id) {
        (Deed::HostStopped, Some(host)) if !printer.is_json() => About::ask(lattice, host, None, &deed).await,
        _ => About::default(),
    };
    let mut record = None;
    let outcome = if no_wait {
        Outcome::Accepted
    } else {
        let settled = wait(lattice, operation, &deed, printer).await?;
        let outcome = outcome_of(&settled);
        record = record_of(settled);
        outcome
    };
    let host_id = record.as_ref().map(|record| record.host_id.clone()).or(host_id);
    let actor_id = record.as_ref().and_then(|record| record.actor_id.clone()).or(actor);
    let swap_micros = record.and_then(|record| record.swap_micros);
    // Programs get keys, people names too. Whose key a provider has is not in the record.
    let is_asked = !printer.is_json() || (matches!(deed, Deed::ProviderStarted(..)) && outcome != Outcome::Accepted);
    let now = match &host_id {
        Some(host) if is_asked => About::ask(lattice, host, actor_id.as_ref(), &deed).await,
        _ => About::default(),
    };
    let about = About { host_name: now.host_name.or(before.host_name), ..now };
    let (provider_id, link_name) = match &deed {
        Deed::ProviderStarted(_, link) => (about.provider.as_ref().map(|provider| provider.key.clone()), Some(link)),
        Deed::ProviderStopped(provider) => (Some(provider.key.clone()), Some(&provider.link)),
        _ => (None, None),
    };
    let link_name = link_name.cloned();
    let ended = Ended {
        operation_id,
        host_id,
        actor_id,
        provider_id,
        link_name,
        deliveries: None,
        swap_micros,
        outcome,
        unrecorded,
        deed,
        about,
    };
    Ok(ended)
}

impl Show for Ended {
    fn text(&self) -> String {
        self.told(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.told(Detail::Whole)
    }
}

impl Ended {
    /// With how the running providers stand to the link that was changed.
    #[must_use]
    pub(crate) fn with_deliveries(self, provider: ProviderKey, deliveries: Vec<Delivery>) -> Self {
        Self { provider_id: Some(provider), deliveries: Some(deliveries), ..self }
    }

    /// What was done, and below it how the running providers stand to the link.
    fn told(&self, detail: Detail) -> String {
        let deliveries = self.deliveries.iter().flatten().map(|delivery| delivery.line(detail));
        std::iter::once(self.sentence(detail)).chain(deliveries).collect::<Vec<_>>().join("\n")
    }

    fn sentence(&self, detail: Detail) -> String {
        let key = self.host_id.as_ref().map_or("-", |host| host.as_str());
        let host = detail.named(self.about.host_name.as_deref(), key);
        let text = match self.outcome {
            Outcome::Accepted => format!("accepted by host {host} as operation {}", self.operation_id),
            Outcome::Done => self.done(&host, detail),
            Outcome::DoneByEvent => format!("{} (an event of the host says so)", self.done(&host, detail)),
        };
        match self.unrecorded {
            true => format!("{text}; no record of it outlives the host, for JetStream does not take it"),
            false => text,
        }
    }

    fn done(&self, host: &str, detail: Detail) -> String {
        let key = self.actor_id.as_ref().map_or("-", |id| id.as_str());
        let actor = detail.named(self.about.actor_name.as_deref(), key);
        match &self.deed {
            Deed::Started(count, reference) => {
                let instances = if *count == 1 { "instance" } else { "instances" };
                let from = if detail == Detail::Whole { format!(" from {reference}") } else { String::new() };
                format!("started {count} {instances} of actor {actor} on host {host}{from}")
            }
            Deed::Scaled(count) => format!("actor {actor} on host {host} is scaled to {count}"),
            Deed::Stopped => format!("stopped actor {actor} on host {host}{}", self.left()),
            Deed::Updated(reference) => {
                let swap = self.swap_micros.map(|micros| format!(", in {micros} µs")).unwrap_or_default();
                format!("actor {actor} on host {host} runs {} now{swap}", detail.reference(reference))
            }
            Deed::ProviderStarted(reference, link) => {
                let provider = self.about.provider.as_ref().map(|provider| provider.shown(detail));
                let provider = provider.unwrap_or_else(|| detail.reference(reference));
                let from = if detail == Detail::Whole { format!(" from {reference}") } else { String::new() };
                format!("started provider {provider} on host {host}{}{from}", under(link))
            }
            Deed::ProviderStopped(provider) => {
                format!("stopped provider {} on host {host}{}", provider.shown(detail), under(&provider.link))
            }
            Deed::HostStopped => format!("host {host} has stopped"),
            Deed::Changed(what) => format!("actor {actor} is {what}"),
            Deed::Holds(what) => what.clone(),
            Deed::HostChanged(what) => format!("host {host} {what}"),
        }
    }

    fn left(&self) -> String {
        match self.about.left {
            Some(0) => ", nothing of it is left".to_owned(),
            Some(left) => format!(", {left} of it left"),
            None => String::new(),
        }
    }
}

impl Provider {
    fn shown(&self, detail: Detail) -> String {
        detail.named(self.name.as_deref(), self.key.as_str())
    }

    /// The one that runs from this reference under this link name.
    fn running(inventory: &HostInventory, reference: &str, link: &LinkName) -> Option<Self> {
        let mut running = inventory.providers.iter().filter(|provider| provider.link_name == *link);
        let running = running.find(|provider| provider.image_ref.as_deref() == Some(reference))?;
        Some(Self { key: running.id.clone(), link: link.clone(), name: running.name.clone() })
    }
}

/// The link name is told where it is not what links are called that have no name.
fn under(link: &LinkName) -> String {
    if *link == LinkName::default() { String::new() } else { format!(" under link name `{link}`") }
}

impl About {
    /// What the host tells. Names are a comfort: without an answer keys are shown.
    async fn ask(lattice: &Lattice, host: &HostKey, actor: Option<&ActorKey>, deed: &Deed) -> Self {
        let Ok(inventory) = lattice.client.inventory(host).await else { return Self::default() };
        if let Deed::ProviderStarted(reference, link) = deed {
            let provider = Provider::running(&inventory, reference, link);
            return Self { host_name: Some(inventory.friendly_name), provider, ..Self::default() };
        }
        let Some(actor) = actor else { return Self { host_name: Some(inventory.friendly_name), ..Self::default() } };
        let running = inventory.actors.iter().find(|running| running.id == *actor);
        let actor_name = match running.and_then(|running| running.name.clone()) {
            Some(name) => Some(name),
            None => claimed_name(lattice, actor).await,
        };
        let left = Some(running.map_or(0, instances));
        Self { host_name: Some(inventory.friendly_name), actor_name, left, provider: None }
    }
}

/// An actor that no longer runs is still known by its claims.
async fn claimed_name(lattice: &Lattice, actor: &ActorKey) -> Option<String> {
    let claims = lattice.client.claims().await.ok()?;
    actor_names(&claims).find(|(key, _)| key == actor).map(|(_, name)| name.to_owned())
}

/// How many calls of an actor a host runs at once.
pub(crate) fn instances(actor: &ActorDescription) -> u64 {
    actor.instances.iter().map(|instance| u64::from(instance.max_instances)).sum()
}

/// Waits for the end and shows, on a terminal, how far it is.
async fn wait(lattice: &Lattice, operation: Operation, deed: &Deed, printer: Printer) -> anyhow::Result<Settled> {
    let id = operation.id().clone();
    let watched = operation.is_recorded() && printer.shows_progress();
    let (phases, patience) = (operation.watch(), lattice.target.patience);
    let show = phases.for_each(|record| {
        record.iter().for_each(|record| printer.progress(phase_text(record.phase)));
        std::future::ready(())
    });
    // Cancel-safe: both only read. The wait alone decides, and goes on when there is nothing more to show.
    let mut settled = std::pin::pin!(operation.wait(patience));
    let settled = tokio::select! {
        settled = &mut settled => settled,
        () = show, if watched => settled.await,
    };
    printer.end_progress();
    settled.map_err(|error| explain(error, &id, deed))
}

/// Follows an operation to its last record, however it ended, and shows, on a terminal, how far it is.
///
/// # Errors
/// Nobody can tell how it ended.
pub(crate) async fn follow(
    lattice: &Lattice,
    operation: &Operation,
    printer: Printer,
) -> Result<OperationRecord, WaitError> {
    let mut last = None;
    let mut phases = operation.watch();
    let until = tokio::time::Instant::now() + lattice.target.patience;
    while let Ok(Some(record)) = tokio::time::timeout_at(until, phases.next()).await {
        let record = record.inspect_err(|_| printer.end_progress())?;
        printer.progress(phase_text(record.phase));
        last = Some(record);
    }
    printer.end_progress();
    match last {
        Some(record) if record.phase.is_final() => Ok(record),
        last => Err(WaitError::Unknown {
            id: operation.id().clone(),
            host: operation.host().cloned(),
            waited: lattice.target.patience,
            last: last.map(Box::new),
        }),
    }
}

fn phase_text(phase: OperationPhase) -> &'static str {
    match phase {
        OperationPhase::Accepted => "accepted ...",
        OperationPhase::Fetching => "fetching ...",
        OperationPhase::Verifying => "verifying ...",
        OperationPhase::Compiling => "compiling ...",
        OperationPhase::Starting => "starting ...",
        OperationPhase::Swapping => "swapping ...",
        _ => "",
    }
}

/// What an update that does not follow what runs can be helped with.
pub(crate) const FORCE_HINT: &str = "--force takes a lower revision too, but never another actor";

fn explain(error: WaitError, id: &OperationId, deed: &Deed) -> anyhow::Error {
    match error {
        WaitError::Unknown { .. } => {
            Fault::new(Code::TimedOut, format!("operation {id} goes on, and how it ends is not known yet"))
                .hint(format!("`lattice operation watch {id}` follows it; --timeout waits longer"))
                .caused_by(error)
                .into()
        }
        WaitError::Lost { .. } | WaitError::HostGone { .. } => {
            Fault::new(Code::TimedOut, format!("how operation {id} ended is not known"))
                .hint("`lattice get inventory` shows what runs now")
                .caused_by(error)
                .into()
        }
        WaitError::Failed { source, code, .. } => {
            let fault = Fault::new(Code::Failed, format!("operation {id} failed")).caused_by(source);
            match (deed, code) {
                (Deed::Updated(_), Some(RefusalCode::Conflict)) => fault.hint(FORCE_HINT).into(),
                _ => fault.into(),
            }
        }
        error => error.into(),
    }
}

fn outcome_of(settled: &Settled) -> Outcome {
    match settled {
        Settled::ByEvent(_) => Outcome::DoneByEvent,
        _ => Outcome::Done,
    }
}

fn record_of(settled: Settled) -> Option<OperationRecord> {
    match settled {
        Settled::ByOperation(record) => Some(record),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
    const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
    const PROVIDER: &str = "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M";

    fn check(deed: Deed, left: u64, expect: &str) {
        let ended = Ended {
            operation_id: "01a1f989-76db-746f-89d4-02125a2f656c".parse().expect("an id"),
            host_id: Some(HOST.parse().expect("a published key")),
            swap_micros: None,
            unrecorded: false,
            actor_id: Some(ACTOR.parse().expect("a published key")),
            provider_id: None,
            link_name: None,
            deliveries: None,
            outcome: Outcome::Done,
            deed,
            about: About {
                host_name: Some("otter".to_owned()),
                actor_name: Some("hello".to_owned()),
                provider: Some(provider("default")),
                left: Some(left),
            },
        };
        assert_eq!(ended.text(), expect);
        assert!(!ended.wide().contains('…'), "{}", ended.wide());
    }

    fn provider(link: &str) -> Provider {
        Provider {
            key: PROVIDER.parse().expect("a published key"),
            link: link.parse().expect("a link name"),
            name: Some("cache".to_owned()),
        }
    }

    #[test]
    fn people_are_told_of_providers() {
        let started = |link: &str| Deed::ProviderStarted("file:///srv/c.par.gz".to_owned(), provider(link).link);
        let on_host = "provider cache (VDOQYLDQ…) on host otter (NAWASHVA…)";
        check(started("default"), 0, &format!("started {on_host}"));
        check(started("web"), 0, &format!("started {on_host} under link name `web`"));
        check(Deed::ProviderStopped(provider("default")), 0, &format!("stopped {on_host}"));
        check(Deed::ProviderStopped(provider("web")), 0, &format!("stopped {on_host} under link name `web`"));
    }

    #[test]
    fn people_are_told_by_names() {
        let reference = "file:///home/ada/.local/share/lattice/demo/hello.wasm".to_owned();
        check(
            Deed::Started(2, reference),
            2,
            "started 2 instances of actor hello (MDNX3CB6…) on host otter (NAWASHVA…)",
        );
        let on_host = "actor hello (MDNX3CB6…) on host otter (NAWASHVA…)";
        check(Deed::Scaled(3.into()), 3, &format!("{on_host} is scaled to 3"));
        check(Deed::Stopped, 2, &format!("stopped {on_host}, 2 of it left"));
        check(Deed::Stopped, 0, &format!("stopped {on_host}, nothing of it is left"));
        check(Deed::HostStopped, 0, "host otter (NAWASHVA…) has stopped");
    }
}
