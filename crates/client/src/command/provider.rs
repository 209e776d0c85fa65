//! Commands about capability providers on one host.

use lattice_protocol::{HostKey, StartProvider, StopProvider};

use crate::{
    client::Client,
    operation::{Expected, Operation},
    request::RequestError,
};

impl Client {
    /// Starts a capability provider.
    ///
    /// Host and lattice in the command are filled in.
    ///
    /// # Errors
    /// As [`start_actor`](Self::start_actor).
    pub async fn start_provider(&self, host: &HostKey, command: StartProvider) -> Result<Operation, RequestError> {
        let command = StartProvider { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        self.command(self.to_host(host, &command), Some(host), Expected::start_provider(&command)).await
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
