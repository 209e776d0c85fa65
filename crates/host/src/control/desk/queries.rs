//! Queries of what the host knows.

use lattice_protocol::{Ack, Claims, LatticeQuery, RefusalCode, error_chain};

use super::{Answer, Desk, refused};
use crate::control::{reply::Reply, request::Request};

impl Desk {
    pub(super) fn inventory(&self) -> Answer {
        Answer::Now(Reply::of(self.parts.about.inventory()))
    }

    pub(super) fn ping(&self, request: &Request) -> Answer {
        self.query(request, || Reply::of(self.parts.about.host()))
    }

    pub(super) fn claims(&self, request: &Request) -> Answer {
        self.query(request, || Reply::of(Claims { claims: self.parts.shared.claims.for_query().into() }))
    }

    /// Who belongs to the lattice, which the bucket of the members tells.
    pub(super) fn members(&self, request: &Request) -> Answer {
        if let Err(refusal) = self.check_query(request) {
            return refusal.into();
        }
        let members = self.parts.members.clone();
        Answer::Later(Box::pin(async move {
            Some(match members.current().await {
                Ok(roll) => Reply::of(roll.members.clone()),
                Err(error) => refused(RefusalCode::Unavailable, error_chain(error.as_ref())).into(),
            })
        }))
    }

    /// Answers a query of the lattice, unless its body names another one.
    pub(super) fn query(&self, request: &Request, reply: impl FnOnce() -> Reply) -> Answer {
        match self.check_query(request) {
            Ok(()) => Answer::Now(reply()),
            Err(refusal) => refusal.into(),
        }
    }

    pub(super) fn check_query(&self, request: &Request) -> Result<(), Ack> {
        let query =
            LatticeQuery::read(request.body()).map_err(|error| refused(RefusalCode::Invalid, error_chain(&error)))?;
        self.check_lattice(query.lattice_id.as_ref())
    }
}
