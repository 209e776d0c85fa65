//! Credentials for registries, which every host takes.

use lattice_protocol::{Ack, RefusalCode, Registries, error_chain};

use super::{Answer, Desk, refused};
use crate::{
    control::request::Request,
    operations::Begun,
    registries::{CheckedRegistries, TooManyRegistries},
};

/// What published hosts call it when it cannot be read.
const NAME: &str = "registries put command";

impl Desk {
    pub(super) fn put_registries(&self, request: &Request) -> Answer {
        self.take_registries(request).unwrap_or_else(Answer::from)
    }

    fn take_registries(&self, request: &Request) -> Result<Answer, Ack> {
        let registries: Registries = self.read_named(NAME, request)?;
        let invalid =
            |error| refused(RefusalCode::Invalid, format!("failed to deserialize {NAME}: {}", error_chain(&error)));
        let registries: CheckedRegistries = registries.try_into().map_err(invalid)?;
        let begun = self.begin("registries.put", None, request)?;
        let (credentials, operations) = (self.parts.shared.registries.clone(), self.parts.operations.clone());
        let turn = credentials.line_up();
        Ok(Answer::Later(Box::pin(async move {
            let _turn = turn.await;
            Some(match begun.await {
                Begun::New(operation) => operation.answered(credentials.merge(registries).map_err(full)).into(),
                // The command goes to every host, and one of them was faster to record it; a repetition does no harm.
                Begun::Answered(answer) => match operations.outcome(answer).await {
                    ack if ack.accepted => credentials.merge(registries).map_or_else(full, |()| ack).into(),
                    ack => ack.into(),
                },
            })
        })))
    }
}

fn full(error: TooManyRegistries) -> Ack {
    refused(RefusalCode::Full, error.to_string())
}
