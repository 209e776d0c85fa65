//! What an actor or provider is to run from, and how hosts get it that do not read this machine's files.

use std::{fs, path::PathBuf};

use lattice_artifact::{FetchError, FileError, Reference, Target};
use lattice_client::{PushOptions, Pushed};

use crate::{
    connect::Lattice,
    diagnosis::Diagnosis,
    fault::{Code, Fault},
    printer::Printer,
    settle::{Deed, Intent, ended},
    stored,
    table::printable,
};

/// An image as hosts are told of it.
#[derive(Debug)]
pub(crate) struct Image {
    reference: Reference,
    /// The file that was typed, whose name it gets should it be stored in the lattice.
    file: Option<PathBuf>,
    /// Whether it is stored there in any case.
    push: bool,
    /// What it holds: `module` or `provider`.
    what: &'static str,
}

impl Image {
    /// The image that hosts know by this reference; it is a file of this machine if that was typed.
    ///
    /// # Errors
    /// It is to be stored in the lattice, and is none.
    pub(crate) fn new(
        reference: Reference,
        file: Option<PathBuf>,
        push: bool,
        what: &'static str,
    ) -> Result<Self, Fault> {
        match (reference.target(), &file) {
            (Target::File(_), _) => Ok(Self { reference, file, push, what }),
            _ if push => Err(Fault::new(Code::Usage, format!("--push is for files, and `{reference}` is none"))),
            _ => Ok(Self { reference, file: None, push, what }),
        }
    }

    /// What hosts are told.
    pub(crate) fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Has something done with it. If hosts refuse that because they take no files, it is stored in the lattice, people are
    /// told, and it is done from there.
    ///
    /// # Errors
    /// It failed, or the file cannot be stored.
    pub(crate) async fn hand<T>(
        &mut self,
        lattice: &Lattice,
        printer: Printer,
        deed: impl AsyncFn(&Reference) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        if self.push {
            self.store(lattice, printer).await?;
            printer.note(&printable(&format!("stored in the lattice as {}", self.reference)));
        }
        match deed(&self.reference).await {
            Err(error) if self.is_refused_file(&error) => {
                self.store(lattice, printer).await.map_err(|stored| self.not_stored(&error, stored))?;
                printer
                    .note(&printable(&format!("the host takes no files: stored in the lattice as {}", self.reference)));
                deed(&self.reference).await
            }
            outcome => outcome,
        }
    }

    /// Whether hosts refuse it for being a file, and it is one of this machine.
    fn is_refused_file(&self, error: &anyhow::Error) -> bool {
        self.file.is_some() && refuses_files(error, &self.reference)
    }

    /// Stores it in the lattice, from where it is taken from then on.
    ///
    /// # Errors
    /// It cannot be read, or no host stores it.
    async fn store(&mut self, lattice: &Lattice, printer: Printer) -> anyhow::Result<()> {
        let Target::File(file) = self.reference.target() else { return Ok(()) };
        let path = file.path().to_owned();
        let bytes = fs::read(&path).map_err(|error| {
            Fault::new(Code::Failed, format!("the file {} cannot be read", path.display())).caused_by(error)
        })?;
        let name = self.file.as_deref().unwrap_or(&path);
        let reference = stored::reference_of(name, &bytes);
        let pushed = stored::push(lattice, &reference, bytes, PushOptions::default(), printer).await?;
        if let Pushed::Taken(operation) = pushed {
            let deed = Deed::Holds(format!("{reference} is stored"));
            ended(lattice, operation, Intent { deed, actor: None, no_wait: false }, printer).await?;
        }
        (self.reference, self.file) = (reference, None);
        Ok(())
    }

    /// What to do where a file is refused depends on the host, not on the file.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let code = Diagnosis::of(&error).code;
        if !matches!(self.reference.target(), Target::File(_)) {
            return error;
        }
        let fault = if refuses_files(&error, &self.reference) {
            no_files(code, self.what)
        } else if misses_file(&error) {
            Fault::new(code, "the host has no such file")
                .hint("--push stores the file in the lattice, and has the host fetch it from there")
        } else {
            return error;
        };
        fault.caused_by(error).into()
    }

    fn not_stored(&self, refusal: &anyhow::Error, why: anyhow::Error) -> anyhow::Error {
        no_files(Diagnosis::of(refusal).code, self.what)
            .caused_by(why.context("and it could not be stored in the lattice"))
            .into()
    }
}

fn no_files(code: Code, what: &str) -> Fault {
    Fault::new(code, format!("the host takes no {what}s from files"))
        .hint("run that host with --allow-file, or name another one with --host; the host of `lattice up` takes files")
}

/// Whether a host says what hosts say of files that they do not take. Its words are all that comes from there.
fn refuses_files(error: &anyhow::Error, reference: &Reference) -> bool {
    let said = file_refusal(reference);
    error.chain().any(|link| link.to_string().contains(&said))
}

/// What hosts say that do not take this file.
pub(crate) fn file_refusal(reference: &Reference) -> String {
    FetchError::FileNotAllowed { reference: reference.to_string() }.to_string()
}

/// The same of files that are not there.
fn misses_file(error: &anyhow::Error) -> bool {
    let said = FileError::Missing.to_string();
    error.chain().any(|link| link.to_string().contains(&said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(reference: &str, file: Option<&str>) -> Image {
        let reference = reference.parse().expect("a reference");
        Image::new(reference, file.map(PathBuf::from), false, "module").expect("nothing is to be stored")
    }

    fn refusal(text: &str) -> anyhow::Error {
        Fault::new(Code::Refused, "the host refused").caused_by(anyhow::Error::msg(text.to_owned())).into()
    }

    #[test]
    fn a_host_without_files_is_explained_and_stays_a_refusal() {
        let file = image("file:///x.wasm", None);
        let said = FetchError::FileNotAllowed { reference: file.reference.to_string() }.to_string();
        assert!(!file.is_refused_file(&refusal(&said)), "it may be a file of that machine");
        assert!(image("file:///x.wasm", Some("x.wasm")).is_refused_file(&refusal(&said)));
        let error = file.explain(refusal(&said));
        assert_eq!(Diagnosis::of(&error).code, Code::Refused);
        assert!(Diagnosis::of(&error).text().contains("--allow-file"));
        let other = file.explain(refusal("no"));
        assert!(!Diagnosis::of(&other).text().contains("--allow-file"));
    }

    #[test]
    fn a_file_that_is_not_there_can_be_stored() {
        let missing = refusal(&FileError::Missing.to_string());
        let told = Diagnosis::of(&image("file:///x.wasm", None).explain(missing)).text();
        assert!(told.contains("--push"), "{told}");
        let elsewhere = image("nats://x", None).explain(refusal(&FileError::Missing.to_string()));
        assert!(!Diagnosis::of(&elsewhere).text().contains("--push"));
    }

    #[test]
    fn only_files_are_stored() {
        let new = |text: &str| Image::new(text.parse().expect("a reference"), None, true, "module");
        assert_eq!(new("registry.example/x:1").expect_err("no file").code, Code::Usage);
        new("file:///x.wasm").expect("a file");
    }
}
