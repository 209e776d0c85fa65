//! What is to run, over all processes that it takes.

use lattice_protocol::{Annotations, OperationId, ProviderProcess, ProviderState};

use crate::providers::{announce::Subject, backoff::Backoff, board::ProviderView, command::InstanceKey, image::Image};

/// What a command wants to run.
#[derive(Clone)]
pub(in crate::providers) struct Wanted {
    pub(in crate::providers) image: Image,
    pub(in crate::providers) annotations: Annotations,
    /// May hold secrets.
    pub(in crate::providers) configuration: Option<String>,
}

/// What is to run, and what became of it so far.
pub(super) struct Assignment {
    pub(super) image: Image,
    pub(super) annotations: Annotations,
    pub(super) configuration: Option<String>,
    pub(super) restarts: u32,
    pub(super) backoff: Backoff,
    last_exit: Option<String>,
}

impl Assignment {
    pub(super) fn new(wanted: Wanted) -> Self {
        let Wanted { image, annotations, configuration } = wanted;
        Self { image, annotations, configuration, restarts: 0, backoff: Backoff::default(), last_exit: None }
    }

    /// Notes how a process ended.
    pub(super) fn note_end(&mut self, reason: &str) {
        self.last_exit = Some(reason.to_owned());
    }

    /// What events are about.
    pub(super) fn subject<'a>(
        &'a self,
        key: &'a InstanceKey,
        instance_id: &'a str,
        operation: Option<&'a OperationId>,
    ) -> Subject<'a> {
        Subject { key, image: &self.image, annotations: &self.annotations, instance_id, operation }
    }

    /// How it stands.
    pub(super) fn view(&self, instance_id: &str, state: ProviderState) -> ProviderView {
        let process = ProviderProcess {
            healthy: None,
            instance_id: instance_id.to_owned(),
            last_exit: self.last_exit.clone(),
            restarts: self.restarts,
            state,
        };
        ProviderView::new(&self.image, &self.annotations, &self.configuration, process)
    }
}
