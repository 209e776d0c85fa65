//! What the ledger tells of the operations of all hosts: one, many, and those that were left unfinished.

use std::time::Duration;

use lattice_protocol::{OperationPhase, OperationQuery, OperationRecord, OperationRecords, OperationsQuery};

use super::{Operations, reached};
use crate::{
    bucket::AnyError,
    defaults::{LISTED_OPERATIONS, MOST_LISTED_OPERATIONS, START_TIMEOUT},
    members::{Members, Roll},
};

impl Operations {
    /// The record of an operation of any host, as [`wait`](Self::wait).
    pub(crate) async fn recorded(
        &self,
        question: &OperationQuery,
        wait: Duration,
        members: &Members,
    ) -> Result<Option<OperationRecord>, AnyError> {
        let record = self.shared.ledger.wait(&question.operation_id, question.past, wait).await?;
        let Some(mut record) = record else { return Ok(None) };
        if !record.phase.is_final() {
            let roll = members.current().await?;
            mark_lost(&mut record, &roll);
        }
        Ok(Some(record))
    }

    /// The operations of the lattice, newest first.
    ///
    /// All records are in memory meanwhile, so that few are listed for at the same time.
    pub(crate) async fn list(&self, query: &OperationsQuery, members: &Members) -> Result<OperationRecords, AnyError> {
        let _place = tokio::time::timeout(START_TIMEOUT, self.shared.lists.acquire()).await?;
        let (mut records, roll) = futures::try_join!(self.shared.ledger.all(), members.current())?;
        records.iter_mut().for_each(|record| mark_lost(record, &roll));
        Ok(select(records, query))
    }

    /// Reports as lost what an earlier start of this host left unfinished.
    pub(crate) async fn close_earlier(&self) {
        let (host, incarnation) = (&self.shared.host, &self.shared.incarnation);
        let is_ours = |record: &OperationRecord| record.host_id == *host && record.incarnation != *incarnation;
        match self.shared.ledger.all().await {
            Ok(records) => {
                let left = records.into_iter().filter(|record| is_ours(record) && !record.phase.is_final());
                // All at once: what ran is started again after it, and one that JetStream is silent about takes seconds.
                futures::future::join_all(left.map(|record| self.shared.ledger.close(lost(record)))).await;
            }
            Err(error) => tracing::warn!(%error, "operations of an earlier start could not be looked for"),
        }
    }
}

/// An unfinished operation of a start that is gone is lost.
pub(super) fn mark_lost(record: &mut OperationRecord, roll: &Roll) {
    if !record.phase.is_final() && !roll.works(&record.host_id, &record.incarnation) {
        lose(record);
    }
}

/// The record as it is to be kept, with the time at which that was found out.
fn lost(mut record: OperationRecord) -> OperationRecord {
    lose(&mut record);
    record.phases.push(reached(OperationPhase::Lost));
    record
}

fn lose(record: &mut OperationRecord) {
    record.phase = OperationPhase::Lost;
    record.causes = vec![format!("host {} went away before the operation had ended", record.host_id)];
}

/// Those that are wanted, newest first: ids are made so that later ones are greater.
fn select(records: Vec<OperationRecord>, query: &OperationsQuery) -> OperationRecords {
    let wanted = |record: &OperationRecord| {
        let of_actor = query.actor_id.as_ref().is_none_or(|actor| record.actor_id.as_ref() == Some(actor));
        let of_host = query.host_id.as_ref().is_none_or(|host| record.host_id == *host);
        of_actor && of_host && !(query.unfinished && record.phase.is_final())
    };
    let mut records: Vec<_> = records.into_iter().filter(wanted).collect();
    let began = |record: &OperationRecord| record.phases.first().map(|reached| reached.at.clone());
    records.sort_by_cached_key(|record| std::cmp::Reverse((began(record), record.operation_id.clone())));
    let limit = match query.limit {
        0 => LISTED_OPERATIONS,
        limit => usize::try_from(limit).unwrap_or(usize::MAX).min(MOST_LISTED_OPERATIONS),
    };
    let more = records.len() > limit;
    records.truncate(limit);
    OperationRecords { more, operations: records.into() }
}
