//! An actor that keeps another one running: whatever hosts come and go, as many instances as its link says are spread over
//! those that are there.

use std::{path::Path, time::Duration};

use anyhow::Context;
use lattice_artifact::Reference;
use lattice_client::{Client, RequestError};
use lattice_protocol::{ActorKey, HostInventory, LatticeName, LinkDefinition, LinkValues};
use tokio::time::{Instant, sleep};

use super::{DemoActor, HELLO, Stage, link, provider};

/// The hosts that run beside the own one, by their names for people.
pub(super) const HOSTS: [&str; 2] = ["keeper-2", "keeper-3"];

const KEEPER: DemoActor = DemoActor {
    name: "keeper",
    module: include_bytes!("../../../../../guests/built/keeper.wasm"),
    contracts: &["wasmcloud:latticecontrol", "wasmcloud:messaging", "wasmcloud:builtin:logging"],
};
const CONTROLLER: &str = "lattice-controller";
const MESSAGING: &str = "messaging";
/// How often the keeper looks: soon enough for people who have just killed a host.
const EVERY: &str = "2s";
/// How many instances it keeps.
const INSTANCES: u32 = 6;
/// The link value that says what it keeps, and the key there that says how many.
const TASK: &str = "every_body";
const COUNT: &str = "instances";
/// The annotation of what it keeps.
const ANNOTATION: &str = "lattice.keeper";
/// How long it may take until all are there: a few of its looks, and three hosts that compile on a busy machine.
const KEEP_LIMIT: Duration = Duration::from_secs(30);
/// The pause between two looks whether they are.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// Makes sure that the keeper runs, and waits until all that it keeps does.
pub(super) async fn ensure(stage: &Stage<'_>) -> anyhow::Result<()> {
    let client = stage.client();
    let (kept, path) = HELLO.sign(stage.data_dir)?;
    let image = image(&path)?;
    let (keeper, _) = KEEPER.sign(stage.data_dir)?;
    let controller = provider::ensure(stage, CONTROLLER).await?;
    link::ensure(client, link::link(&keeper, &controller, rights(&image))).await?;
    KEEPER.ensure(stage).await?;
    let messaging = provider::ensure(stage, MESSAGING).await?;
    let task = task(&kept, &image, client.lattice());
    let link = link::ensure(client, link::link(&keeper, &messaging, timer(&task))).await?;
    wait_for(stage, &kept, &link).await
}

/// The reference of a module, as link values can hold it: no link grants the start of what is named by a way through another
/// directory, and in lists a comma or semicolon ends an entry.
fn image(path: &Path) -> anyhow::Result<String> {
    let path = path.canonicalize().with_context(|| format!("{} cannot be found", path.display()))?;
    Ok(Reference::from_path(&path)?.as_str().replace(',', "%2C").replace(';', "%3B"))
}

/// The keeper may start and stop this one image, and nothing else.
fn rights(image: &str) -> LinkValues {
    [("operations", "read,schedule"), ("images", image)].into_iter().collect()
}

fn timer(task: &str) -> LinkValues {
    [("every", EVERY), (TASK, task)].into_iter().collect()
}

/// What the keeper is told again and again.
fn task(actor: &ActorKey, image: &str, lattice: &LatticeName) -> String {
    let name = KEEPER.name;
    format!("actor={actor}\nimage={image}\n{COUNT}={INSTANCES}\nlattice={lattice}\nname={name}")
}

/// Waits until as many run as the link says, which may be the user's.
async fn wait_for(stage: &Stage<'_>, actor: &ActorKey, link: &LinkDefinition) -> anyhow::Result<()> {
    let Some(wanted) = link.values.get(TASK).and_then(count) else { return Ok(()) };
    let deadline = Instant::now() + KEEP_LIMIT;
    loop {
        let running = running(stage.client(), actor).await?;
        if running >= wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            stage.printer.warn(&format!("the keeper has {running} of {wanted} instances running so far"));
            return Ok(());
        }
        sleep(LOOK_PAUSE).await;
    }
}

fn count(task: &str) -> Option<u32> {
    let mut entries = task.split(['\n', ';']).filter_map(|entry| entry.split_once('='));
    let (_, count) = entries.find(|(key, _)| key.trim() == COUNT)?;
    count.trim().parse().ok()
}

/// How many instances of the actor the keeper keeps, on all hosts.
async fn running(client: &Client, actor: &ActorKey) -> Result<u32, RequestError> {
    let inventories = client.inventories().await?;
    Ok(inventories.items.iter().map(|host| kept(host, actor)).sum())
}

fn kept(host: &HostInventory, actor: &ActorKey) -> u32 {
    let actors = host.actors.iter().filter(|running| running.id == *actor);
    let instances = actors.flat_map(|actor| actor.instances.iter());
    let is_kept = |annotations: &lattice_protocol::Annotations| annotations.get(ANNOTATION) == Some(KEEPER.name);
    instances.filter(|one| is_kept(&one.annotations)).map(|one| u32::from(one.max_instances)).sum()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_image_is_one_entry_of_a_list() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let odd = directory.path().join("a,b;c");
        fs::create_dir(&odd).and_then(|()| fs::write(odd.join("x.wasm"), "")).expect("it can be written");
        let image = image(&odd.join("../a,b;c/x.wasm")).expect("it is there");
        assert!(image.ends_with("/a%2Cb%3Bc/x.wasm") && !image.contains(".."), "{image}");
        assert!(image.parse::<Reference>().is_ok(), "{image}");
    }

    #[test]
    fn the_count_is_found_however_the_task_is_written() {
        let check = |task: &str, expect: Option<u32>| assert_eq!(count(task), expect, "{task}");
        check("actor=M\ninstances=6\nname=keeper", Some(6));
        check("actor=M; instances = 12", Some(12));
        check("actor=M", None);
        check("instances=many", None);
    }
}
