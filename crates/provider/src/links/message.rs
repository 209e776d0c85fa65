//! A change of a link as it comes: from the host's data, or on the bus.

use std::sync::Arc;

use async_nats::{Message, Subject};
use lattice_protocol::{
    ActorKey, DeletedLink, HostData, INSTANCE_HEADER, LinkDefinition, decode, error_chain, is_reply_subject,
};

use crate::{defaults::INBOX_PREFIX, provider::Link};

/// A change of the link of one actor.
#[derive(Debug)]
pub(crate) struct Change {
    pub(super) actor: ActorKey,
    /// The link from now on; none if it is deleted.
    pub(super) link: Option<Arc<Link>>,
    /// Where the answer goes; published hosts want none.
    pub(super) reply: Option<Subject>,
}

/// A message on the bus that is no change, and what its sender is told.
#[derive(Debug)]
pub(crate) struct NoChange {
    pub(super) reply: Option<Subject>,
    pub(super) error: String,
}

impl Change {
    /// The link is put, and nobody waits for an answer.
    pub(crate) fn put(link: LinkDefinition) -> Self {
        Self { actor: link.actor_id.clone(), link: Some(Arc::new(link)), reply: None }
    }

    /// Reads a message on the subject of links; `None` if it is about something else. Of a deletion the actor counts, as
    /// published SDKs have it.
    pub(crate) fn read(message: &Message, data: &HostData) -> Option<Result<Self, NoChange>> {
        let reply = reply(message).filter(|_| is_meant(message, &data.instance_id));
        let read = match message.subject.rsplit_once('.')?.1 {
            "put" => read_put(&message.payload, data),
            "del" => read_delete(&message.payload),
            _ => return None,
        };
        Some(match read {
            Ok(change) => Ok(Self { reply, ..change }),
            Err(error) => Err(NoChange { reply, error }),
        })
    }
}

fn read_put(body: &[u8], data: &HostData) -> Result<Change, String> {
    let link: LinkDefinition = decode(body).map_err(|error| format!("no link: {}", error_chain(&error)))?;
    if link.provider_id != data.provider_key || link.link_name != data.link_name {
        let (provider, name) = (&data.provider_key, &data.link_name);
        return Err(format!("the link is to another provider; this one is `{provider}` under the name `{name}`"));
    }
    Ok(Change::put(link))
}

fn read_delete(body: &[u8]) -> Result<Change, String> {
    let deleted: DeletedLink = decode(body).map_err(|error| format!("no link: {}", error_chain(&error)))?;
    Ok(Change { actor: deleted.actor_id, link: None, reply: None })
}

/// Whether this process is to answer: every process of the provider hears the message, on whatever host.
pub(crate) fn is_meant(message: &Message, instance_id: &str) -> bool {
    let header = message.headers.as_ref().and_then(|headers| headers.get(INSTANCE_HEADER));
    header.is_none_or(|meant| meant.as_str() == instance_id)
}

/// Where a message may be answered.
pub(crate) fn reply(message: &Message) -> Option<Subject> {
    let inboxes = [INBOX_PREFIX.to_owned()];
    message.reply.clone().filter(|reply| is_reply_subject(reply, &inboxes))
}
