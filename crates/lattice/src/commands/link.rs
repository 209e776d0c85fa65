//! `lattice link`.

use lattice_client::RequestError;
use lattice_protocol::{ContractId, DeleteLink as Command, LinkDefinition, LinkName, LinkValues, RefusalCode};

use crate::{
    cli::{DeleteLink, Link, PutLink},
    connect::Lattice,
    fault::{Code, Fault},
    input, placement,
    settings::Settings,
    settle::{Deed, Intent, settle},
    unanswered::{self, NotDone},
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
    let operation = accepted.map_err(|error| refused(&lattice, error)).not_done(not_put)?;
    let printer = settings.printer();
    let provider = printer.detail().key(link.provider_id.as_str());
    let deed =
        Deed::Changed(format!("linked to provider {provider} for {}", shown(&link.contract_id, &link.link_name)));
    settle(&lattice, operation, Intent { deed, actor: Some(actor), no_wait: false }, printer).await
}

async fn delete(delete: DeleteLink, settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    let actor = placement::actor(&lattice, &delete.actor).await?;
    let deed = Deed::Changed(format!("not linked for {}", shown(&delete.contract, &delete.name)));
    let contract = delete.contract.clone();
    let command =
        Command { actor_id: actor.clone(), contract_id: delete.contract, lattice_id: None, link_name: delete.name };
    let accepted = lattice.client.delete_link(command).await;
    let operation = accepted
        .map_err(|error| refused(&lattice, error))
        .not_done(|| format!("the link of `{}` for {} was not removed", delete.actor, contract))?;
    settle(&lattice, operation, Intent { deed, actor: Some(actor), no_wait: false }, settings.printer()).await
}

/// The values for the provider, read from files where they name one.
fn values(pairs: &[(String, String)]) -> Result<LinkValues, Fault> {
    let read = |(key, value): &(String, String)| match value.strip_prefix('@') {
        Some(file) => Ok((key.clone(), input::secret(file)?)),
        None => Ok((key.clone(), value.clone())),
    };
    pairs.iter().map(read).collect()
}

/// The name is told where it is not what links are called that have no name.
fn shown(contract: &ContractId, name: &LinkName) -> String {
    match *name == LinkName::default() {
        true => contract.to_string(),
        false => format!("{contract} under the name `{name}`"),
    }
}

fn refused(lattice: &Lattice, error: RequestError) -> anyhow::Error {
    match error {
        RequestError::Refused { error, code: Some(RefusalCode::LinkConflict), .. } => {
            Fault::new(Code::Refused, "the host refused")
                .hint("`lattice get links` shows the link that stands; --force replaces it")
                .caused_by(anyhow::Error::msg(error))
                .into()
        }
        error => unanswered::command(lattice, error),
    }
}
