//! Live update: the new image is made ready beside the one that runs, and nothing waits for it meanwhile.
//!
//! Another actor's image is never taken: links, claims and the subject of calls belong to the key. What is to run another
//! actor stops the one and starts the other.

use std::time::Instant;

use lattice_protocol::OperationPhase;

use super::{
    announce::Failure,
    command::Update,
    groups::Image,
    job::{Job, JobError, Replacement, Ticket, Work},
    worker::Tools,
};
use crate::operations::Operation;

/// The job of an update whose image is ready. An image that is no good ends the operation, and the running one serves on.
pub(super) async fn ready(tools: Tools, update: Update, ticket: Ticket) -> Option<Job> {
    ticket.operation.concerns(&update.actor);
    match prepare(&tools, &update, &ticket.operation).await {
        Ok(image) => Some(Job { ticket, work: Work::Update(Replacement { update, image }) }),
        Err(error) => {
            fail(&tools, &update, &error, ticket);
            None
        }
    }
}

async fn prepare(tools: &Tools, update: &Update, operation: &Operation) -> Result<Image, JobError> {
    let reference = || update.reference.to_string();
    let artifact = tools.preparer.fetch(&update.reference, None, operation).await;
    let artifact = artifact.map_err(|source| JobError::Fetch { reference: reference(), source })?;
    JobError::require_actor(&artifact, &update.actor)?;
    let image = Image::compiled(&artifact, &tools.preparer, operation).await?;
    operation.reach(OperationPhase::Starting);
    let imports = tools.serving.imports(&update.actor, image.capabilities());
    let actor = image.actor(tools.preparer.runtime(), &tools.settings, imports)?;
    let tried = actor.try_instance(Instant::now() + tools.settings.deadline).await;
    tried.map_err(|source| JobError::Instantiate { reference: reference(), source })?;
    Ok(image)
}

fn fail(tools: &Tools, update: &Update, error: &JobError, ticket: Ticket) {
    let operation = ticket.end();
    let failure = Failure {
        actor: Some(&update.actor),
        reference: Some(&update.reference),
        annotations: &update.annotations,
        error,
        operation: &operation.id(),
    };
    tools.announcer.update_failed(&update.actor, failure);
    operation.failed(error.code(), error);
}
