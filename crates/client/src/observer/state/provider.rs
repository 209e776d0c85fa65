//! What events tell of capability providers.

use lattice_protocol::{
    HostKey, LinkName, ProviderKey, ProviderProcess, ProviderState,
    event::{EventData, HealthCheck, ProviderExited, ProviderStarted},
};

use super::{State, replaced};
use crate::{
    defaults::OBSERVED_PROVIDERS,
    observer::view::{HostView, ProviderView, Seen, Source},
};

impl State {
    /// Changes what is known of a host's providers by an event of a host of this project, and tells whether the event says
    /// all that has changed.
    pub(super) fn provider_event(&mut self, host: &HostKey, data: EventData) -> bool {
        match data {
            EventData::ProviderStarted(data) => {
                self.change(host, |view| put(view, data));
                // Revision and restarts it does not tell.
                false
            }
            EventData::ProviderStopped(data) => {
                self.change(host, |view| view.providers.remove(&(data.public_key, data.link_name)).is_some());
                true
            }
            EventData::ProviderExited(data) => {
                let key = (data.public_key.clone(), data.link_name.clone());
                self.change_process(host, key, |process| exited(process, data))
            }
            EventData::HealthCheckPassed(data) => self.healthy(host, data, true),
            EventData::HealthCheckFailed(data) => self.healthy(host, data, false),
            _ => true,
        }
    }

    fn healthy(&mut self, host: &HostKey, data: HealthCheck, healthy: bool) -> bool {
        let key = (data.public_key, data.link_name);
        self.change_process(host, key, |process| replaced(&mut process.healthy, Some(healthy)))
    }

    /// Changes what is known of a process; tells whether it is known.
    fn change_process(
        &mut self,
        host: &HostKey,
        key: (ProviderKey, LinkName),
        change: impl FnOnce(&mut ProviderProcess) -> bool,
    ) -> bool {
        let mut is_known = false;
        self.change(host, |view| {
            let Some(provider) = view.providers.get_mut(&key) else { return false };
            let Some(process) = &mut provider.process else { return false };
            (is_known, provider.seen) = (true, Seen::now(Source::Event));
            change(process)
        });
        is_known
    }
}

fn put(view: &mut HostView, data: ProviderStarted) -> bool {
    let key = (data.public_key, data.link_name);
    let known = view.providers.get(&key);
    if known.is_none() && view.providers.len() >= OBSERVED_PROVIDERS {
        return false;
    }
    let before = known.and_then(|known| known.process.clone());
    let process = ProviderProcess {
        healthy: None,
        instance_id: data.instance_id,
        last_exit: before.as_ref().and_then(|before| before.last_exit.clone()),
        restarts: before.map_or(0, |before| before.restarts),
        state: ProviderState::Running,
    };
    let provider = ProviderView {
        contract_id: Some(data.contract_id),
        image_ref: Some(data.image_ref).filter(|image| !image.is_empty()),
        name: data.claims.name,
        revision: known.map_or(0, |known| known.revision),
        annotations: data.annotations,
        process: Some(process),
        seen: Seen::now(Source::Event),
    };
    view.providers.insert(key, provider);
    true
}

fn exited(process: &mut ProviderProcess, data: ProviderExited) -> bool {
    process.state = if data.crash_loop { ProviderState::CrashLoop } else { ProviderState::Restarting };
    process.last_exit = Some(data.reason).filter(|reason| !reason.is_empty());
    process.restarts = data.restarts;
    true
}
