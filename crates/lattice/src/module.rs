//! From what people type as an actor's reference to one that a host can fetch; unsigned files are signed on the way.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use lattice_artifact::Reference;
use lattice_claims::{
    ModuleClaimsError, NewModuleClaims, TokenError, module_hash, read_module, sign_module, verify_module,
};
use lattice_protocol::{ActorKey, CallAlias};
use sha2::{Digest, Sha256};

use crate::{
    fault::{Code, Fault},
    keys::{Keys, file_name},
    printer::Printer,
    settings::{DataDir, create_private_dir, write_private},
    table::printable,
};

/// What a module that is signed on the way may use: what every host serves itself and can do no harm, and the contracts of
/// this program's providers, which are of no use without a link. A module that needs others is signed by hand.
const DEVELOPMENT_CONTRACTS: [&str; 6] = [
    "wasmcloud:builtin:logging",
    "wasmcloud:builtin:numbergen",
    "wasmcloud:httpserver",
    "wasmcloud:keyvalue",
    "wasmcloud:latticecontrol",
    "wasmcloud:messaging",
];

/// Hexadecimal digits of the digest in a signed file's name: enough to tell one user's builds apart.
const DIGEST_DIGITS: usize = 16;

/// An actor's reference as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A file of this machine.
    File(PathBuf),
    /// What a host is to fetch.
    Reference(Reference),
}

impl Named {
    /// The path, if what was typed is one.
    pub(crate) fn path(text: &str) -> Option<PathBuf> {
        match Self::read(text) {
            Ok(Self::File(path)) => Some(path),
            _ => None,
        }
    }

    /// What exists as a file, or looks like the path of one, is a file.
    ///
    /// # Errors
    /// It is neither the path of a file nor a reference.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let looks_like_path = text.starts_with(['/', '.']) || text.ends_with(".wasm");
        let has_scheme = text.contains("://");
        if !has_scheme && (looks_like_path || Path::new(text).is_file()) {
            return Ok(Self::File(text.into()));
        }
        let refused = |error| Fault::new(Code::Usage, format!("`{text}` is no file and no reference")).caused_by(error);
        text.parse::<Reference>().map(Self::Reference).map_err(refused)
    }
}

/// What was typed, looked at: nothing is written before it is sure that a host can be asked.
#[derive(Debug)]
pub(crate) enum Looked {
    /// A host can fetch it.
    Ready(Reference),
    /// A file with a module that is not signed.
    Unsigned {
        /// The file.
        path: PathBuf,
        /// What is in it.
        bytes: Vec<u8>,
    },
}

impl Looked {
    /// Looks at a file or reference as it was typed.
    ///
    /// # Errors
    /// The file cannot be read, is no module, or its claims are not in order.
    pub(crate) fn at(text: &str) -> anyhow::Result<Self> {
        match Named::read(text)? {
            Named::Reference(reference) => Ok(Looked::Ready(reference)),
            Named::File(path) => Self::at_file(&path),
        }
    }

    /// Looks at a file.
    ///
    /// # Errors
    /// It cannot be read, is no module, or its claims are not in order.
    pub(crate) fn at_file(path: &Path) -> anyhow::Result<Self> {
        look_at_file(path)
    }

    /// The reference for the host. An unsigned file is signed, and people are told.
    ///
    /// # Errors
    /// It cannot be signed.
    pub(crate) fn signed(self, data_dir: &DataDir, printer: Printer) -> anyhow::Result<Reference> {
        match self {
            Looked::Ready(reference) => Ok(reference),
            Looked::Unsigned { path, bytes } => sign_file(&path, &bytes, data_dir, printer),
        }
    }
}

/// The bytes of a module's file.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(path).map_err(|error| {
        let code = if error.kind() == io::ErrorKind::NotFound { Code::NotFound } else { Code::Failed };
        Fault::new(code, format!("the module {} cannot be read", path.display())).caused_by(error)
    })
}

/// Why a module is not accepted, and what to do.
pub(crate) fn refused(path: &Path, error: ModuleClaimsError) -> Fault {
    let hint = match &error {
        ModuleClaimsError::NotWasm | ModuleClaimsError::Damaged { .. } | ModuleClaimsError::Truncated { .. } => {
            "is it the file that the build made?"
        }
        ModuleClaimsError::Unsigned => "sign it: lattice claims sign IN --out OUT --name NAME",
        ModuleClaimsError::Token { source: TokenError::TooLarge { .. } } => {
            "are there fewer tags and capabilities that do?"
        }
        _ => "sign it again: lattice claims sign IN --out OUT --name NAME",
    };
    Fault::new(Code::InvalidModule, format!("the module {} is not accepted", path.display()))
        .hint(hint)
        .caused_by(error)
}

fn look_at_file(path: &Path) -> anyhow::Result<Looked> {
    let path = std::path::absolute(path)?;
    let bytes = read_file(&path)?;
    let claims = read_module(&bytes).map_err(|error| refused(&path, error))?;
    if claims.is_none() {
        return Ok(Looked::Unsigned { path, bytes });
    }
    verify_module(&bytes, SystemTime::now()).map_err(|error| refused(&path, error))?;
    Ok(Looked::Ready(Reference::from_path(&path)?))
}

fn sign_file(path: &Path, bytes: &[u8], data_dir: &DataDir, printer: Printer) -> anyhow::Result<Reference> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let signing = Signing { name: &stem, call_alias: None, capabilities: &DEVELOPMENT_CONTRACTS };
    let signed = data_dir.signed().join(signed_name(bytes, &stem));
    sign_into(bytes, &signing, data_dir, &signed).map_err(|error| error.of(path))?;
    let reference = Reference::from_path(&signed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let shown = printer.detail().reference(reference.as_str());
    printer.note(&printable(&format!("{name} is not signed: signed with your development keys as {shown}")));
    Ok(reference)
}

/// What is claimed of a module that is signed with development keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signing<'a> {
    /// The name, which also names the module's key.
    pub(crate) name: &'a str,
    /// A name to call it by.
    pub(crate) call_alias: Option<&'a str>,
    /// The contracts that it may use.
    pub(crate) capabilities: &'a [&'a str],
}

impl Signing<'_> {
    fn claims(&self, key: ActorKey) -> NewModuleClaims {
        NewModuleClaims {
            name: Some(self.name.to_owned()),
            call_alias: self.call_alias.and_then(|alias| alias.parse::<CallAlias>().ok()),
            caps: self.capabilities.iter().map(|contract| (*contract).to_owned()).collect(),
            ..NewModuleClaims::new(key, SystemTime::now())
        }
    }
}

/// Why a module could not be signed.
#[derive(Debug)]
pub(crate) enum SigningError {
    /// The module cannot be.
    Module(ModuleClaimsError),
    /// The keys or the directory cannot be used.
    Fault(Fault),
}

impl SigningError {
    fn of(self, path: &Path) -> Fault {
        match self {
            SigningError::Module(error) => refused(path, error),
            SigningError::Fault(fault) => fault,
        }
    }
}

impl From<ModuleClaimsError> for SigningError {
    fn from(error: ModuleClaimsError) -> Self {
        SigningError::Module(error)
    }
}

impl From<Fault> for SigningError {
    fn from(fault: Fault) -> Self {
        SigningError::Fault(fault)
    }
}

impl From<SigningError> for anyhow::Error {
    fn from(error: SigningError) -> anyhow::Error {
        match error {
            SigningError::Module(error) => error.into(),
            SigningError::Fault(fault) => fault.into(),
        }
    }
}

/// Signs a module with development keys into a file. Signing the same again leaves the file as it is, so that hosts know
/// it already.
pub(crate) fn sign_into(
    module: &[u8],
    signing: &Signing<'_>,
    data_dir: &DataDir,
    path: &Path,
) -> Result<ActorKey, SigningError> {
    let keys = Keys::of(data_dir);
    let account = keys.account()?;
    let key = keys.module(signing.name)?.public();
    let hash = module_hash(module)?;
    let is_the_same = |bytes: Vec<u8>| {
        let claims = verify_module(&bytes, SystemTime::now());
        let allows_the_same =
            |caps: &[String]| caps.iter().map(String::as_str).eq(signing.capabilities.iter().copied());
        claims.is_ok_and(|claims| {
            let is_its_own = claims.subject == key && claims.issuer == account.public() && claims.hash == hash;
            is_its_own && allows_the_same(&claims.caps)
        })
    };
    if !fs::read(path).is_ok_and(is_the_same) {
        let signed = sign_module(module, &signing.claims(key.clone()), &account)?;
        write(path, &signed).map_err(|error| not_written(path, error))?;
    }
    Ok(key)
}

fn write(path: &Path, signed: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), create_private_dir)?;
    write_private(path, signed)
}

fn not_written(path: &Path, error: io::Error) -> Fault {
    Fault::new(Code::Configuration, format!("the signed module {} cannot be written", path.display())).caused_by(error)
}

fn signed_name(module: &[u8], stem: &str) -> String {
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(module));
    format!("{}-{}.wasm", file_name(stem), &digest[..DIGEST_DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::Environment, printer::Format};

    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn paths_and_references_are_told_apart() {
        let file = |text: &str| assert_eq!(Named::read(text).expect("a path"), Named::File(text.into()), "{text}");
        let reference = |text: &str| {
            let expect = Named::Reference(text.parse().expect("a reference"));
            assert_eq!(Named::read(text).expect("a reference"), expect, "{text}");
        };
        file("./x.wasm");
        file("x.wasm");
        file("/srv/x");
        file("../x");
        file("Cargo.toml");
        reference("registry.example.com/x:1.0");
        reference("file:///srv/x.wasm");
        assert_eq!(Named::read("what://x").expect_err("no such scheme").code, Code::Usage);
        assert_eq!(Named::read("").expect_err("nothing").code, Code::Usage);
    }

    #[test]
    fn an_unsigned_file_is_signed_once_and_stays_the_same_actor() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let data_dir =
            DataDir::find(Some(&directory.path().join("data")), &Environment::default()).expect("it is given");
        let path = directory.path().join("mine.wasm");
        let start = |module: &[u8]| {
            fs::write(&path, module).expect("the directory can be written");
            let text = path.to_str().expect("it is UTF-8");
            let looked = Looked::at(text).expect("it is a module");
            let reference = looked.signed(&data_dir, Printer::new(Format::Table, true)).expect("it can be signed");
            let signed = Path::new(reference.as_str().trim_start_matches("file://")).to_owned();
            let bytes = fs::read(signed).expect("it was written");
            (reference, verify_module(&bytes, SystemTime::now()).expect("it is in order"))
        };
        let (first, claims) = start(MODULE);
        assert_eq!(claims.name.as_deref(), Some("mine"));
        let (again, same) = start(MODULE);
        assert_eq!((again, same.id), (first.clone(), claims.id));
        let (other, changed) = start(&wat());
        assert_ne!(other, first);
        assert_eq!(changed.subject, claims.subject);
    }

    /// A module with one empty custom section.
    fn wat() -> Vec<u8> {
        [MODULE, b"\0\x02\x01x"].concat()
    }
}
