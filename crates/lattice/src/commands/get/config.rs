//! `lattice get config`.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use lattice_protocol::{ConfigValues, EntityKey};
use serde::Serialize;

use crate::{
    cli::GetConfig,
    connect::Lattice,
    fault::{Code, Fault},
    placement,
    printer::{Printer, Show},
    table::table,
    unanswered,
};

#[derive(Serialize)]
struct Values {
    entity_id: EntityKey,
    /// Text where a value is text, else base64 in an object.
    values: BTreeMap<String, Value>,
    #[serde(skip)]
    sizes: BTreeMap<String, usize>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Bytes { base64: String },
}

impl Value {
    fn of(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Value::Text(text),
            Err(error) => Value::Bytes { base64: BASE64.encode(error.as_bytes()) },
        }
    }
}

/// Prints what is kept for an actor or provider: the keys, or the one value that is named, as it is.
pub(super) async fn run(lattice: &Lattice, flags: GetConfig, printer: Printer) -> anyhow::Result<()> {
    let entity = placement::entity(lattice, &flags.entity).await?;
    match &flags.key {
        Some(key) => one(lattice, entity, &flags.entity, key, printer).await,
        None => all(lattice, entity, printer).await,
    }
}

async fn all(lattice: &Lattice, entity: EntityKey, printer: Printer) -> anyhow::Result<()> {
    let answer = lattice.client.config(&entity).await;
    let ConfigValues(values) = answer.map_err(|error| unanswered::question(lattice, error))?;
    let sizes = values.iter().map(|(key, value)| (key.clone(), value.len())).collect();
    let values = values.into_iter().map(|(key, value)| (key, Value::of(value))).collect();
    Ok(printer.show(&Values { entity_id: entity, values, sizes })?)
}

/// The entity is named in errors as it was typed.
async fn one(lattice: &Lattice, entity: EntityKey, typed: &str, key: &str, printer: Printer) -> anyhow::Result<()> {
    let answer = lattice.client.config_value(&entity, key).await;
    let Some(value) = answer.map_err(|error| unanswered::question(lattice, error))? else {
        return Err(Fault::new(Code::NotFound, format!("nothing is kept for {typed} under `{key}`"))
            .hint(format!("`lattice get config {typed}` shows the keys"))
            .into());
    };
    if !printer.is_json() {
        return Ok(printer.raw(&value)?);
    }
    let sizes = BTreeMap::from([(key.to_owned(), value.len())]);
    let values = BTreeMap::from([(key.to_owned(), Value::of(value))]);
    Ok(printer.show(&Values { entity_id: entity, values, sizes })?)
}

impl Show for Values {
    fn text(&self) -> String {
        table(["key", "bytes"], self.sizes.iter().map(|(key, size)| [key.clone(), size.to_string()]))
    }
}
