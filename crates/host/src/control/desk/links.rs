//! Links: which there are, and changing them.

use lattice_protocol::{Ack, DeleteLink, LatticeQuery, LinkDefinition, Links, MAX_REQUEST, RefusalCode, error_chain};
use serde::de::DeserializeOwned;

use super::{Answer, Desk, refused};
use crate::{
    control::{reply::Reply, request::Request},
    links::Edit,
};

impl Desk {
    pub(super) fn links(&self, request: &Request) -> Answer {
        let links = || self.parts.shared.links.all().iter().map(|link| link.as_ref().clone()).collect();
        self.query(request, || Reply::of(Links { links: links() }))
    }

    pub(super) fn put_link(&self, request: &Request) -> Answer {
        let put = |link: LinkDefinition| Edit::Put { link, force: request.is_forced() };
        let edit = self.read_named("link definition", request).map(put);
        edit.and_then(|edit| self.edit_link("linkdefs.put", edit, request)).unwrap_or_else(Answer::from)
    }

    pub(super) fn delete_link(&self, request: &Request) -> Answer {
        let edit = self.read_named("link definition deletion command", request);
        let edit = edit.map(|link: DeleteLink| Edit::Delete(link));
        edit.and_then(|edit| self.edit_link("linkdefs.del", edit, request)).unwrap_or_else(Answer::from)
    }

    /// Has a change become an operation and carried out, while others are attended to.
    fn edit_link(&self, command: &str, edit: Edit, request: &Request) -> Result<Answer, Ack> {
        let editor = self.parts.shared.link_editor.clone();
        let turn = editor.line_up(&edit);
        let carry_out = async move |turn, operation| editor.carry_out(&edit, turn, operation).await;
        self.begin_and_end(command, request, turn, carry_out)
    }

    /// Reads what published hosts call by this name, unless its body names another lattice.
    pub(super) fn read_named<T: DeserializeOwned>(&self, name: &str, request: &Request) -> Result<T, Ack> {
        let invalid =
            |error| refused(RefusalCode::Invalid, format!("failed to deserialize {name}: {}", error_chain(&error)));
        let content = request.command(MAX_REQUEST).map_err(invalid)?;
        let named = LatticeQuery::read(request.body()).map_err(invalid)?;
        self.check_lattice(named.lattice_id.as_ref())?;
        Ok(content)
    }
}
