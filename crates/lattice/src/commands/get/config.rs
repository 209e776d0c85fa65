//! `lattice get config`.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use lattice_client::RequestError;
use lattice_protocol::{ConfigValues, EntityKey};
use serde::Serialize;

use crate::{
    cli::GetConfig,
    connect::Lattice,
    fault::{Code, Fault},
    printer::{Printer, Show},
    table::table,
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
    let GetConfig { entity, key } = flags;
    match key {
        Some(key) => one(lattice, entity, key, printer).await,
        None => all(lattice, entity, printer).await,
    }
}

async fn all(lattice: &Lattice, entity: EntityKey, printer: Printer) -> anyhow::Result<()> {
    let ConfigValues(values) = lattice.client.config(&entity).await.map_err(|error| asked(lattice, error))?;
    let sizes = values.iter().map(|(key, value)| (key.clone(), value.len())).collect();
    let values = values.into_iter().map(|(key, value)| (key, Value::of(value))).collect();
    Ok(printer.show(&Values { entity_id: entity, values, sizes })?)
}

async fn one(lattice: &Lattice, entity: EntityKey, key: String, printer: Printer) -> anyhow::Result<()> {
    let value = lattice.client.config_value(&entity, &key).await.map_err(|error| asked(lattice, error))?;
    let Some(value) = value else {
        return Err(Fault::new(Code::NotFound, format!("nothing is kept for {entity} under `{key}`"))
            .hint(format!("`lattice get config {entity}` shows the keys"))
            .into());
    };
    if !printer.is_json() {
        return Ok(printer.raw(&value)?);
    }
    let sizes = BTreeMap::from([(key.clone(), value.len())]);
    Ok(printer.show(&Values { entity_id: entity, values: BTreeMap::from([(key, Value::of(value))]), sizes })?)
}

fn asked(lattice: &Lattice, error: RequestError) -> anyhow::Error {
    match error {
        RequestError::NoResponders { .. } => lattice.nobody().into(),
        error => error.into(),
    }
}

impl Show for Values {
    fn text(&self) -> String {
        table(["key", "size"], self.sizes.iter().map(|(key, size)| [key.clone(), format!("{size} bytes")]))
    }
}
