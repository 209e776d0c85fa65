//! `lattice link`.

use anyhow::Context;
use lattice_client::RequestError;
use lattice_protocol::{DeleteLink as Command, LinkDefinition, LinkValues};

use crate::{
    cli::{DeleteLink, Link, PutLink},
    connect::Lattice,
    fault::{Code, Fault},
    input, placement,
    settings::Settings,
    settle::{Deed, Sent, settle},
};

/// Sets or removes a link.
pub(crate) async fn run(link: Link, settings: &Settings) -> anyhow::Result<()> {
    match link {
        Link::Put(put) => self::put(put, settings).await,
        Link::Del(delete) => self::delete(delete, settings).await,
    }
}

async fn put(put: PutLink, settings: &Settings) -> anyhow::Result<()> {
    let values = values(&put.values)?;
    let lattice = Lattice::reach(settings.target()?).await?;
    let actor = placement::actor(&lattice, &put.actor).await?;
    let link = LinkDefinition {
        actor_id: actor.clone(),
        provider_id: put.provider,
        link_name: put.name,
        contract_id: put.contract,
        values,
    };
    let not_put = || format!("the link of `{}` for {} was not set", put.actor, link.contract_id);
    let accepted = lattice.client.put_link(&link, put.force).await;
    let operation = accepted.map_err(|error| refused(&lattice, error)).with_context(not_put)?;
    let deed = Deed::Changed(format!("linked to provider {} for {}", link.provider_id, link.contract_id));
    settle(&lattice, Sent { operation, deed, actor: Some(actor), no_wait: false }, settings.printer()).await
}

async fn delete(delete: DeleteLink, settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    let actor = placement::actor(&lattice, &delete.actor).await?;
    let deed = Deed::Changed(format!("not linked for {} under `{}` any more", delete.contract, delete.name));
    let command =
        Command { actor_id: actor.clone(), contract_id: delete.contract, lattice_id: None, link_name: delete.name };
    let accepted = lattice.client.delete_link(command).await;
    let operation = accepted
        .map_err(|error| refused(&lattice, error))
        .with_context(|| format!("the link of `{}` was not removed", delete.actor))?;
    settle(&lattice, Sent { operation, deed, actor: Some(actor), no_wait: false }, settings.printer()).await
}

/// The values for the provider, read from files where they name one.
fn values(pairs: &[(String, String)]) -> Result<LinkValues, Fault> {
    let read = |(key, value): &(String, String)| match value.strip_prefix('@') {
        Some(file) => Ok((key.clone(), input::secret(file)?)),
        None => Ok((key.clone(), value.clone())),
    };
    pairs.iter().map(read).collect()
}

fn refused(lattice: &Lattice, error: RequestError) -> anyhow::Error {
    let is_conflict = error.refusal_code() == Some(lattice_protocol::RefusalCode::LinkConflict);
    let error = placement::lattice_error(lattice, error);
    match is_conflict {
        true => Fault::new(Code::Refused, "another provider's link stands there")
            .hint("`lattice get links` shows it; --force replaces it")
            .caused_by(error)
            .into(),
        false => error,
    }
}
