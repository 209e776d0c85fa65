//! `lattice claims verify`: modules and provider archives, checked as a host does before it starts them.

use std::{
    error::Error,
    path::{Path, PathBuf},
    time::SystemTime,
};

use lattice_artifact::{
    ArchiveError, Judgement, Trust,
    archive::{self, Checked},
};
use lattice_claims::{ModuleChecks, ModuleClaims, ProviderClaims, TokenChecks, check_module};
use lattice_protocol::{AccountKey, IdError, error_chain};
use serde::Serialize;

use crate::{
    cli::Verify,
    commands::{
        par::{read_archive, refused as refused_archive},
        signed::{date, expires, valid_from},
    },
    fault::{Code, Fault, Told},
    module::refused as refused_module,
    printer::Show,
    settings::Settings,
    table::{facts, or_dash, table},
};

/// What a WebAssembly module or component begins with.
const WASM: &[u8] = b"\0asm";

/// What was checked, and what was found.
#[derive(Serialize)]
struct Verified {
    file: PathBuf,
    kind: Kind,
    public_key: String,
    issuer: String,
    name: Option<String>,
    checks: Vec<Check>,
    valid: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Module,
    Provider,
}

/// One check and its verdict.
#[derive(Serialize)]
struct Check {
    check: &'static str,
    /// Which executable of an archive it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    verdict: Verdict,
    /// What the claims say of it.
    said: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Holds,
    Fails,
    /// It fails, and nobody minds.
    Warns,
    NotAsked,
}

/// Checks a file.
pub(super) fn run(verify: &Verify, settings: &Settings) -> anyhow::Result<()> {
    let Verify { file, trusted_issuers, unknown_issuers } = verify;
    let bytes = read_archive(file)?;
    let trusted = trusted_issuers.iter().map(|text| account(text)).collect::<Result<Vec<_>, _>>()?;
    let trust = Trust::new(trusted, *unknown_issuers);
    let verified = match bytes.starts_with(WASM) {
        true => module(file, &bytes, &trust)?,
        false => provider(file, &bytes, &trust)?,
    };
    settings.printer().show(&verified)?;
    match (verified.valid, verified.kind) {
        (true, _) => Ok(()),
        (false, Kind::Module) => Err(Told(Code::InvalidModule).into()),
        (false, Kind::Provider) => Err(Told(Code::InvalidArchive).into()),
    }
}

/// Read here and not by the parser of the line, which repeats what it cannot read, though it be a seed.
fn account(text: &str) -> Result<AccountKey, Fault> {
    text.parse()
        .map_err(|error: IdError| Fault::new(Code::Usage, "what --trusted-issuer names is no account").caused_by(error))
}

fn module(file: &Path, bytes: &[u8], trust: &Trust) -> Result<Verified, Fault> {
    let now = SystemTime::now();
    let ModuleChecks { claims, token, hash, .. } =
        check_module(bytes, now).map_err(|error| refused_module(file, error))?;
    let hash = [Check::of("hash", claims.hash.clone(), hash)];
    let subject = Subject::from((&claims, now));
    Ok(subject.verified(file, token, hash, trust))
}

fn provider(file: &Path, bytes: &[u8], trust: &Trust) -> Result<Verified, Fault> {
    let now = SystemTime::now();
    let Checked { claims, token, executables, .. } =
        archive::check(bytes, now).map_err(|error| not_read(file, error))?;
    let hashes = executables.into_iter().map(|(target, found)| {
        let said = or_dash(claims.target_hashes.get(&target));
        Check { target: Some(target), ..Check::of("hash", said, found) }
    });
    let mut hashes: Vec<Check> = hashes.collect();
    if hashes.is_empty() {
        hashes.push(Check::of("hash", or_dash(None::<&str>), Err(ArchiveError::Empty)));
    }
    Ok(Subject::from((&claims, now)).verified(file, token, hashes, trust))
}

fn not_read(file: &Path, error: ArchiveError) -> Fault {
    match error {
        ArchiveError::NotAnArchive => {
            Fault::new(Code::Failed, format!("{} is neither a module nor a provider archive", file.display()))
                .hint("is it the file that the build made, or that was signed?")
        }
        error => refused_archive(file, error),
    }
}

/// What modules and providers claim alike.
struct Subject {
    kind: Kind,
    public_key: String,
    issuer: AccountKey,
    name: Option<String>,
    begin: String,
    end: String,
}

impl From<(&ModuleClaims, SystemTime)> for Subject {
    fn from((claims, now): (&ModuleClaims, SystemTime)) -> Self {
        Self {
            kind: Kind::Module,
            public_key: claims.subject.to_string(),
            issuer: claims.issuer.clone(),
            name: claims.name.clone(),
            begin: valid_from(claims.not_before.map(date).as_ref()),
            end: expires(&claims.expires_human(now), claims.expires.map(date).as_ref()),
        }
    }
}

impl From<(&ProviderClaims, SystemTime)> for Subject {
    fn from((claims, now): (&ProviderClaims, SystemTime)) -> Self {
        Self {
            kind: Kind::Provider,
            public_key: claims.subject.to_string(),
            issuer: claims.issuer.clone(),
            name: claims.name.clone(),
            begin: valid_from(claims.not_before.map(date).as_ref()),
            end: expires(&claims.expires_human(now), claims.expires.map(date).as_ref()),
        }
    }
}

impl Subject {
    fn verified(
        self,
        file: &Path,
        token: TokenChecks,
        hashes: impl IntoIterator<Item = Check>,
        trust: &Trust,
    ) -> Verified {
        let issuer = self.issuer.to_string();
        let signature = Check::of("signature", format!("by {issuer}"), token.signature);
        let times = [Check::of("not_before", self.begin, token.begin), Check::of("expiry", self.end, token.expiry)];
        let checks = [signature].into_iter().chain(hashes).chain(times).chain([Check::trust(&self.issuer, trust)]);
        let checks: Vec<Check> = checks.collect();
        let valid = checks.iter().all(|check| check.verdict != Verdict::Fails);
        Verified {
            file: file.to_owned(),
            kind: self.kind,
            public_key: self.public_key,
            issuer,
            name: self.name,
            checks,
            valid,
        }
    }
}

impl Check {
    fn of<E: Error + 'static>(check: &'static str, said: String, found: Result<(), E>) -> Self {
        let problem = found.err().map(|error| error_chain(&error));
        let verdict = if problem.is_some() { Verdict::Fails } else { Verdict::Holds };
        Self { check, target: None, verdict, said, problem }
    }

    fn trust(issuer: &AccountKey, trust: &Trust) -> Self {
        let judgement = trust.judge(issuer);
        let verdict = match judgement {
            Ok(Judgement::Trusted) => Verdict::Holds,
            Ok(Judgement::Suspect) => Verdict::Warns,
            Ok(Judgement::Accepted) => Verdict::NotAsked,
            Err(_) => Verdict::Fails,
        };
        Self { verdict, ..Self::of("issuer", issuer.to_string(), judgement.map(drop)) }
    }

    fn row(&self) -> [String; 3] {
        let check = self.check.replace('_', " ");
        let check = self.target.as_ref().map_or(check.clone(), |target| format!("{check} of {target}"));
        let verdict = match self.verdict {
            Verdict::Holds => "holds",
            Verdict::Fails => "FAILS",
            Verdict::Warns => "WARNS",
            Verdict::NotAsked => "not asked",
        };
        let told = match (self.verdict, &self.problem) {
            (_, Some(problem)) => problem.clone(),
            (Verdict::Warns, None) => format!("{} is not in the list of trusted issuers", self.said),
            (Verdict::NotAsked, None) => "nobody said whom to trust: --trusted-issuer".to_owned(),
            (_, None) => self.said.clone(),
        };
        [check, verdict.to_owned(), told]
    }
}

impl Show for Verified {
    fn text(&self) -> String {
        let kind = match self.kind {
            Kind::Module => "actor",
            Kind::Provider => "provider",
        };
        let valid = if self.valid { "yes" } else { "no" };
        let about = facts([
            (kind, self.public_key.clone()),
            ("name", or_dash(self.name.as_ref())),
            ("in order", valid.to_owned()),
        ]);
        format!("{about}\n\n{}", table(["check", "verdict", ""], self.checks.iter().map(Check::row)))
    }
}
