//! `lattice claims inspect`.

use std::{path::Path, time::SystemTime};

use lattice_claims::{ModuleClaims, ModuleClaimsError, read_module, verify_module};
use serde::Serialize;

use crate::{
    cli::Inspect,
    commands::signed::{date, expires, in_order, problem, valid_from, yes_or_no},
    fault::{Code, Fault, Told},
    module::{read_file, refused},
    printer::Show,
    settings::Settings,
    table::{facts, or_dash},
};

/// What a module claims, and whether that is in order.
#[derive(Serialize)]
struct Inspected {
    public_key: String,
    issuer: String,
    name: Option<String>,
    call_alias: Option<String>,
    capabilities: Vec<String>,
    tags: Vec<String>,
    revision: Option<i32>,
    version: Option<String>,
    provider: bool,
    token_id: String,
    layout: Option<i32>,
    issued_at: String,
    not_before: Option<String>,
    expires: String,
    expires_at: Option<String>,
    hash: String,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Shows a module's claims.
pub(super) fn run(inspect: &Inspect, settings: &Settings) -> anyhow::Result<()> {
    let module = read_file(&inspect.file)?;
    let claims = read_module(&module).map_err(|error| not_shown(&inspect.file, error))?;
    let claims = claims.ok_or_else(|| refused(&inspect.file, ModuleClaimsError::Unsigned))?;
    let inspected = Inspected::new(claims, problem(verify_module(&module, SystemTime::now())));
    settings.printer().show(&inspected)?;
    if inspected.valid { Ok(()) } else { Err(Told(Code::InvalidModule).into()) }
}

fn not_shown(file: &Path, error: ModuleClaimsError) -> Fault {
    let is_no_module = matches!(error, ModuleClaimsError::NotWasm);
    let fault = refused(file, error);
    if is_no_module { fault.hint("the claims of a provider archive are shown by: lattice par inspect") } else { fault }
}

impl Inspected {
    fn new(claims: ModuleClaims, problem: Option<String>) -> Self {
        let now = SystemTime::now();
        Self {
            public_key: claims.subject.to_string(),
            issuer: claims.issuer.to_string(),
            expires: claims.expires_human(now),
            expires_at: claims.expires.map(date),
            not_before: claims.not_before.map(date),
            issued_at: date(claims.issued_at),
            name: claims.name,
            call_alias: claims.call_alias.map(Into::into),
            capabilities: claims.caps,
            tags: claims.tags,
            revision: claims.revision,
            version: claims.version,
            provider: claims.provider,
            token_id: claims.id,
            layout: claims.layout,
            hash: claims.hash,
            valid: problem.is_none(),
            problem,
        }
    }
}

impl Show for Inspected {
    fn text(&self) -> String {
        facts([
            ("actor", self.public_key.clone()),
            ("issuer", self.issuer.clone()),
            ("name", or_dash(self.name.as_ref())),
            ("call alias", or_dash(self.call_alias.as_ref())),
            ("capabilities", listed(&self.capabilities)),
            ("tags", listed(&self.tags)),
            ("revision", or_dash(self.revision)),
            ("version", or_dash(self.version.as_ref())),
            ("is a provider", yes_or_no(self.provider).to_owned()),
            ("token", self.token_id.clone()),
            ("signed", self.issued_at.clone()),
            ("valid from", valid_from(self.not_before.as_ref())),
            ("expires", expires(&self.expires, self.expires_at.as_ref())),
            ("hash", self.hash.clone()),
            ("in order", in_order(self.problem.as_ref())),
        ])
    }
}

fn listed(texts: &[String]) -> String {
    or_dash(Some(texts.join(", ")).filter(|text| !text.is_empty()))
}
