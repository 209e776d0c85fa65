//! Changing links: by compare-and-set, so that of many who want different providers one wins and the others learn which.

use std::sync::Arc;

use lattice_protocol::{Ack, ActorKey, DeleteLink, LinkDefinition, OperationId, RefusalCode, error_chain};
use tokio::time::{Instant, timeout_at};

use super::{
    Change, Teller,
    shape::{entry_key, from_entry, id_of, to_entry},
};
use crate::{
    bucket::{Bucket, BucketError, Entry, Expected, Written},
    defaults::CHANGE_PATIENCE,
    operations::Operation,
    turns::{Turn, Turns},
};

/// What is to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// There is to be this link.
    Put {
        link: LinkDefinition,
        /// Whether it may take the place of another provider's.
        force: bool,
    },
    /// There is to be no such link.
    Delete(DeleteLink),
}

/// Changes links; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LinkEditor {
    bucket: Bucket,
    teller: Teller,
    turns: Turns,
}

/// Why a link was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkRefusal {
    /// Another provider's link stands in its place.
    #[error(
        "actor {} is linked to provider {} already, for contract `{}` under the name `{}`; delete that link first, or \
         force this one",
        .0.actor_id, .0.provider_id, .0.contract_id, .0.link_name
    )]
    Conflict(Box<LinkDefinition>),
    /// The bucket could not be read or written.
    #[error("failed to {verb} link definition")]
    Unavailable { verb: &'static str, source: BucketError },
    /// It did not get its turn, or others were always faster.
    #[error("failed to {verb} link definition: others were changing it for {CHANGE_PATIENCE:?}")]
    Busy { verb: &'static str },
}

/// What is to be done about what stands.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Store,
    Remove,
    /// It is as it should be.
    Nothing,
}

impl Edit {
    /// The id of the link that it is about.
    fn id(&self) -> String {
        match self {
            Edit::Put { link, .. } => link.id(),
            Edit::Delete(link) => link.id(),
        }
    }

    fn actor(&self) -> &ActorKey {
        match self {
            Edit::Put { link, .. } => &link.actor_id,
            Edit::Delete(link) => &link.actor_id,
        }
    }

    /// What published hosts say that they failed to do.
    fn verb(&self) -> &'static str {
        match self {
            Edit::Put { .. } => "store",
            Edit::Delete(_) => "delete",
        }
    }

    /// Whether a link that was written after this came is the one that was to be put.
    fn is_done(&self, standing: Option<&LinkDefinition>) -> bool {
        matches!(self, Edit::Put { link, .. } if standing == Some(link))
    }

    /// What is to be done where this entry stands, and this link in it. The same link is written again: its later revision
    /// has providers try again that failed to take it, on whatever host.
    fn step(&self, entry: Option<&Entry>, link: Option<&LinkDefinition>) -> Result<Step, LinkRefusal> {
        match (self, link) {
            (Edit::Put { link, force: false }, Some(standing)) if standing.provider_id != link.provider_id => {
                Err(LinkRefusal::Conflict(Box::new(standing.clone())))
            }
            (Edit::Put { .. }, _) => Ok(Step::Store),
            // What is no link goes too, if somebody deletes the link whose place it takes.
            (Edit::Delete(_), _) if entry.is_some_and(|entry| entry.value.is_some()) => Ok(Step::Remove),
            // Published clients take the deletion of what is not there for done.
            (Edit::Delete(_), _) => Ok(Step::Nothing),
        }
    }
}

impl LinkRefusal {
    fn ack(&self) -> Ack {
        let ack = Ack::refused(error_chain(self)).with_code(self.code());
        match self {
            LinkRefusal::Conflict(standing) => Ack { provider_id: Some(standing.provider_id.clone()), ..ack },
            _ => ack,
        }
    }

    fn code(&self) -> RefusalCode {
        match self {
            LinkRefusal::Conflict(_) => RefusalCode::LinkConflict,
            LinkRefusal::Unavailable { .. } | LinkRefusal::Busy { .. } => RefusalCode::Unavailable,
        }
    }
}

impl LinkEditor {
    pub(crate) fn new(bucket: Bucket, teller: Teller) -> Self {
        Self { bucket, teller, turns: Turns::default() }
    }

    /// Lines up for a change: those of the same link take place in the order in which this is called.
    pub(crate) fn line_up(&self, edit: &Edit) -> Turn {
        self.turns.take(&edit.id())
    }

    /// Carries a change out when its turn has come, ends its operation, and returns the answer.
    pub(crate) async fn carry_out(&self, edit: &Edit, turn: Turn, operation: Operation) -> Ack {
        operation.concerns(edit.actor());
        let deadline = Instant::now() + CHANGE_PATIENCE;
        let changed = match timeout_at(deadline, turn).await {
            Ok(_turn) => self.change(edit, &operation.id(), deadline).await,
            Err(_) => Err(LinkRefusal::Busy { verb: edit.verb() }),
        };
        let changed =
            changed.map(|revision| revision.into_iter().for_each(|revision| operation.stands_at(edit.id(), revision)));
        operation.answered(changed.map_err(|refusal| refusal.ack()))
    }

    /// Decides by what stands and writes; and decides again when somebody else wrote in between. Returns the revision at
    /// which there is what was wanted, if anything ever was there.
    async fn change(
        &self,
        edit: &Edit,
        operation: &OperationId,
        deadline: Instant,
    ) -> Result<Option<u64>, LinkRefusal> {
        let key = entry_key(&edit.id());
        let unavailable = |source| LinkRefusal::Unavailable { verb: edit.verb(), source };
        let mut overtaken = false;
        while Instant::now() < deadline {
            let entry = self.bucket.read(&key).await.map_err(unavailable)?;
            let link = entry.as_ref().and_then(link_of);
            if let Some(entry) = entry.as_ref().filter(|_| overtaken && edit.is_done(link.as_ref())) {
                self.bucket.shown(entry.revision).await;
                return Ok(Some(entry.revision));
            }
            let expected = Expected::Revision(entry.as_ref().map_or(0, |entry| entry.revision));
            let written = match (edit.step(entry.as_ref(), link.as_ref())?, edit) {
                (Step::Store, Edit::Put { link, .. }) => {
                    self.bucket.put(&key, to_entry(link), expected, Some(operation)).await
                }
                (Step::Remove, _) => self.bucket.delete(&key, expected, Some(operation)).await,
                _ => return Ok(entry.map(|entry| entry.revision)),
            };
            let written = match written {
                Ok(written) => written,
                Err(error) => self.after_all(&key, operation, error).await.map_err(unavailable)?,
            };
            if let Written::Stored(revision) = written {
                self.tell(edit, link, operation);
                self.bucket.shown(revision).await;
                return Ok(Some(revision));
            }
            overtaken = true;
        }
        Err(LinkRefusal::Busy { verb: edit.verb() })
    }

    /// Looks whether a write took place although it failed, its confirmation having got lost.
    async fn after_all(&self, key: &str, operation: &OperationId, error: BucketError) -> Result<Written, BucketError> {
        match self.bucket.read(key).await {
            Ok(Some(entry)) if entry.operation.as_ref() == Some(operation) => Ok(Written::Stored(entry.revision)),
            _ => Err(error),
        }
    }

    fn tell(&self, edit: &Edit, before: Option<LinkDefinition>, operation: &OperationId) {
        let change = match edit {
            // Put again it is no change, however many had a reason to try it again.
            Edit::Put { link, .. } => (before.as_ref() != Some(link)).then(|| Change::Set(Arc::new(link.clone()))),
            Edit::Delete(_) => before.map(|link| Change::Gone(Arc::new(link))),
        };
        if let Some(change) = change {
            self.teller.tell_own(&change, operation);
        }
    }
}

/// The link in an entry, if it is one.
fn link_of(entry: &Entry) -> Option<LinkDefinition> {
    from_entry(id_of(&entry.key)?, entry.value.as_ref()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{
        super::shape::tests::{ACTOR, link},
        *,
    };

    fn put(name: &str, values: &[(&str, &str)], force: bool) -> Edit {
        Edit::Put { link: link(name, values), force }
    }

    fn delete() -> Edit {
        let link = link("default", &[]);
        Edit::Delete(DeleteLink {
            actor_id: link.actor_id,
            contract_id: link.contract_id,
            lattice_id: None,
            link_name: link.link_name,
        })
    }

    fn entry(value: Option<&str>) -> Entry {
        let value = value.map(|text| text.to_owned().into());
        Entry { key: String::new(), revision: 1, value, writer: None, operation: None }
    }

    /// A link under the same actor, contract and name that goes to another provider.
    fn others() -> LinkDefinition {
        let provider_id = "VADSYULWTPAOKCRPKR4Z5Q7IBUZFO7FBY3VRANK2P6SMT3QTHBOYE776".parse().expect("published");
        LinkDefinition { provider_id, ..link("default", &[]) }
    }

    #[test]
    fn what_is_to_be_done_follows_from_what_stands() {
        let stands = entry(Some("a link"));
        let check = |edit: &Edit, standing: &LinkDefinition, expect: Step| {
            assert_eq!(edit.step(Some(&stands), Some(standing)).expect("no conflict"), expect);
        };
        let same = link("default", &[]);
        check(&put("default", &[], false), &same, Step::Store);
        check(&put("default", &[], true), &same, Step::Store);
        assert!(put("default", &[], false).is_done(Some(&same)));
        assert!(!put("default", &[("a", "b")], false).is_done(Some(&same)) && !delete().is_done(None));
        check(&put("default", &[("a", "b")], false), &same, Step::Store);
        check(&put("default", &[], true), &others(), Step::Store);
        check(&delete(), &same, Step::Remove);
        let conflict = put("default", &[], false).step(Some(&stands), Some(&others())).expect_err("a conflict");
        let ack = conflict.ack();
        assert_eq!((ack.code, ack.provider_id), (Some(RefusalCode::LinkConflict), Some(others().provider_id)));
        assert!(ack.error.contains(others().provider_id.as_str()) && ack.error.contains(ACTOR), "{}", ack.error);
    }

    #[test]
    fn where_no_link_stands_there_is_no_conflict() {
        let check = |edit: &Edit, entry: Option<&Entry>, expect: Step| {
            assert_eq!(edit.step(entry, None).expect("no conflict"), expect);
        };
        let (gone, garbage) = (entry(None), entry(Some("garbage")));
        for entry in [None, Some(&gone), Some(&garbage)] {
            check(&put("default", &[], false), entry, Step::Store);
        }
        check(&delete(), None, Step::Nothing);
        check(&delete(), Some(&gone), Step::Nothing);
        check(&delete(), Some(&garbage), Step::Remove);
    }
}
