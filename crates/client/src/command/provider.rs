//! Commands about capability providers on one host.

use lattice_protocol::{HostKey, StartProvider, StopProvider};

use super::following;
use crate::{
    client::Client,
    operation::{Expected, Operation},
    request::RequestError,
};

impl Client {
    /// Starts a capability provider.
    ///
    /// Host and lattice in the command are filled in. Where the host does not matter, see
    /// [`place_provider`](Self::place_provider). The operation ends when the provider serves or has failed; links reach it
    /// after that, as [`link_deliveries`](Self::link_deliveries) tells.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use lattice_protocol::{Annotations, StartProvider};
    ///
    /// let host = client.resolve_host("quiet-river-1234").await?;
    /// let start = StartProvider {
    ///     annotations: Annotations::new(),
    ///     configuration: None,
    ///     host_id: None,
    ///     lattice_id: None,
    ///     link_name: Default::default(),
    ///     provider_ref: "file:///srv/cache.par.gz".to_owned(),
    /// };
    /// client.start_provider(&host, start).await?.wait(Duration::from_secs(60)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RequestError::Refused`] with [`RefusalCode::Conflict`](lattice_protocol::RefusalCode::Conflict) if the host runs it
    /// already under this link name, as far as it knows whose image that is; otherwise the operation tells. Else as
    /// [`start_actor`](Self::start_actor).
    pub async fn start_provider(&self, host: &HostKey, command: StartProvider) -> Result<Operation, RequestError> {
        self.start_provider_for_bid(host, command, "").await
    }

    /// Starts a capability provider on a host that made this bid; none is named by an empty token.
    pub(crate) async fn start_provider_for_bid(
        &self,
        host: &HostKey,
        command: StartProvider,
        token: &str,
    ) -> Result<Operation, RequestError> {
        let command = StartProvider { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        let request = following(self.to_host(host, &command), token);
        self.command(request, Some(host), Expected::start_provider(&command)).await
    }

    /// Stops a capability provider.
    ///
    /// Host and lattice in the command are filled in. Hosts of other projects take it for done that one does not run.
    ///
    /// # Errors
    /// As [`start_actor`](Self::start_actor).
    pub async fn stop_provider(&self, host: &HostKey, command: StopProvider) -> Result<Operation, RequestError> {
        let command = StopProvider { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        self.command(self.to_host(host, &command), Some(host), Expected::stop_provider(&command)).await
    }
}
