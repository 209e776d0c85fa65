//! From what people type as a provider's reference to one that a host can fetch.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use lattice_artifact::Reference;

use crate::fault::{Code, Fault};

/// How the files of provider archives are called.
const ARCHIVES: [&str; 2] = [".par", ".par.gz"];

/// The reference to start from; a file of this machine must be there.
///
/// # Errors
/// It is neither the path of a file nor a reference, or there is no such file.
pub(crate) fn to_start(text: &str) -> anyhow::Result<Reference> {
    match path(text) {
        Some(path) => {
            let path = std::path::absolute(path)?;
            fs::File::open(&path).map_err(|error| not_read(&path, error))?;
            Ok(Reference::from_path(&path)?)
        }
        None => text.parse().map_err(|error| {
            Fault::new(Code::Usage, format!("`{text}` is no file and no reference")).caused_by(error).into()
        }),
    }
}

/// What a running provider may be called by: a file as the host knows it, anything else as it was typed.
pub(crate) fn called(text: &str) -> String {
    let reference = path(text).and_then(|path| Reference::from_path(&std::path::absolute(path).ok()?).ok());
    reference.map_or_else(|| text.to_owned(), |reference| reference.to_string())
}

/// What looks like the path of a file, or exists as one.
pub(crate) fn path(text: &str) -> Option<PathBuf> {
    let looks_like_path = text.starts_with(['/', '.']) || ARCHIVES.iter().any(|end| text.ends_with(end));
    let is_path = !text.contains("://") && (looks_like_path || Path::new(text).is_file());
    is_path.then(|| text.into())
}

fn not_read(path: &Path, error: io::Error) -> Fault {
    let code = if error.kind() == io::ErrorKind::NotFound { Code::NotFound } else { Code::Failed };
    Fault::new(code, format!("the provider archive {} cannot be read", path.display())).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_references_are_told_apart() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let file = directory.path().join("x y.par.gz");
        fs::write(&file, "").expect("the directory can be written");
        let typed = file.to_str().expect("it is UTF-8");
        let told = to_start(typed).expect("it is there").to_string();
        assert!(told.starts_with("file:///") && told.ends_with("/x%20y.par.gz"), "{told}");
        assert_eq!(called(typed), told);
        for reference in ["builtin://keyvalue", "registry.example/x:1", "file:///srv/x.par.gz", "nats://x:1"] {
            assert_eq!(to_start(reference).expect("a reference").to_string(), reference);
            assert_eq!(called(reference), reference);
        }
        assert_eq!(called("keyvalue"), "keyvalue");
        assert!(called("cache.par").ends_with("/cache.par"));
    }

    #[test]
    fn what_is_neither_is_refused() {
        let code = |text: &str| to_start(text).expect_err("it is neither").downcast::<Fault>().map(|fault| fault.code);
        assert_eq!(code("what://x").expect("a fault"), Code::Usage);
        assert_eq!(code("").expect("a fault"), Code::Usage);
        assert_eq!(code("none.par.gz").expect("a fault"), Code::NotFound);
    }
}
