//! What is to run, over all processes that it takes.

use std::time::SystemTime;

use lattice_claims::ClusterSeed;
use lattice_protocol::{Annotations, OperationId, ProviderProcess, ProviderState};

use crate::{
    bucket::BucketError,
    lent_keys::Loan,
    providers::{
        announce::Subject, backoff::Backoff, board::ProviderView, command::InstanceKey, image::Image, tools::Tools,
    },
};

/// What a command wants to run.
#[derive(Clone)]
pub(in crate::providers) struct Wanted {
    pub(in crate::providers) image: Image,
    pub(in crate::providers) annotations: Annotations,
    /// May hold secrets.
    pub(in crate::providers) configuration: Option<String>,
}

/// What is to run, and what became of it so far.
pub(in crate::providers) struct Assignment {
    pub(in crate::providers) image: Image,
    pub(super) annotations: Annotations,
    pub(in crate::providers) configuration: Option<String>,
    /// The key that all its processes sign with, one after the other.
    loan: Option<Loan>,
    pub(super) restarts: u32,
    pub(super) backoff: Backoff,
    last_exit: Option<String>,
}

impl Assignment {
    pub(super) fn new(wanted: Wanted) -> Self {
        let Wanted { image, annotations, configuration } = wanted;
        Self {
            image,
            annotations,
            configuration,
            loan: None,
            restarts: 0,
            backoff: Backoff::default(),
            last_exit: None,
        }
    }

    /// What a process of it signs with: a key that it is lent once, or the seed of the cluster where providers expect that.
    pub(in crate::providers) async fn seed(
        &mut self,
        tools: &Tools,
        key: &InstanceKey,
    ) -> Result<ClusterSeed, BucketError> {
        let Some(lent_keys) = &tools.lent_keys else { return Ok(tools.lattice.cluster_seed.clone()) };
        match &self.loan {
            // Prolonged for the next process; if that fails, the loan may still last.
            Some(loan) => loan.prolong(SystemTime::now()).await,
            None => self.loan = Some(lent_keys.lend(key, &self.image.contract).await?),
        }
        Ok(self.loan.as_ref().expect("it was lent").seed().clone())
    }

    /// Keeps the key lent, as long as this is polled.
    pub(super) fn keep_loan(&self) -> impl Future<Output = ()> + Send + use<> {
        let loan = self.loan.clone();
        async move {
            if let Some(loan) = loan {
                loan.keep().await;
            }
        }
    }

    /// Takes the key back, for no process of it runs any more or will.
    pub(super) async fn end_loan(&mut self) {
        if let Some(loan) = self.loan.take() {
            loan.end().await;
        }
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
