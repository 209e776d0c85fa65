//! `lattice link`.

use std::collections::BTreeMap;

use lattice_client::RequestError;
use lattice_protocol::{
    ContractId, DeleteLink as Command, LinkDefinition, LinkName, LinkValues, ProviderKey, RefusalCode,
};

use crate::{
    cli::{DeleteLink, Link, PutLink},
    connect::Lattice,
    deliveries::{self, Waited},
    fault::{Code, Fault},
    input, placement,
    printer::Printer,
    settings::Settings,
    settle::{Deed, Ended, Intent, ended},
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
    let provider = placement::provider(&lattice, &put.provider).await?;
    let link = LinkDefinition {
        actor_id: actor.clone(),
        provider_id: provider,
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
    let ended = ended(&lattice, operation, Intent { deed, actor: Some(actor), no_wait: false }, printer).await?;
    if put.no_wait {
        return Ok(printer.show(&ended)?);
    }
    let waited = deliveries::until_arrived(&lattice, &link, ended.link_revision, printer).await;
    let runs_nowhere = waited.as_ref().is_ok_and(|waited| waited.deliveries.is_empty());
    tell(ended, link.provider_id, waited, "is set", printer)?;
    if runs_nowhere {
        printer.note("no host runs the provider: the link reaches it when it starts");
    }
    Ok(())
}

async fn delete(delete: DeleteLink, settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    let actor = placement::actor(&lattice, &delete.actor).await?;
    let deed = Deed::Changed(format!("not linked for {}", shown(&delete.contract, &delete.name)));
    let contract = delete.contract.clone();
    let command =
        Command { actor_id: actor.clone(), contract_id: delete.contract, lattice_id: None, link_name: delete.name };
    let had_it = match delete.no_wait {
        true => Ok(BTreeMap::new()),
        false => deliveries::which_have_it(&lattice, &command.id()).await,
    };
    let accepted = lattice.client.delete_link(command).await;
    let operation = accepted
        .map_err(|error| refused(&lattice, error))
        .not_done(|| format!("the link of `{}` for {} was not removed", delete.actor, contract))?;
    let printer = settings.printer();
    let ended = ended(&lattice, operation, Intent { deed, actor: Some(actor), no_wait: false }, printer).await?;
    match had_it {
        Ok(had_it) => match had_it.values().next().map(|had| had.provider_id.clone()) {
            None => Ok(printer.show(&ended)?),
            Some(provider) => {
                let waited = deliveries::until_removed(&lattice, &had_it, printer).await;
                tell(ended, provider, waited, "is gone", printer)
            }
        },
        Err(error) => {
            printer.warn(&untold(&error));
            Ok(printer.show(&ended)?)
        }
    }
}

/// Prints how it ended, and fails if a provider did. That the hosts cannot be asked is no failure of the change.
fn tell(
    ended: Ended,
    provider: ProviderKey,
    waited: Result<Waited, RequestError>,
    kept: &str,
    printer: Printer,
) -> anyhow::Result<()> {
    let waited = match waited {
        Ok(waited) => waited,
        Err(error) => {
            printer.warn(&untold(&error));
            return Ok(printer.show(&ended)?);
        }
    };
    printer.show(&ended.with_deliveries(provider, waited.deliveries.clone()))?;
    deliveries::judge(&waited.deliveries, waited.ended, kept, printer)
}

fn untold(error: &RequestError) -> String {
    format!("whether providers have been told is not known: {error}")
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
