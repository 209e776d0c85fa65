//! Commands about what the lattice knows: links, configuration, credentials of registries, and a host's labels.
//!
//! Hosts have done these when they answer. The [`Operation`] tells so all the same, and who asked for it.

use bytes::Bytes;
use lattice_protocol::{
    Ack, ControlSubject, DeleteLink, EntityKey, HostKey, LabelChange, LabelVerb, LinkDefinition, MERGE_HEADER,
    OPERATION_HEADER, Registries,
};

use super::{forced, new_operation};
use crate::{
    client::Client,
    gather::{Gathered, Question},
    operation::{Expected, Operation},
    request::{Outgoing, RequestError},
};

impl Client {
    /// Links an actor to a provider, or gives the link other values. The same link again has providers that failed to
    /// take it try again, and changes nothing else.
    ///
    /// Where another provider's link stands for the same actor, contract and link name, that one is replaced with `force`
    /// only.
    ///
    /// # Errors
    /// [`RequestError::Refused`] with [`RefusalCode::LinkConflict`](lattice_protocol::RefusalCode::LinkConflict) and the
    /// provider of the link that stands; [`RequestError::NoResponders`] if the lattice has no host. Otherwise as
    /// [`start_actor`](Self::start_actor).
    pub async fn put_link(&self, link: &LinkDefinition, force: bool) -> Result<Operation, RequestError> {
        let request = Outgoing::with_body(self, self.subjects().build(&ControlSubject::PutLink), link);
        self.command(forced(request, force), None, Expected::put_link(link)).await
    }

    /// Removes a link.
    ///
    /// The lattice in the command is filled in.
    ///
    /// # Errors
    /// As [`put_link`](Self::put_link). Hosts of other projects accept it also for a link that there is not.
    pub async fn delete_link(&self, link: DeleteLink) -> Result<Operation, RequestError> {
        let link = DeleteLink { lattice_id: self.lattice_id(), ..link };
        let request = Outgoing::with_body(self, self.subjects().build(&ControlSubject::DeleteLink), &link);
        self.command(request, None, Expected::delete_link(&link)).await
    }

    /// Sets a label of a host.
    ///
    /// # Errors
    /// As [`start_actor`](Self::start_actor). Labels that a host sets itself, which start with `hostcore.`, are refused.
    pub async fn put_label(&self, host: &HostKey, key: &str, value: &str) -> Result<Operation, RequestError> {
        self.change_label(host, LabelVerb::Put, key, value).await
    }

    /// Removes a label of a host.
    ///
    /// # Errors
    /// As [`put_label`](Self::put_label).
    pub async fn delete_label(&self, host: &HostKey, key: &str) -> Result<Operation, RequestError> {
        self.change_label(host, LabelVerb::Delete, key, "").await
    }

    async fn change_label(
        &self,
        host: &HostKey,
        verb: LabelVerb,
        key: &str,
        value: &str,
    ) -> Result<Operation, RequestError> {
        let change = LabelChange { key: key.to_owned(), value: value.to_owned() };
        let subject = self.subjects().build(&ControlSubject::Labels { host: host.clone(), verb });
        self.command(Outgoing::with_body(self, subject, &change), Some(host), Expected::Nothing).await
    }

    /// Sets one value of the configuration of an actor or provider.
    ///
    /// # Errors
    /// [`RequestError::Key`] if the key cannot be part of a subject. Otherwise as [`put_link`](Self::put_link).
    pub async fn put_config(
        &self,
        entity: &EntityKey,
        key: &str,
        value: impl Into<Bytes>,
    ) -> Result<Operation, RequestError> {
        let key = config_key(key)?;
        let subject = self.subjects().build(&ControlSubject::PutConfig { entity: entity.clone(), key });
        self.command(Outgoing::with_bytes(self, subject, value.into()), None, Expected::Nothing).await
    }

    /// Removes one value of the configuration of an actor or provider.
    ///
    /// # Errors
    /// As [`put_config`](Self::put_config).
    pub async fn delete_config(&self, entity: &EntityKey, key: &str) -> Result<Operation, RequestError> {
        let key = config_key(key)?;
        let subject = self.subjects().build(&ControlSubject::DeleteConfig { entity: entity.clone(), key });
        self.command(Outgoing::query(self, subject), None, Expected::Nothing).await
    }

    /// Removes all values of the configuration of an actor or provider.
    ///
    /// # Errors
    /// As [`put_link`](Self::put_link).
    pub async fn clear_config(&self, entity: &EntityKey) -> Result<Operation, RequestError> {
        let subject = self.subjects().build(&ControlSubject::ClearConfig { entity: entity.clone() });
        self.command(Outgoing::query(self, subject), None, Expected::Nothing).await
    }

    /// Gives every host credentials for registries in the place of all that it has, and collects their answers. An empty
    /// map has them forgotten. Hosts of other projects keep those that are not named.
    ///
    /// An answer does not say whose it is: those took the credentials that are not among the missing, unless there are
    /// errors, each of which is a host's refusal. The credentials travel as they are.
    ///
    /// # Errors
    /// As [`hosts`](Self::hosts).
    pub async fn put_registries(&self, registries: &Registries) -> Result<Gathered<Ack>, RequestError> {
        let request = self.registries_request(registries);
        self.gather(Question::new(request, |_| None)).await
    }

    /// Gives every host credentials for these registries, in addition to what it has, and collects their answers. One that is
    /// named without a credential is forgotten; hosts of other projects ask there without one from then on.
    ///
    /// # Errors
    /// As [`put_registries`](Self::put_registries).
    pub async fn merge_registries(&self, registries: &Registries) -> Result<Gathered<Ack>, RequestError> {
        let request = self.registries_request(registries).header(MERGE_HEADER, "true");
        self.gather(Question::new(request, |_| None)).await
    }

    /// As one operation, by which hosts know that the same was said to all of them.
    fn registries_request(&self, registries: &Registries) -> Outgoing {
        let subject = self.subjects().build(&ControlSubject::PutRegistries);
        let request = self.signed(Outgoing::with_body(self, subject, registries));
        request.header(OPERATION_HEADER, new_operation().as_str())
    }
}

/// The key, if a subject can end with it: one or more tokens, as in a subject.
pub(crate) fn config_key(key: &str) -> Result<String, RequestError> {
    let is_token = |token: &str| {
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>');
        !token.is_empty() && !token.contains(is_odd)
    };
    match key.split('.').all(is_token) {
        true => Ok(key.to_owned()),
        false => Err(RequestError::Key { key: key.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_configuration_are_parts_of_subjects() {
        for key in ["a", "a.b", "url-1_é"] {
            assert_eq!(config_key(key).expect("a key"), key);
        }
        for key in ["", ".", "a.", "a b", "*", "a.>", "a\n"] {
            assert!(matches!(config_key(key), Err(RequestError::Key { .. })), "{key:?}");
        }
    }
}
