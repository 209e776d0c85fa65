//! Commands about actors on one host.

use lattice_protocol::{HostKey, ScaleActor, StartActor, StopActor, UpdateActor};

use super::{following, forced};
use crate::{
    client::Client,
    operation::{Expected, Operation},
    request::RequestError,
};

/// How an actor is updated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateOptions {
    /// Whether to take an image of a lower revision, which the host refuses otherwise. One of another actor it always
    /// refuses.
    pub force: bool,
}

impl UpdateOptions {
    /// With [`force`](Self::force) set.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }
}

impl Client {
    /// Starts instances of an actor, in addition to those that run.
    ///
    /// Host and lattice in the command are filled in. Where the host does not matter, see
    /// [`place_actor`](Self::place_actor).
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
    /// [`RequestError::TimedOut`] the host may still act, if it keeps no records or does not answer at all: one that does
    /// was asked before, and got the command once more if it never had it.
    pub async fn start_actor(&self, host: &HostKey, command: StartActor) -> Result<Operation, RequestError> {
        self.start_for_bid(host, command, "").await
    }

    /// Starts instances on a host that made this bid; none is named by an empty token.
    pub(crate) async fn start_for_bid(
        &self,
        host: &HostKey,
        command: StartActor,
        token: &str,
    ) -> Result<Operation, RequestError> {
        let command = StartActor { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        let request = following(self.to_host(host, &command), token);
        self.command(request, Some(host), Expected::start(&command)).await
    }

    /// Sets how many instances of an actor run with exactly these annotations; 0 stops them.
    ///
    /// Host and lattice in the command are filled in.
    ///
    /// # Errors
    /// As [`start_actor`](Self::start_actor).
    pub async fn scale_actor(&self, host: &HostKey, command: ScaleActor) -> Result<Operation, RequestError> {
        let command = ScaleActor { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        self.command(self.to_host(host, &command), Some(host), Expected::scale(&command)).await
    }

    /// Stops instances of an actor that have these annotations; a count of 0 stops all of them.
    ///
    /// Host and lattice in the command are filled in.
    ///
    /// # Errors
    /// As [`start_actor`](Self::start_actor).
    pub async fn stop_actor(&self, host: &HostKey, command: StopActor) -> Result<Operation, RequestError> {
        let command = StopActor { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        self.command(self.to_host(host, &command), Some(host), Expected::stop(&command)).await
    }

    /// Replaces the image of the instances of an actor on one host that have these annotations, while they serve. For all
    /// hosts that run it, see [`update_everywhere`](Self::update_everywhere).
    ///
    /// Host and lattice in the command are filled in. A bad image changes nothing: what ran goes on, and the operation
    /// says why.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use lattice_client::UpdateOptions;
    /// use lattice_protocol::{Annotations, UpdateActor};
    ///
    /// let host = client.resolve_host("quiet-river-1234").await?;
    /// let update = UpdateActor {
    ///     actor_id: client.resolve_actor("hello").await?,
    ///     annotations: Annotations::new(),
    ///     host_id: None,
    ///     lattice_id: None,
    ///     new_actor_ref: "registry.example/hello:0.2.0".to_owned(),
    /// };
    /// let operation = client.update_actor(&host, update, UpdateOptions::default()).await?;
    /// operation.wait(Duration::from_secs(60)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`start_actor`](Self::start_actor).
    pub async fn update_actor(
        &self,
        host: &HostKey,
        command: UpdateActor,
        options: UpdateOptions,
    ) -> Result<Operation, RequestError> {
        let command = UpdateActor { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        let request = forced(self.to_host(host, &command), options.force);
        self.command(request, Some(host), Expected::update(&command)).await
    }
}
