//! From a reference to a program that can be started, and what is known of whose it is.

use std::{ffi::OsString, path::PathBuf};

use lattice_artifact::{Digest, FetchError, Policy, Reference, Target};
use lattice_protocol::{ContractId, OperationPhase, ProviderKey};

use crate::{config::Builtin, operations::Operation};

/// A provider that can be started.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) reference: Reference,
    /// The digest of its archive; none for a part of the host's own program.
    pub(crate) digest: Option<Digest>,
    pub(crate) key: ProviderKey,
    pub(crate) contract: ContractId,
    pub(crate) name: Option<String>,
    pub(crate) revision: i32,
    pub(crate) version: Option<String>,
    /// Who issued its claims.
    pub(crate) issuer: String,
    pub(crate) program: Program,
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) exe: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

/// Why there is no program behind a reference.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    #[error("there is no builtin provider `{name}`; there are {known}")]
    NoBuiltin { name: String, known: String },
    #[error("failed to fetch the provider")]
    Fetch(#[from] FetchError),
}

/// Finds programs; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Images {
    policy: Policy,
    builtins: std::sync::Arc<[Builtin]>,
}

impl Images {
    pub(crate) fn new(policy: Policy, builtins: &[Builtin]) -> Self {
        Self { policy, builtins: builtins.into() }
    }

    /// Whose provider a reference names, if that can be told without fetching it.
    pub(crate) fn known_key(&self, reference: &Reference) -> Option<ProviderKey> {
        match reference.target() {
            Target::Builtin(name) => self.builtin(name.name()).map(|builtin| builtin.key.clone()),
            _ => None,
        }
    }

    /// What can be told of a reference without fetching it.
    ///
    /// # Errors
    /// It is of a kind that this host does not take, or names a builtin that there is not.
    pub(crate) fn admit(&self, reference: &Reference) -> Result<(), ImageError> {
        match reference.target() {
            Target::Builtin(name) => match self.builtin(name.name()) {
                Some(_) => Ok(()),
                None => Err(self.no_builtin(name.name())),
            },
            _ => Ok(self.policy.admit(reference)?),
        }
    }

    /// The program behind a reference.
    pub(crate) async fn find(
        &self,
        reference: &Reference,
        _digest: Option<&Digest>,
        operation: &Operation,
    ) -> Result<Image, ImageError> {
        operation.reach(OperationPhase::Fetching);
        match reference.target() {
            Target::Builtin(name) => {
                let builtin = self.builtin(name.name()).ok_or_else(|| self.no_builtin(name.name()))?;
                Ok(of_builtin(reference, builtin))
            }
            _ => Err(self.policy.admit(reference).expect_err("archives are not fetched yet").into()),
        }
    }

    fn builtin(&self, name: &str) -> Option<&Builtin> {
        self.builtins.iter().find(|builtin| builtin.name == name)
    }

    fn no_builtin(&self, name: &str) -> ImageError {
        let known: Vec<_> = self.builtins.iter().map(|builtin| format!("`{}`", builtin.name)).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        ImageError::NoBuiltin { name: name.to_owned(), known }
    }
}

fn of_builtin(reference: &Reference, builtin: &Builtin) -> Image {
    Image {
        reference: reference.clone(),
        digest: None,
        key: builtin.key.clone(),
        contract: builtin.contract.clone(),
        name: Some(builtin.title.clone()),
        revision: builtin.revision,
        version: Some(builtin.version.clone()),
        issuer: String::new(),
        program: Program { exe: builtin.exe.clone(), arguments: builtin.arguments.clone() },
    }
}
