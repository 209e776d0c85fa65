//! `lattice par create`, `lattice par insert` and `lattice par inspect`.

mod inspect;

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use lattice_artifact::archive::{self, ArchiveError, Packing};
use lattice_claims::{NewProviderClaims, ProviderSeed};
use lattice_protocol::ProviderKey;
use serde::Serialize;
use serde_json::Value;

use super::signed::{Times, account};
use crate::{
    cli::{Create, Insert, Par},
    fault::{Code, Fault},
    input,
    keys::{self, Keys},
    printer::Show,
    settings::{Settings, write_file},
    table::facts,
};

/// An archive that was written.
#[derive(Serialize)]
struct Written {
    file: PathBuf,
    public_key: String,
    issuer: String,
    targets: Vec<String>,
}

/// Makes, extends or inspects an archive.
pub(crate) fn run(par: Par, settings: &Settings) -> anyhow::Result<()> {
    match par {
        Par::Create(create) => self::create(&create, settings),
        Par::Insert(insert) => self::insert(&insert, settings),
        Par::Inspect(inspect) => inspect::run(&inspect, settings),
    }
}

fn create(create: &Create, settings: &Settings) -> anyhow::Result<()> {
    let target = create.target.clone().unwrap_or_else(archive::this_target);
    let program = read_program(&create.executable, &target)?;
    let out = create.out.clone().unwrap_or_else(|| default_out(&create.executable));
    refuse_same(&create.executable, &out)?;
    let times = Times::of(&create.by)?;
    let account = account(create.by.issuer.as_deref(), settings)?;
    let key: ProviderSeed = match &create.provider_key {
        Some(path) => keys::read(path)?,
        None => Keys::of(&settings.data_dir()?).provider(&create.name)?,
    };
    let claims = new_claims(create, times, key.public())?;
    let packed = archive::pack(claims, &account, &[(&target, &program)], packing(&out))
        .map_err(|error| not_packed(&target, error))?;
    write(&out, &packed)?;
    let (public_key, issuer) = (key.public().to_string(), account.public().to_string());
    Ok(settings.printer().show(&Written { file: out, public_key, issuer, targets: vec![target] })?)
}

fn new_claims(create: &Create, times: Times, subject: ProviderKey) -> Result<NewProviderClaims, Fault> {
    let fresh = NewProviderClaims::new(subject, create.contract.clone(), times.signed);
    Ok(NewProviderClaims {
        id: create.by.token_id.clone().unwrap_or_else(|| fresh.id.clone()),
        expires: times.expires,
        not_before: times.not_before,
        name: Some(create.name.clone()),
        vendor: create.vendor.clone(),
        revision: create.revision,
        version: create.version.clone(),
        config_schema: create.config_schema.as_deref().map(read_schema).transpose()?,
        ..fresh
    })
}

/// A JSON schema is an object, or true for whatever or false for nothing.
fn read_schema(path: &Path) -> Result<Value, Fault> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| input::not_read(&format!("the schema {shown}"), error))?;
    let no_schema = || Fault::new(Code::Usage, format!("{shown} is no JSON schema"));
    match serde_json::from_slice(&bytes) {
        Ok(schema @ (Value::Object(_) | Value::Bool(_))) => Ok(schema),
        Ok(_) => Err(no_schema().hint("a schema is a JSON object, true or false")),
        Err(error) => Err(no_schema().caused_by(error)),
    }
}

fn insert(insert: &Insert, settings: &Settings) -> anyhow::Result<()> {
    let Insert { file, executable, target, issuer } = insert;
    let present = read_archive(file)?;
    let program = read_program(executable, target)?;
    refuse_same(executable, file)?;
    let account = account(issuer.as_deref(), settings)?;
    let packed = archive::insert(&present, (target, &program), &account, SystemTime::now())
        .map_err(|error| not_inserted(file, target, error))?;
    write(file, &packed)?;
    let claims = archive::inspect(&packed)?.claims;
    Ok(settings.printer().show(&Written {
        file: file.clone(),
        public_key: claims.subject.to_string(),
        issuer: claims.issuer.to_string(),
        targets: claims.target_hashes.into_keys().collect(),
    })?)
}

pub(super) fn read_archive(path: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(path).map_err(|error| input::not_read(&format!("the archive {}", path.display()), error))
}

fn read_program(path: &Path, target: &str) -> Result<Vec<u8>, Fault> {
    let shown = path.display();
    let program = fs::read(path).map_err(|error| input::not_read(&format!("the program {shown}"), error))?;
    archive::check_program(target, &program).map_err(|error| {
        Fault::new(Code::InvalidArchive, format!("{shown} cannot be the program for `{target}`"))
            .hint("is it the file that the build made? --target names what it was built for")
            .caused_by(error)
    })?;
    Ok(program)
}

/// In the working directory, named as the program is.
fn default_out(executable: &Path) -> PathBuf {
    let mut name = executable.file_name().unwrap_or_default().to_owned();
    name.push(".par.gz");
    name.into()
}

/// A slip of the hand would cost the program.
fn refuse_same(executable: &Path, out: &Path) -> Result<(), Fault> {
    match (fs::canonicalize(executable), fs::canonicalize(out)) {
        (Ok(executable), Ok(out)) if executable == out => {
            Err(Fault::new(Code::Usage, format!("{} is the program itself", out.display()))
                .hint("name another file for the archive"))
        }
        _ => Ok(()),
    }
}

fn packing(out: &Path) -> Packing {
    if out.extension().is_some_and(|extension| extension == "gz") { Packing::TarGz } else { Packing::Tar }
}

fn write(path: &Path, packed: &[u8]) -> Result<(), Fault> {
    write_file(path, packed).map_err(|error| {
        Fault::new(Code::Failed, format!("the archive {} cannot be written", path.display())).caused_by(error)
    })
}

fn not_packed(target: &str, error: ArchiveError) -> Fault {
    match error {
        ArchiveError::ClaimsTooLarge { .. } => Fault::new(Code::InvalidArchive, "the archive cannot be made")
            .hint("a shorter schema helps, most of all")
            .caused_by(error),
        error => refused_target(target, error),
    }
}

fn refused_target(target: &str, error: ArchiveError) -> Fault {
    Fault::new(Code::Usage, format!("`{target}` cannot be a target"))
        .hint("a target is architecture and system, such as x86_64-linux or aarch64-macos")
        .caused_by(error)
}

fn not_inserted(file: &Path, target: &str, error: ArchiveError) -> Fault {
    match error {
        ArchiveError::Name { .. } | ArchiveError::Path { .. } | ArchiveError::Duplicate { .. } => {
            refused_target(target, error)
        }
        ArchiveError::OtherIssuer { .. } => {
            refused(file, error).hint("name the file with the seed of the account that signed it: --issuer")
        }
        ArchiveError::TargetTaken { .. } => refused(file, error).hint("make a new one: lattice par create"),
        error => refused(file, error),
    }
}

/// Why an archive is not accepted.
pub(super) fn refused(path: &Path, error: ArchiveError) -> Fault {
    Fault::new(Code::InvalidArchive, format!("the archive {} is not accepted", path.display())).caused_by(error)
}

impl Show for Written {
    fn text(&self) -> String {
        facts([
            ("archive", self.file.display().to_string()),
            ("provider", self.public_key.clone()),
            ("issuer", self.issuer.clone()),
            ("runs on", self.targets.join(", ")),
        ])
    }
}
