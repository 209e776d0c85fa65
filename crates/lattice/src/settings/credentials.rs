//! Credentials for registries that a host is given by its settings: by environment variables, its own and those that published
//! hosts read, and by the files of docker and podman.
//!
//! Passwords are no flags: every user of the machine can see those. Sources of the published names: wasmCloud 0.82 `src/main.rs`
//! (`WASMCLOUD_OCI_*`), wasmcloud-otp 0.63 `native/hostcore_wasmcloud_native/src/oci.rs` (`OCI_*`), bindle 0.8 `bin/client`
//! (`BINDLE_*`).

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use lattice_artifact::{Credential, CredentialSources, DockerConfig, DockerError, Place, RegistryKind};
use lattice_protocol::error_chain;

use crate::{environment::Environment, input};

/// Variables that make up the credential of one OCI registry, the most important first.
const OCI: [Oci; 3] = [
    Oci {
        registry: "LATTICE_OCI_REGISTRY",
        user: "LATTICE_OCI_USER",
        password: "LATTICE_OCI_PASSWORD",
        password_file: Some("LATTICE_OCI_PASSWORD_FILE"),
    },
    Oci {
        registry: "WASMCLOUD_OCI_REGISTRY",
        user: "WASMCLOUD_OCI_REGISTRY_USER",
        password: "WASMCLOUD_OCI_REGISTRY_PASSWORD",
        password_file: None,
    },
    Oci { registry: "OCI_REGISTRY", user: "OCI_REGISTRY_USER", password: "OCI_REGISTRY_PASSWORD", password_file: None },
];
/// The bindle server, for whose credentials the other three are.
const BINDLE_URL: &str = "BINDLE_URL";
const BINDLE_USER: &str = "BINDLE_USER_NAME";
const BINDLE_PASSWORD: &str = "BINDLE_PASSWORD";
const BINDLE_TOKEN: &str = "BINDLE_TOKEN";
/// Where podman keeps credentials, if not in the usual place.
const REGISTRY_AUTH_FILE: &str = "REGISTRY_AUTH_FILE";
/// The directory of temporary files of one user, where podman's usual place is.
const RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
/// Where docker's configuration lies, if not in the home directory.
const DOCKER_CONFIG: &str = "DOCKER_CONFIG";
const HOME: &str = "HOME";

/// The names of one set of variables.
struct Oci {
    registry: &'static str,
    user: &'static str,
    password: &'static str,
    /// A file with the password instead.
    password_file: Option<&'static str>,
}

/// Which files with credentials of docker's format a host looks into.
///
/// For `lattice up` it is [`Usual`](Self::Usual) unless told: it runs for the person whose `docker login` it is. For `lattice
/// host` it is [`None`](Self::None): a service is not to use the login of whoever happened to start it, nor to run the programs that
/// such a file names, without having been told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DockerFiles {
    /// Into none.
    None,
    /// Into those of podman and docker that are there, in this order.
    Usual,
    /// Into this one, which is to be there.
    File(PathBuf),
}

impl FromStr for DockerFiles {
    type Err = std::convert::Infallible;

    /// `none`, or a file's name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "none" => DockerFiles::None,
            file => DockerFiles::File(file.into()),
        })
    }
}

/// What the environment and the files have.
///
/// # Errors
/// Everything that is wrong, without any secret.
pub(crate) fn read(environment: &Environment, files: &DockerFiles) -> Result<CredentialSources, Vec<String>> {
    let mut reader = Reader { environment, sources: CredentialSources::default(), problems: Vec::new() };
    OCI.iter().for_each(|names| reader.read_oci(names));
    reader.read_bindle();
    reader.read_files(files);
    match reader.problems.is_empty() {
        true => Ok(reader.sources),
        false => Err(reader.problems),
    }
}

struct Reader<'a> {
    environment: &'a Environment,
    sources: CredentialSources,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn read_oci(&mut self, names: &Oci) {
        let (registry, user) = (self.text(names.registry), self.text(names.user));
        let password = self.password(names);
        match (registry, user, password) {
            (Some(registry), Some(username), Some(password)) => {
                if let Some(place) = self.place(names.registry, &registry) {
                    self.sources.add(RegistryKind::Oci, place, Credential::Basic { username, password });
                }
            }
            (None, None, None) => {}
            (registry, user, password) => {
                let all = [(names.registry, registry), (names.user, user), (names.password, password)];
                self.incomplete(&all.map(|(name, value)| (name, value.is_some())));
            }
        }
    }

    fn password(&mut self, names: &Oci) -> Option<String> {
        let password = self.text(names.password);
        let Some(file_name) = names.password_file else { return password };
        match (password, self.text(file_name)) {
            (password, None) => password,
            (Some(password), Some(_)) => {
                self.problem(format!("{} and {file_name} are both set; one of them is enough", names.password));
                Some(password)
            }
            // That it is none is told, and not that it is missing as well.
            (None, Some(file)) => Some(input::secret(&file).unwrap_or_else(|fault| {
                self.problem(format!("{file_name}: {fault}"));
                String::new()
            })),
        }
    }

    fn read_bindle(&mut self) {
        let (user, password) = (self.text(BINDLE_USER), self.text(BINDLE_PASSWORD));
        let credential = match (user, password, self.text(BINDLE_TOKEN)) {
            (None, None, None) => return,
            (None, None, Some(token)) => Credential::Token(token),
            (Some(username), Some(password), None) => Credential::Basic { username, password },
            (_, _, Some(_)) => {
                let problem = format!(
                    "{BINDLE_TOKEN} is set beside {BINDLE_USER} or {BINDLE_PASSWORD}; take the one or the other"
                );
                return self.problem(problem);
            }
            (user, password, None) => {
                return self.incomplete(&[(BINDLE_USER, user.is_some()), (BINDLE_PASSWORD, password.is_some())]);
            }
        };
        match self.text(BINDLE_URL) {
            Some(url) => {
                if let Some(place) = self.place(BINDLE_URL, &url) {
                    self.sources.add(RegistryKind::Bindle, place.whole_server(), credential);
                }
            }
            None => self.problem(format!(
                "a credential for a bindle server is set without {BINDLE_URL}, which says whose it is"
            )),
        }
    }

    fn read_files(&mut self, files: &DockerFiles) {
        match files {
            DockerFiles::None => {}
            DockerFiles::File(path) => self.read_file(path, false),
            DockerFiles::Usual => usual_files(self.environment).iter().for_each(|path| self.read_file(path, true)),
        }
    }

    fn read_file(&mut self, path: &Path, may_be_missing: bool) {
        match DockerConfig::read(path) {
            Ok(file) => self.sources.add_file(file),
            Err(DockerError::Unreadable { source, .. })
                if may_be_missing && source.kind() == std::io::ErrorKind::NotFound => {}
            // Nobody named it, and it may be a matter of other programs.
            Err(error) if may_be_missing => {
                self.problem(format!("{}; with `--docker-config none` no such file is read", error_chain(&error)));
            }
            Err(error) => self.problem(error_chain(&error)),
        }
    }

    fn place(&mut self, name: &str, text: &str) -> Option<Place> {
        text.parse().map_err(|error| self.problem(format!("{name}: {error}"))).ok()
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.environment.text(name).unwrap_or_else(|fault| {
            self.problem(fault.message);
            None
        })
    }

    /// Says which of several variables are missing.
    fn incomplete(&mut self, variables: &[(&str, bool)]) {
        let named = |is_set: bool| {
            let names: Vec<_> = variables.iter().filter(|(_, set)| *set == is_set).map(|(name, _)| *name).collect();
            names.join(" and ")
        };
        self.problem(format!("{} without {}; they are of use together only", named(true), named(false)));
    }

    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }
}

/// Where podman and docker keep credentials, in the order in which podman looks.
fn usual_files(environment: &Environment) -> Vec<PathBuf> {
    let below = |variable: &str, path: &str| environment.path(variable).map(|directory| directory.join(path));
    let podman = environment.path(REGISTRY_AUTH_FILE).or_else(|| below(RUNTIME_DIR, "containers/auth.json"));
    let docker = below(DOCKER_CONFIG, "config.json").or_else(|| below(HOME, ".docker/config.json"));
    podman.into_iter().chain(docker).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    const SECRET: &str = "hunter2";

    fn found(variables: &[(&str, &str)]) -> Result<Vec<(RegistryKind, String, Credential)>, Vec<String>> {
        let environment = variables.iter().copied().collect();
        let sources = read(&environment, &DockerFiles::None)?;
        let found = sources.places().iter();
        Ok(found.map(|(kind, place, credential)| (kind, place.to_string(), credential.clone())).collect())
    }

    fn basic(password: &str) -> Credential {
        Credential::Basic { username: "ada".to_owned(), password: password.to_owned() }
    }

    #[track_caller]
    fn refused(variables: &[(&str, &str)], expect: &str) {
        let problems = found(variables).expect_err("something is wrong");
        assert_eq!(problems, [expect]);
    }

    #[test]
    fn three_variables_make_a_credential() {
        assert_eq!(found(&[]), Ok(Vec::new()));
        for prefix in ["LATTICE_OCI", "WASMCLOUD_OCI_REGISTRY", "OCI_REGISTRY"] {
            let registry = if prefix == "LATTICE_OCI" { "LATTICE_OCI_REGISTRY" } else { prefix };
            let (user, password) = (format!("{prefix}_USER"), format!("{prefix}_PASSWORD"));
            let set = [(registry, "https://GHCR.io/acme"), (&*user, "ada"), (&*password, SECRET)];
            let expected = vec![(RegistryKind::Oci, "ghcr.io/acme".to_owned(), basic(SECRET))];
            assert_eq!(found(&set), Ok(expected));
            for missing in 0..3 {
                let mut half = set.to_vec();
                let (name, _) = half.remove(missing);
                let rest = half.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" and ");
                refused(&half, &format!("{rest} without {name}; they are of use together only"));
            }
        }
        let alone = [("OCI_REGISTRY_PASSWORD", SECRET)];
        refused(
            &alone,
            "OCI_REGISTRY_PASSWORD without OCI_REGISTRY and OCI_REGISTRY_USER; they are of use together only",
        );
        let set =
            [("OCI_REGISTRY", "https://ada:hunter2@a b"), ("OCI_REGISTRY_USER", "a"), ("OCI_REGISTRY_PASSWORD", "b")];
        let problem = found(&set).expect_err("no registry").join("");
        assert!(problem.starts_with("OCI_REGISTRY: ") && !problem.contains(SECRET), "{problem}");
    }

    #[test]
    fn the_own_names_come_first_and_others_may_add_registries() {
        let own = [("LATTICE_OCI_REGISTRY", "a.b"), ("LATTICE_OCI_USER", "ada"), ("LATTICE_OCI_PASSWORD", "own")];
        let other =
            |registry| [("OCI_REGISTRY", registry), ("OCI_REGISTRY_USER", "ada"), ("OCI_REGISTRY_PASSWORD", "other")];
        let both = found(&[own, other("a.b")].concat()).expect("they are complete");
        assert_eq!(both, [(RegistryKind::Oci, "a.b".to_owned(), basic("own"))]);
        assert_eq!(found(&[own, other("c.d")].concat()).expect("they are complete").len(), 2);
    }

    #[test]
    fn the_password_may_lie_in_a_file() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("password");
        fs::write(&file, "hunter2\n").expect("written");
        let file = file.to_str().expect("temporary paths are UTF-8");
        let of =
            |file| [("LATTICE_OCI_REGISTRY", "a.b"), ("LATTICE_OCI_USER", "ada"), ("LATTICE_OCI_PASSWORD_FILE", file)];
        assert_eq!(found(&of(file)), Ok(vec![(RegistryKind::Oci, "a.b".to_owned(), basic(SECRET))]));
        let both = [&of(file)[..], &[("LATTICE_OCI_PASSWORD", SECRET)]].concat();
        refused(&both, "LATTICE_OCI_PASSWORD and LATTICE_OCI_PASSWORD_FILE are both set; one of them is enough");
        refused(&of("/does/not/exist"), "LATTICE_OCI_PASSWORD_FILE: /does/not/exist cannot be read");
    }

    #[test]
    fn bindle_has_a_credential_for_its_server() {
        let server = ("BINDLE_URL", "https://Bindle.example:8080/v1/");
        let place = "bindle.example:8080".to_owned();
        let token = found(&[server, ("BINDLE_TOKEN", SECRET)]);
        assert_eq!(token, Ok(vec![(RegistryKind::Bindle, place.clone(), Credential::Token(SECRET.to_owned()))]));
        let user = [("BINDLE_USER_NAME", "ada"), ("BINDLE_PASSWORD", SECRET)];
        assert_eq!(found(&[&[server][..], &user].concat()), Ok(vec![(RegistryKind::Bindle, place, basic(SECRET))]));
        assert_eq!(found(&[server]), Ok(Vec::new()), "a server needs none");
        refused(&user, "a credential for a bindle server is set without BINDLE_URL, which says whose it is");
        refused(&user[..1], "BINDLE_USER_NAME without BINDLE_PASSWORD; they are of use together only");
        refused(
            &[server, user[1], ("BINDLE_TOKEN", SECRET)],
            "BINDLE_TOKEN is set beside BINDLE_USER_NAME or BINDLE_PASSWORD; take the one or the other",
        );
    }

    /// A home with these files; returns the paths that are found there.
    fn usual(dir: &TempDir, files: &[&str], more: &[(&str, &str)]) -> Vec<String> {
        let home = dir.path().to_str().expect("temporary paths are UTF-8");
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().expect("it has one")).expect("made");
            fs::write(path, "{}").expect("written");
        }
        let more: Vec<_> = more.iter().map(|(name, path)| (*name, format!("{home}/{path}"))).collect();
        let more = more.iter().map(|(name, path)| (*name, path.as_str()));
        let environment = [("HOME", home)].into_iter().chain(more).collect();
        let sources = read(&environment, &DockerFiles::Usual).expect("they are good");
        let name = |file: &DockerConfig| file.path().strip_prefix(home).expect("it lies there").display().to_string();
        sources.files().iter().map(name).collect()
    }

    #[test]
    fn files_are_looked_for_where_tools_keep_them() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        assert!(usual(&dir, &[], &[]).is_empty());
        assert_eq!(usual(&dir, &[".docker/config.json"], &[]), [".docker/config.json"]);
        let (runtime, docker) = (("XDG_RUNTIME_DIR", "run"), ("DOCKER_CONFIG", "elsewhere"));
        let files = ["run/containers/auth.json", "elsewhere/config.json", "mine.json"];
        assert_eq!(usual(&dir, &files, &[runtime]), ["run/containers/auth.json", ".docker/config.json"]);
        assert_eq!(usual(&dir, &[], &[runtime, docker]), ["run/containers/auth.json", "elsewhere/config.json"]);
        let named = ("REGISTRY_AUTH_FILE", "mine.json");
        assert_eq!(usual(&dir, &[], &[runtime, docker, named]), ["mine.json", "elsewhere/config.json"]);
    }

    #[test]
    fn the_way_out_is_told_of_a_file_that_nobody_named() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let home = dir.path().to_str().expect("temporary paths are UTF-8");
        fs::create_dir(dir.path().join(".docker")).expect("made");
        fs::write(dir.path().join(".docker/config.json"), "{").expect("written");
        let problems = read(&[("HOME", home)].into_iter().collect(), &DockerFiles::Usual).expect_err("it is malformed");
        assert!(problems[0].ends_with("; with `--docker-config none` no such file is read"), "{problems:?}");
    }

    #[test]
    fn a_file_that_is_named_has_to_be_there_and_in_order() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("auth.json");
        let read = |file: &Path| {
            let files: DockerFiles = file.to_str().expect("temporary paths are UTF-8").parse().expect("a name");
            read(&Environment::default(), &files).map(|sources| sources.files().len())
        };
        let missing = read(&file).expect_err("it is not there");
        assert!(missing[0].contains("auth.json cannot be read: "), "{missing:?}");
        fs::write(&file, r#"{"auths": {"a.b": {"auth": "hunter2!"}}}"#).expect("written");
        let malformed = read(&file).expect_err("it is malformed");
        assert!(
            malformed[0].ends_with("auth.json, `auths` of a.b has an `auth` that is not in base 64"),
            "{malformed:?}"
        );
        fs::write(&file, "{}").expect("written");
        assert_eq!(read(&file), Ok(1));
        assert_eq!("none".parse(), Ok(DockerFiles::None));
    }
}
