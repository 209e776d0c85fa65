//! What a ready `up` shows: what runs where, and what to try next.

use std::{env, path::PathBuf};

use futures::future::join_all;
use lattice_client::Client;
use lattice_protocol::{ActorDescription, ActorKey, HostInventory, LinkDefinition, Links};
use serde::Serialize;

use super::{RunningUp, demo, state::UpHost};
use crate::{
    connect::Lattice,
    detail::Detail,
    printer::Show,
    settings::DataDir,
    settle::{actors, instances},
    table::{facts, or_dash, table},
};

/// The program's name where it is on the `PATH`.
const PROGRAM: &str = "lattice";

/// The contract of providers that serve web pages.
const HTTP: &str = "wasmcloud:httpserver";

/// The first thing that `up` prints.
#[derive(Debug, Serialize)]
pub(super) struct Ready {
    ready: Details,
}

#[derive(Debug, Serialize)]
struct Details {
    #[serde(flatten)]
    up: RunningUp,
    /// Whether it ran before and this only shows it.
    attached: bool,
    inventory: HostInventory,
    /// What the others of its hosts run, as far as they tell.
    #[serde(skip)]
    others: Vec<HostInventory>,
    /// Where web pages are served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pages: Vec<Page>,
    /// Commands to try next.
    #[serde(rename = "try")]
    commands: Vec<String>,
}

impl Ready {
    /// What the host of an `up` runs now.
    ///
    /// # Errors
    /// The host does not answer.
    pub(super) async fn ask(
        lattice: &Lattice,
        up: RunningUp,
        data_dir: &DataDir,
        attached: bool,
    ) -> anyhow::Result<Self> {
        let inventory = lattice.client.inventory(&up.host_id).await?;
        let others = others(&lattice.client, &up).await;
        let commands = commands(&program(), data_dir, tries(&up, &inventory));
        let pages = pages(&lattice.client.links().await?, &inventory);
        Ok(Self { ready: Details { up: up.shown(), attached, inventory, others, pages, commands } })
    }

    fn told(&self, detail: Detail) -> String {
        let Details { up, attached, inventory, pages, commands, .. } = &self.ready;
        let title = if *attached { "running already" } else { "ready" };
        let rows = [
            ("lattice", up.lattice.to_string()),
            ("broker", up.broker_text()),
            ("host", detail.named(Some(&up.host_name), up.host_id.as_str())),
        ];
        // With several hosts, each of them is told with its own.
        let is_alone = up.hosts.is_empty();
        let actors = inventory.actors.iter().filter(|_| is_alone).map(|actor| {
            let named = detail.named(actor.name.as_deref(), actor.id.as_str());
            ("actor", format!("{named} x{}", instances(actor)))
        });
        let providers = inventory
            .providers
            .iter()
            .map(|provider| ("provider", detail.named(provider.name.as_deref(), provider.id.as_str())));
        let pages = pages.iter().map(|page| ("page", page.url.clone()));
        let table = facts(rows.into_iter().chain(actors).chain(providers).chain(pages));
        let hosts = self.hosts(detail).map(|hosts| format!("\n\n{hosts}")).unwrap_or_default();
        let commands: String = commands.iter().map(|command| format!("\n  {command}")).collect();
        format!("{title}, open to every program on this machine\n{table}{hosts}\n\ntry next:{commands}\n")
    }

    /// The hosts with their processes and what they run, if there are several.
    fn hosts(&self, detail: Detail) -> Option<String> {
        let Details { up, inventory, others, .. } = &self.ready;
        let row = |host: &UpHost| {
            let known = others.iter().chain([inventory]).find(|known| known.host_id == host.host_id);
            [detail.named(Some(&host.name), host.host_id.as_str()), host.pid.to_string(), or_dash(known.map(actors))]
        };
        (!up.hosts.is_empty()).then(|| table(["host", "process", "actors"], up.hosts.iter().map(row)))
    }
}

/// What the others of its hosts run: one that has just ended tells nothing.
async fn others(client: &Client, up: &RunningUp) -> Vec<HostInventory> {
    let asked = join_all(up.others().map(|host| client.inventory(&host.host_id))).await;
    asked.into_iter().flatten().collect()
}

/// A web page.
#[derive(Debug, Serialize)]
struct Page {
    url: String,
    /// The actor that makes it.
    actor_id: ActorKey,
}

/// The pages that the host serves, as far as links say where.
fn pages(links: &Links, inventory: &HostInventory) -> Vec<Page> {
    let serves = |link: &LinkDefinition| {
        link.contract_id.as_str() == HTTP && inventory.providers.iter().any(|provider| provider.id == link.provider_id)
    };
    let page = |link: &LinkDefinition| {
        let (address, path) = (link.values.get("address")?, link.values.get("path").unwrap_or("/"));
        Some(Page { url: format!("http://{address}{path}"), actor_id: link.actor_id.clone() })
    };
    links.links.iter().filter(|link| serves(link)).filter_map(page).collect()
}

impl Show for Ready {
    fn text(&self) -> String {
        self.told(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.told(Detail::Whole)
    }
}

impl RunningUp {
    /// The broker for people.
    pub(crate) fn broker_text(&self) -> String {
        let store = match &self.store {
            Some(store) => format!("store {}", store.display()),
            None => "not started by `up`".to_owned(),
        };
        format!("{} (nats-server {}, {store})", self.broker().shown_url(), self.nats_version)
    }
}

/// A command of this program for this data directory, ready to be copied.
pub(super) fn command(data_dir: &DataDir, command: &str) -> String {
    format!("{}{} {command}", program(), place(data_dir))
}

fn place(data_dir: &DataDir) -> String {
    match data_dir.is_default() {
        true => String::new(),
        false => format!(" --data-dir {}", quoted(&data_dir.path().display().to_string())),
    }
}

/// Something to try.
#[derive(Clone, Copy)]
enum Try {
    /// A command of this program.
    Own(&'static str),
    /// The end of a process.
    Kill(u32),
}

/// What is worth trying where this runs.
fn tries(up: &RunningUp, inventory: &HostInventory) -> Vec<Try> {
    let demo = inventory.actors.iter().find(|actor| actor.name.as_deref() == Some(demo::NAME));
    // Those with annotations are another's to scale.
    let is_own = |actor: &ActorDescription| actor.instances.iter().any(|instance| instance.annotations.is_empty());
    match (up.others().next(), demo) {
        (Some(host), _) => vec![
            Try::Own("get inventory"),
            Try::Kill(host.pid),
            Try::Own("get inventory --watch"),
            Try::Own("get operations --actor hello"),
        ],
        (None, Some(demo)) => {
            let next = if is_own(demo) { "scale actor hello --count 5" } else { "get inventory" };
            ["get hosts", r#"call hello Greeter.Greet '{"name":"Ada"}'"#, next].map(Try::Own).into()
        }
        (None, None) => ["get hosts", "start actor ./your-actor.wasm", "get inventory"].map(Try::Own).into(),
    }
}

fn commands(program: &str, data_dir: &DataDir, tries: Vec<Try>) -> Vec<String> {
    let place = place(data_dir);
    let command = |one| match one {
        Try::Own(command) => format!("{program}{place} {command}"),
        Try::Kill(pid) => format!("kill -9 {pid}"),
    };
    tries.into_iter().map(command).collect()
}

/// How this program is started from the directory it was started in.
fn program() -> String {
    let typed = env::args_os().next().map(PathBuf::from).unwrap_or_else(|| PROGRAM.into());
    if is_on_path() || typed.components().count() < 2 {
        return PROGRAM.to_owned();
    }
    quoted(&typed.display().to_string())
}

/// Whether the shell finds this very program.
fn is_on_path() -> bool {
    let Ok(own) = env::current_exe().and_then(|path| path.canonicalize()) else { return false };
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(PROGRAM)).find(|path| path.is_file());
    found.and_then(|path| path.canonicalize().ok()).is_some_and(|found| found == own)
}

/// A word for the shell.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::environment::Environment;

    fn data_dir(flag: Option<&str>) -> DataDir {
        let environment: Environment = [("HOME", "/home/ada")].into_iter().collect();
        DataDir::find(flag.map(Path::new), &environment).expect("there is a home")
    }

    #[test]
    fn commands_name_the_data_directory_unless_it_is_the_usual_one() {
        let tries = vec![Try::Own("get hosts"), Try::Kill(7)];
        assert_eq!(commands("lattice", &data_dir(None), tries.clone()), ["lattice get hosts", "kill -9 7"]);
        assert_eq!(
            commands("./target/release/lattice", &data_dir(Some("/tmp/my data")), tries),
            ["./target/release/lattice --data-dir '/tmp/my data' get hosts", "kill -9 7"]
        );
    }

    #[test]
    fn words_are_safe_in_a_shell() {
        assert_eq!(quoted("a'b"), r"'a'\''b'");
        assert_eq!(quoted("$(x)"), "'$(x)'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("/tmp/x-1.2"), "/tmp/x-1.2");
    }
}
