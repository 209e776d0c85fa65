//! Configuration values of actors and providers.
//!
//! Everything behind the entity is the key, with its dots. Hosts of wasmCloud 0.82 keep the first part of it and forget the
//! rest, so that two values would end up under one key.

use lattice_protocol::{Ack, EntityKey, RefusalCode, SubjectError, error_chain};

use super::{Answer, Desk, refused};
use crate::{
    control::{reply::Reply, request::Request},
    entity_config::{BadKey, ConfigEdit},
};

impl Desk {
    /// One value of an entity, or all.
    pub(super) fn config(&self, entity: EntityKey, key: Option<String>) -> Answer {
        let config = self.parts.shared.config.clone();
        Answer::Later(Box::pin(async move {
            let read = match key {
                Some(key) => config.value(&entity, &key).await.map(Reply::of),
                None => config.values(&entity).await.map(Reply::of),
            };
            Some(read.unwrap_or_else(|error| refused(RefusalCode::Unavailable, error_chain(&error)).into()))
        }))
    }

    pub(super) fn put_config(&self, entity: EntityKey, key: String, request: &Request) -> Answer {
        self.edit_config("config.put", ConfigEdit::put(entity, key, request.body().clone()), request)
    }

    pub(super) fn delete_config(&self, entity: EntityKey, key: String, request: &Request) -> Answer {
        self.edit_config("config.del", ConfigEdit::delete(entity, key), request)
    }

    pub(super) fn clear_config(&self, entity: EntityKey, request: &Request) -> Answer {
        self.edit_config("config.clear", Ok(ConfigEdit::clear(entity)), request)
    }

    fn edit_config(&self, command: &str, edit: Result<ConfigEdit, BadKey>, request: &Request) -> Answer {
        let edit = edit.map_err(|error| refused(RefusalCode::Invalid, error_chain(&error)));
        edit.and_then(|edit| self.begin_config(command, edit, request)).unwrap_or_else(Answer::from)
    }

    /// Has a change become an operation and carried out, while others are attended to.
    fn begin_config(&self, command: &str, edit: ConfigEdit, request: &Request) -> Result<Answer, Ack> {
        let editor = self.parts.shared.config_editor.clone();
        let turn = editor.line_up(&edit);
        let carry_out = async move |turn, operation| editor.carry_out(edit, turn, operation).await;
        self.begin_and_end(command, request, turn, carry_out)
    }
}

/// The refusal of a subject that holds a malformed identifier, in the words of wasmCloud 0.82 where it has some.
pub(super) fn malformed(subject: &str, error: &SubjectError) -> Ack {
    const ENTITY: &str = "Invalid entity ID. The entity ID must be a valid public nkey for an actor or provider";
    let tokens: Vec<_> = subject.split('.').collect();
    let is_config = |pair: &[&str]| matches!(pair, ["config", "put" | "del" | "clear"] | ["get", "config"]);
    match tokens.windows(2).any(is_config) {
        true => refused(RefusalCode::Invalid, format!("{ENTITY}: {}", error_chain(error))),
        false => refused(RefusalCode::Invalid, error_chain(error)),
    }
}
