//! `lattice claims sign`, `lattice claims inspect` and `lattice claims verify`.

mod inspect;
mod verify;

use std::path::PathBuf;

use lattice_claims::{NewModuleClaims, sign_module};
use lattice_protocol::ActorKey;
use serde::Serialize;

use super::signed::{Times, account};
use crate::{
    cli::{Claims, Sign},
    fault::{Code, Fault},
    keys::{self, Keys},
    module::{read_file, refused},
    printer::Show,
    settings::{Settings, write_file},
    table::facts,
};

/// A module that was signed.
#[derive(Serialize)]
struct Signed {
    file: PathBuf,
    public_key: String,
    issuer: String,
}

/// Signs, inspects or verifies.
pub(crate) fn run(claims: &Claims, settings: &Settings) -> anyhow::Result<()> {
    match claims {
        Claims::Sign(sign) => self::sign(sign, settings),
        Claims::Inspect(inspect) => inspect::run(inspect, settings),
        Claims::Verify(verify) => verify::run(verify, settings),
    }
}

fn sign(sign: &Sign, settings: &Settings) -> anyhow::Result<()> {
    let module = read_file(&sign.input)?;
    let times = Times::of(&sign.by)?;
    let account = account(sign.by.issuer.as_deref(), settings)?;
    let key = match &sign.module_key {
        Some(path) => keys::read(path)?,
        None => Keys::of(&settings.data_dir()?).module(&sign.name)?,
    };
    let claims = new_claims(sign, times, key.public());
    let signed = sign_module(&module, &claims, &account).map_err(|error| refused(&sign.input, error))?;
    write_file(&sign.out, &signed).map_err(|error| {
        Fault::new(Code::Failed, format!("the signed module {} cannot be written", sign.out.display())).caused_by(error)
    })?;
    let public_key = key.public().to_string();
    let signed = Signed { file: sign.out.clone(), public_key, issuer: account.public().to_string() };
    Ok(settings.printer().show(&signed)?)
}

fn new_claims(sign: &Sign, times: Times, subject: ActorKey) -> NewModuleClaims {
    let fresh = NewModuleClaims::new(subject, times.signed);
    NewModuleClaims {
        id: sign.by.token_id.clone().unwrap_or_else(|| fresh.id.clone()),
        expires: times.expires,
        not_before: times.not_before,
        name: Some(sign.name.clone()),
        tags: sign.tags.clone(),
        caps: sign.capabilities.iter().map(ToString::to_string).collect(),
        revision: sign.revision,
        version: sign.version.clone(),
        call_alias: sign.call_alias.clone(),
        provider: sign.is_provider,
        ..fresh
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
