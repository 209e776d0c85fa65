//! `lattice par inspect`.

use std::time::SystemTime;

use lattice_artifact::archive::{self, Inspected, Listed};
use serde::Serialize;
use serde_json::Value;

use super::{read_archive, refused};
use crate::{
    cli::InspectArchive,
    commands::signed::{date, expires, in_order, problem, valid_from, yes_or_no},
    fault::{Code, Told},
    printer::Show,
    settings::Settings,
    table::{facts, or_dash, table},
};

/// What an archive claims and holds, and whether that is in order.
#[derive(Serialize)]
struct Document {
    public_key: String,
    issuer: String,
    name: Option<String>,
    contract: String,
    vendor: String,
    revision: Option<i32>,
    version: Option<String>,
    config_schema: Option<Value>,
    token_id: String,
    layout: Option<i32>,
    issued_at: String,
    not_before: Option<String>,
    expires: String,
    expires_at: Option<String>,
    executables: Vec<Executable>,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct Executable {
    target: String,
    size: usize,
    hash: String,
    as_claimed: bool,
}

/// Shows an archive.
pub(super) fn run(inspect: &InspectArchive, settings: &Settings) -> anyhow::Result<()> {
    let archive = read_archive(&inspect.file)?;
    let now = SystemTime::now();
    let inspected = archive::inspect(&archive).map_err(|error| refused(&inspect.file, error))?;
    let document = Document::new(inspected, problem(archive::verify(&archive, now)), now);
    settings.printer().show(&document)?;
    if document.valid { Ok(()) } else { Err(Told(Code::InvalidArchive).into()) }
}

impl Document {
    fn new(inspected: Inspected, problem: Option<String>, now: SystemTime) -> Self {
        let Inspected { claims, executables, .. } = inspected;
        Self {
            public_key: claims.subject.to_string(),
            issuer: claims.issuer.to_string(),
            expires: claims.expires_human(now),
            expires_at: claims.expires.map(date),
            not_before: claims.not_before.map(date),
            issued_at: date(claims.issued_at),
            name: claims.name,
            contract: claims.contract.to_string(),
            vendor: claims.vendor,
            revision: claims.revision,
            version: claims.version,
            config_schema: claims.config_schema,
            token_id: claims.id,
            layout: claims.layout,
            executables: executables.into_iter().map(Executable::from).collect(),
            valid: problem.is_none(),
            problem,
        }
    }
}

impl From<Listed> for Executable {
    fn from(listed: Listed) -> Self {
        let Listed { target, size, hash, is_as_claimed, .. } = listed;
        Self { target, size, hash, as_claimed: is_as_claimed }
    }
}

impl Show for Document {
    fn text(&self) -> String {
        let claims = facts([
            ("provider", self.public_key.clone()),
            ("issuer", self.issuer.clone()),
            ("name", or_dash(self.name.as_ref())),
            ("contract", self.contract.clone()),
            ("vendor", or_dash(Some(&self.vendor).filter(|vendor| !vendor.is_empty()))),
            ("revision", or_dash(self.revision)),
            ("version", or_dash(self.version.as_ref())),
            ("schema", or_dash(self.config_schema.as_ref())),
            ("token", self.token_id.clone()),
            ("signed", self.issued_at.clone()),
            ("valid from", valid_from(self.not_before.as_ref())),
            ("expires", expires(&self.expires, self.expires_at.as_ref())),
            ("in order", in_order(self.problem.as_ref())),
        ]);
        let rows = self.executables.iter().map(|executable| {
            let Executable { target, size, hash, as_claimed } = executable;
            [target.clone(), size.to_string(), yes_or_no(*as_claimed).to_owned(), hash.clone()]
        });
        format!("{claims}\n\n{}", table(["target", "bytes", "as signed", "hash"], rows))
    }
}
