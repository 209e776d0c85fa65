//! What the lattice knows: hosts, inventories, claims, links, members, operations, configuration.

use std::time::Duration;

use lattice_protocol::{
    Claims, ConfigValue, ConfigValues, ControlSubject, EntityKey, Host, HostInventory, HostKey, KnownRegistries,
    LinkDeliveries, Links, LogLines, LogQuery, Members, OperationId, OperationQuery, OperationRecord, OperationRecords,
    OperationsQuery,
};
use serde::de::DeserializeOwned;

use crate::{
    client::Client,
    command::config_key,
    defaults::{ANOTHER_AGAIN, ANOTHER_ASKED, INVENTORIES_AT_ONCE},
    gather::{GatherStream, Gathered, Missing, Part, Question},
    request::{Again, Outgoing, RequestError},
};

impl Client {
    /// The hosts of the lattice, in no order. An empty lattice is an empty list, at once.
    ///
    /// A host that does not answer is named in [`Gathered::missing`]; nothing is waited for once all have answered.
    ///
    /// # Errors
    /// [`RequestError::TimedOut`] if somebody listens but nobody answers and nobody tells who that is,
    /// [`RequestError::Connection`]. A bad answer is no error here but an entry in [`Gathered::errors`].
    pub async fn hosts(&self) -> Result<Gathered<Host>, RequestError> {
        self.gather(self.hosts_question()).await
    }

    /// The hosts of the lattice, as they answer; see [`GatherStream`] for an example.
    ///
    /// # Errors
    /// The question could not be sent. Whatever else [`hosts`](Self::hosts) returns as an error comes in the stream.
    pub async fn hosts_stream(&self) -> Result<GatherStream<Host>, RequestError> {
        self.gather_stream(self.hosts_question()).await
    }

    fn hosts_question(&self) -> Question<Host> {
        Question::new(Outgoing::query(self, self.subjects().ping_hosts()), |host| Some(host.id.clone()))
    }

    /// What runs on a host.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let host = client.resolve_host("quiet-river-1234").await?;
    /// for actor in &client.inventory(&host).await?.actors {
    ///     println!("{} runs {} annotation sets", actor.id, actor.instances.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RequestError::NoResponders`] if there is no such host.
    pub async fn inventory(&self, host: &HostKey) -> Result<HostInventory, RequestError> {
        self.query(Outgoing::query(self, self.subjects().inventory(host))).await
    }

    /// What runs on each host of the lattice. A host that cannot be asked costs its own entry only: one that is silent
    /// is missing, and one that has left meanwhile is none.
    ///
    /// # Errors
    /// As [`hosts`](Self::hosts).
    pub async fn inventories(&self) -> Result<Gathered<HostInventory>, RequestError> {
        self.inventories_stream().await?.into_gathered().await
    }

    /// What runs on each host of the lattice, as they tell it.
    ///
    /// # Errors
    /// As [`hosts_stream`](Self::hosts_stream).
    pub async fn inventories_stream(&self) -> Result<GatherStream<HostInventory>, RequestError> {
        let client = self.clone();
        let ask = move |host: Host| {
            let client = client.clone();
            async move { inventory_part(host.friendly_name, &host.id, client.inventory(&host.id).await) }
        };
        Ok(self.hosts_stream().await?.then(INVENTORIES_AT_ONCE, ask))
    }

    /// The claims known to the lattice, as one of its hosts tells them.
    ///
    /// # Errors
    /// [`RequestError::NoResponders`] if the lattice has no host.
    pub async fn claims(&self) -> Result<Claims, RequestError> {
        self.ask_any(Outgoing::query(self, self.subjects().get_claims())).await
    }

    /// The links known to the lattice, as one of its hosts tells them. Their values may hold secrets.
    ///
    /// # Errors
    /// As [`claims`](Self::claims).
    pub async fn links(&self) -> Result<Links, RequestError> {
        self.ask_any(Outgoing::query(self, self.subjects().build(&ControlSubject::GetLinks))).await
    }

    /// Which links have arrived at the running providers, as each host of this project tells. Those of other projects do
    /// not, and are not waited for.
    ///
    /// # Errors
    /// As [`hosts`](Self::hosts); that nobody answers is none.
    pub async fn link_deliveries(&self) -> Result<Gathered<LinkDeliveries>, RequestError> {
        let request = Outgoing::query(self, self.subjects().build(&ControlSubject::Deliveries));
        let question = Question::new(request, |answer: &LinkDeliveries| Some(answer.host_id.clone()));
        self.gather(Question { silence_is_an_answer: true, ..question }).await
    }

    /// What a provider of a host has printed lately.
    ///
    /// # Errors
    /// [`RequestError::Refused`] with [`RefusalCode::NotFound`](lattice_protocol::RefusalCode::NotFound) if it has not run
    /// there since the host started, [`RequestError::NoResponders`] if there is no such host.
    pub async fn provider_logs(&self, host: &HostKey, query: &LogQuery) -> Result<LogLines, RequestError> {
        let subject = self.subjects().build(&ControlSubject::Logs { host: host.clone() });
        self.query(Outgoing::with_body(self, subject, query)).await
    }

    /// Who belongs to the lattice: the hosts that noted themselves lately, and those of other projects that one of them
    /// noticed.
    ///
    /// # Errors
    /// [`RequestError::NoResponders`] if the lattice has no host of this project.
    pub async fn members(&self) -> Result<Members, RequestError> {
        self.ask_members().await
    }

    /// For which registries the lattice was given credentials, as one of its hosts knows them.
    ///
    /// # Errors
    /// [`RequestError::NoResponders`] if the lattice has no host of this project.
    pub async fn registries(&self) -> Result<KnownRegistries, RequestError> {
        self.ask_any(Outgoing::query(self, self.subjects().build(&ControlSubject::Registries))).await
    }

    /// The operations of the lattice, newest first, as one of its hosts finds them recorded.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use lattice_protocol::OperationsQuery;
    ///
    /// let unfinished = OperationsQuery { unfinished: true, ..OperationsQuery::default() };
    /// for operation in client.operations(unfinished).await?.operations {
    ///     println!("{} {} {}", operation.operation_id, operation.command, operation.phase.as_str());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RequestError::NoResponders`] if the lattice has no host of this project; [`RequestError::Refused`] with
    /// [`RefusalCode::Unavailable`](lattice_protocol::RefusalCode::Unavailable) if JetStream cannot be read.
    pub async fn operations(&self, query: OperationsQuery) -> Result<OperationRecords, RequestError> {
        let query = OperationsQuery { lattice_id: Some(self.lattice().clone()), ..query };
        let subject = self.subjects().build(&ControlSubject::Operations);
        self.ask_any(Outgoing::with_body(self, subject, &query)).await
    }

    /// How an operation stands, as its host tells it. The host answers when it ends, and at the latest after `wait`.
    ///
    /// # Errors
    /// [`RequestError::Refused`] if the host does not know the operation, [`RequestError::NoResponders`] if it is gone
    /// or keeps no records.
    pub async fn operation_record(
        &self,
        host: &HostKey,
        id: &OperationId,
        wait: Duration,
    ) -> Result<OperationRecord, RequestError> {
        self.record(self.subjects().operation(host), question(id, wait)).await
    }

    /// How an operation of any host stands, as whichever host answers finds it recorded: also when its own host is gone.
    ///
    /// # Errors
    /// [`RequestError::Refused`] with [`RefusalCode::NotFound`](lattice_protocol::RefusalCode::NotFound) if there is no
    /// record of it, [`RequestError::NoResponders`] if the lattice has no host of this project.
    pub async fn operation_by_id(&self, id: &OperationId, wait: Duration) -> Result<OperationRecord, RequestError> {
        self.record(self.subjects().build(&ControlSubject::AnyOperation), question(id, wait)).await
    }

    /// Asks for a record, giving the answer the time for which it may be held back.
    pub(crate) async fn record(&self, subject: String, query: OperationQuery) -> Result<OperationRecord, RequestError> {
        let held = Duration::from_millis(query.wait);
        let request = Outgoing::with_body(self, subject, &query);
        self.query(request.timeout(held.saturating_add(self.settings().timeout))).await
    }

    /// All values of the configuration of an actor or provider. They may be secrets.
    ///
    /// # Errors
    /// [`RequestError::NoResponders`] if the lattice has no host that keeps configuration.
    pub async fn config(&self, entity: &EntityKey) -> Result<ConfigValues, RequestError> {
        let subject = ControlSubject::GetConfig { entity: entity.clone(), key: None };
        let request = Outgoing::query(self, self.subjects().build(&subject));
        match self.ask_any(request).await {
            // How published hosts say that they never heard of the entity.
            Err(RequestError::Unreadable { source: lattice_protocol::DecodeError::Empty, .. }) => {
                Ok(ConfigValues::default())
            }
            answer => answer,
        }
    }

    /// One value of the configuration of an actor or provider; `None` if there is no such value.
    ///
    /// # Errors
    /// As [`config`](Self::config), and [`RequestError::Key`] if the key cannot be part of a subject.
    pub async fn config_value(&self, entity: &EntityKey, key: &str) -> Result<Option<Vec<u8>>, RequestError> {
        let subject = ControlSubject::GetConfig { entity: entity.clone(), key: Some(config_key(key)?) };
        let value: ConfigValue = self.ask_any(Outgoing::query(self, self.subjects().build(&subject))).await?;
        Ok(value.found.then_some(value.data))
    }

    /// Asks for what every host knows.
    async fn ask_any<T: DeserializeOwned>(&self, request: Outgoing) -> Result<T, RequestError> {
        self.query_any(request, Again { after: ANOTHER_AGAIN, at_most: ANOTHER_ASKED }).await
    }
}

fn question(id: &OperationId, wait: Duration) -> OperationQuery {
    let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    OperationQuery { operation_id: id.clone(), past: None, wait }
}

/// What a host's answer about its inventory is to the whole.
fn inventory_part(
    friendly_name: String,
    host: &HostKey,
    answer: Result<HostInventory, RequestError>,
) -> Part<HostInventory> {
    match answer {
        Ok(inventory) => Part::Item(inventory),
        Err(RequestError::NoResponders { .. }) => Part::Gone,
        Err(RequestError::TimedOut { .. }) => {
            Part::Missing(Missing { host_id: host.clone(), friendly_name, foreign: false, is_there: true })
        }
        Err(error) => Part::Error(error),
    }
}
