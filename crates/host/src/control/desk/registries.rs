//! Credentials for registries, which every host takes.

use lattice_protocol::{Ack, RefusalCode, Registries, error_chain};

use super::{Answer, Desk, refused};
use crate::{
    control::{reply::Reply, request::Request},
    operations::{Begun, Fingerprint, NewOperation, PUT_REGISTRIES},
    registries::{Change, ChangeId, Told, TooManyRegistries},
};

/// What published hosts call it when it cannot be read.
const NAME: &str = "registries put command";

impl Desk {
    /// For which registries there are credentials.
    pub(super) fn registries(&self, request: &Request) -> Answer {
        self.query(request, || Reply::of(self.parts.shared.registries.known()))
    }

    pub(super) fn put_registries(&self, request: &Request) -> Answer {
        self.take_registries(request).unwrap_or_else(Answer::from)
    }

    fn take_registries(&self, request: &Request) -> Result<Answer, Ack> {
        let registries: Registries = self.read_named(NAME, request)?;
        let invalid =
            |error| refused(RefusalCode::Invalid, format!("failed to deserialize {NAME}: {}", error_chain(&error)));
        let change = Change::check(registries, request.is_merge()).map_err(invalid)?;
        let credentials = self.parts.shared.registries.clone();
        let fingerprint = credentials.fingerprint(request.subject(), request.body());
        let unnamed = ChangeId::of_content(&fingerprint, request.is_merge());
        let new = new_operation(request, fingerprint)?;
        let is_named = new.id.is_some();
        let operations = self.parts.operations.clone();
        let (turn, arrived_at) = credentials.line_up();
        Ok(Answer::Later(Box::pin(async move {
            let _turn = turn.await;
            Some(match operations.begin(new).await {
                Begun::New(operation) => {
                    let own = operation.id();
                    let id = if is_named { ChangeId::named(&own) } else { unnamed };
                    let put = credentials.put(Told { change, id, operation: own, arrived_at }).await;
                    let is_kept = *put.as_ref().unwrap_or(&true);
                    kept(operation.answered(put.map(drop).map_err(full)), is_kept).into()
                }
                // The command goes to every host, and one of them was faster to record it; or it came before, which the
                // credentials know.
                Begun::Answered(Ack { accepted: true, operation_id: Some(id), .. }) => {
                    let told = Told { change, id: ChangeId::named(&id), operation: id.clone(), arrived_at };
                    let put = credentials.put(told).await;
                    put.map_or_else(full, |is_kept| kept(Ack::operation(id), is_kept)).into()
                }
                Begun::Answered(refusal) => refusal.into(),
            })
        })))
    }
}

fn new_operation(request: &Request, fingerprint: Fingerprint) -> Result<NewOperation, Ack> {
    Ok(NewOperation {
        id: request.operation_id().map_err(|error| refused(RefusalCode::Invalid, error_chain(&error)))?,
        command: PUT_REGISTRIES.to_owned(),
        fingerprint,
        reference: None,
        requester: request.requester(),
        pull: None,
    })
}

/// The answer to a change that took effect. One that is stored is known by its operation there, whatever the ledger knows; one
/// that is not is gone with the host.
fn kept(ack: Ack, is_kept: bool) -> Ack {
    Ack { unrecorded: ack.accepted && !is_kept, ..ack }
}

fn full(error: TooManyRegistries) -> Ack {
    refused(RefusalCode::Full, error.to_string())
}
