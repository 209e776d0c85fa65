//! `lattice keys list`.

use std::path::PathBuf;

use serde::Serialize;

use crate::{
    cli::Kind,
    detail::Detail,
    keys::{KeptKey, kept},
    printer::Show,
    settings::Settings,
    table::{or_dash, table},
};

/// The keys of the data directory.
#[derive(Serialize)]
struct Kept {
    keys: Vec<Key>,
}

/// One of them, without its seed.
#[derive(Serialize)]
struct Key {
    kind: Option<&'static str>,
    public_key: Option<String>,
    name: String,
    file: PathBuf,
    tight: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Lists the keys.
pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let keys = kept(&settings.data_dir()?.keys())?;
    let listed = Kept { keys: keys.into_iter().map(Key::from).collect() };
    let printer = settings.printer();
    printer.show(&listed)?;
    if !printer.is_json() {
        listed.keys.iter().filter_map(|key| key.problem.as_ref()).for_each(|problem| printer.warn(problem));
    }
    Ok(())
}

impl From<KeptKey> for Key {
    fn from(key: KeptKey) -> Self {
        let KeptKey { file, name, public, tight, problem } = key;
        let (kind, public_key) = public.map(|(kind, key)| (kind_text(kind), key)).unzip();
        Self { kind, public_key, name, file, tight, problem }
    }
}

/// As `keys gen` calls it.
fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Account => "account",
        Kind::Module => "module",
        Kind::Cluster => "cluster",
        Kind::Host => "host",
        Kind::Provider => "provider",
    }
}

impl Kept {
    fn shown(&self, detail: Detail) -> String {
        let public = detail.keys(self.keys.iter().filter_map(|key| key.public_key.as_deref()));
        let rows = self.keys.iter().map(|key| {
            let public_key = or_dash(key.public_key.as_deref().map(|key| public.of(key)));
            let tight = if key.tight { "yes" } else { "NO" };
            let file = key.file.display().to_string();
            [or_dash(key.kind), key.name.clone(), public_key, tight.to_owned(), file]
        });
        match self.keys.is_empty() {
            true => "no keys: they are made when they are needed first".to_owned(),
            false => table(["kind", "name", "public key", "yours alone", "file"], rows),
        }
    }
}

impl Show for Kept {
    fn text(&self) -> String {
        self.shown(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.shown(Detail::Whole)
    }
}
