//! Commands to one host. An answer means that the host took the command on; the [`Operation`] tells how it went.

use std::time::Duration;

use lattice_protocol::{
    Ack, Command, HostKey, LatticeName, OPERATION_HEADER, OperationId, ScaleActor, StartActor, StopActor, StopHost,
};
use uuid::Uuid;

use crate::{
    client::Client,
    operation::{Awaited, Expected, Operation},
    request::{Outgoing, RequestError},
};

impl Client {
    /// Starts instances of an actor, in addition to those that run.
    ///
    /// Host and lattice in the command are filled in.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use lattice_protocol::{Annotations, StartActor};
    ///
    /// let host = client.resolve_host("quiet-river-1234").await?;
    /// let start = StartActor {
    ///     actor_ref: "file:///srv/hello.wasm".to_owned(),
    ///     annotations: Annotations::new(),
    ///     count: 1.into(),
    ///     host_id: None,
    ///     lattice_id: None,
    /// };
    /// client.start_actor(&host, start).await?.wait(Duration::from_secs(60)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RequestError::NoResponders`] if there is no such host, [`RequestError::Refused`] with its reason. After
    /// [`RequestError::TimedOut`] the host may still act, if it keeps no records: one that does was asked before.
    pub async fn start_actor(&self, host: &HostKey, command: StartActor) -> Result<Operation, RequestError> {
        let command = StartActor { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        self.command(host, &command, Expected::start(&command)).await
    }

    /// Sets how many instances of an actor run with exactly these annotations; 0 stops them.
    ///
    /// Host and lattice in the command are filled in.
    ///
    /// # Errors
    /// As [`start_actor`](Self::start_actor).
    pub async fn scale_actor(&self, host: &HostKey, command: ScaleActor) -> Result<Operation, RequestError> {
        let command = ScaleActor { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        self.command(host, &command, Expected::scale(&command)).await
    }

    /// Stops instances of an actor that have these annotations; a count of 0 stops all of them.
    ///
    /// Host and lattice in the command are filled in.
    ///
    /// # Errors
    /// As [`start_actor`](Self::start_actor).
    pub async fn stop_actor(&self, host: &HostKey, command: StopActor) -> Result<Operation, RequestError> {
        let command = StopActor { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        self.command(host, &command, Expected::stop(&command)).await
    }

    /// Stops a host.
    ///
    /// Host and lattice in the command are filled in.
    ///
    /// # Errors
    /// As [`start_actor`](Self::start_actor).
    pub async fn stop_host(&self, host: &HostKey, command: StopHost) -> Result<Operation, RequestError> {
        let command = StopHost { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        self.command(host, &command, Expected::HostStopped).await
    }

    fn lattice_id(&self) -> Option<LatticeName> {
        Some(self.lattice().clone())
    }

    /// Sends a command, listening to events from before it: a host of another project tells only there how it went.
    async fn command<C: Command>(
        &self,
        host: &HostKey,
        command: &C,
        expected: Expected,
    ) -> Result<Operation, RequestError> {
        let events = self.subscribe_events().await?;
        let id = new_operation();
        let subject = self.subjects().command(host, C::VERB);
        let request = Outgoing::with_body(self, subject.clone(), command).header(OPERATION_HEADER, id.as_str());
        let ack = match self.request(request).await {
            Err(RequestError::TimedOut { .. }) if self.is_recorded(host, &id).await => Ack::operation(id.clone()),
            answer => answer?,
        };
        if !ack.accepted {
            return Err(RequestError::Refused { subject, error: ack.error });
        }
        let awaited = Awaited::new(expected, host.clone(), events);
        Ok(Operation::accepted(self.clone(), host.clone(), ack, id, awaited))
    }

    /// Whether the host took the operation on, although its answer did not arrive.
    async fn is_recorded(&self, host: &HostKey, id: &OperationId) -> bool {
        self.operation_record(host, id, Duration::ZERO).await.is_ok()
    }
}

fn new_operation() -> OperationId {
    Uuid::now_v7().to_string().parse().expect("a UUID is an operation id")
}
