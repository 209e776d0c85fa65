//! `lattice claims sign` and `lattice claims inspect`.

use std::{path::PathBuf, time::SystemTime};

use lattice_claims::{ModuleClaims, NewModuleClaims, read_module, sign_module, verify_module};
use serde::Serialize;

use super::signed::{account, date, expiry, in_order, problem};
use crate::{
    cli::{Claims, Inspect, Sign},
    fault::{Code, Fault, Told},
    keys::{self, Keys},
    module::{read_file, refused},
    printer::Show,
    settings::{Settings, write_file},
    table::{facts, or_dash},
};

/// A module that was signed.
#[derive(Serialize)]
struct Signed {
    file: PathBuf,
    public_key: String,
    issuer: String,
}

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
    issued_at: String,
    expires: String,
    hash: String,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Signs or inspects.
pub(crate) fn run(claims: &Claims, settings: &Settings) -> anyhow::Result<()> {
    match claims {
        Claims::Sign(sign) => self::sign(sign, settings),
        Claims::Inspect(inspect) => self::inspect(inspect, settings),
    }
}

fn sign(sign: &Sign, settings: &Settings) -> anyhow::Result<()> {
    let module = read_file(&sign.input)?;
    let account = account(sign.by.issuer.as_deref(), settings)?;
    let key = match &sign.module_key {
        Some(path) => keys::read(path)?,
        None => Keys::of(&settings.data_dir()?).module(&sign.name)?,
    };
    let claims = new_claims(sign, key.public());
    let signed = sign_module(&module, &claims, &account).map_err(|error| refused(&sign.input, error))?;
    write_file(&sign.out, &signed).map_err(|error| {
        Fault::new(Code::Failed, format!("the signed module {} cannot be written", sign.out.display())).caused_by(error)
    })?;
    let public_key = key.public().to_string();
    let signed = Signed { file: sign.out.clone(), public_key, issuer: account.public().to_string() };
    Ok(settings.printer().show(&signed)?)
}

fn new_claims(sign: &Sign, subject: lattice_protocol::ActorKey) -> NewModuleClaims {
    let now = SystemTime::now();
    NewModuleClaims {
        expires: expiry(now, sign.by.expires_in),
        name: Some(sign.name.clone()),
        tags: sign.tags.clone(),
        caps: sign.capabilities.iter().map(ToString::to_string).collect(),
        revision: sign.revision,
        version: sign.version.clone(),
        call_alias: sign.call_alias.clone(),
        ..NewModuleClaims::new(subject, now)
    }
}

fn inspect(inspect: &Inspect, settings: &Settings) -> anyhow::Result<()> {
    let module = read_file(&inspect.file)?;
    let claims = read_module(&module).map_err(|error| refused(&inspect.file, error))?;
    let claims = claims.ok_or_else(|| refused(&inspect.file, lattice_claims::ModuleClaimsError::Unsigned))?;
    let inspected = Inspected::new(claims, problem(verify_module(&module, SystemTime::now())));
    settings.printer().show(&inspected)?;
    if inspected.valid { Ok(()) } else { Err(Told(Code::InvalidModule).into()) }
}

impl Inspected {
    fn new(claims: ModuleClaims, problem: Option<String>) -> Self {
        let now = SystemTime::now();
        Self {
            public_key: claims.subject.to_string(),
            issuer: claims.issuer.to_string(),
            expires: claims.expires_human(now),
            issued_at: date(claims.issued_at),
            name: claims.name,
            call_alias: claims.call_alias.map(Into::into),
            capabilities: claims.caps,
            tags: claims.tags,
            revision: claims.revision,
            version: claims.version,
            hash: claims.hash,
            valid: problem.is_none(),
            problem,
        }
    }
}

impl Show for Signed {
    fn text(&self) -> String {
        facts([
            ("signed", self.file.display().to_string()),
            ("actor", self.public_key.clone()),
            ("issuer", self.issuer.clone()),
        ])
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
            ("signed", self.issued_at.clone()),
            ("expires", self.expires.clone()),
            ("hash", self.hash.clone()),
            ("in order", in_order(self.problem.as_ref())),
        ])
    }
}

fn listed(texts: &[String]) -> String {
    or_dash(Some(texts.join(", ")).filter(|text| !text.is_empty()))
}
