//! `lattice registry`.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use lattice_artifact::{Place, RegistryKind};

/// Keep credentials for registries
#[derive(Debug, Subcommand)]
pub(crate) enum Registry {
    Set(SetRegistry),
    Remove(RemoveRegistries),
    Put(PutRegistries),
    /// Have every host forget the credentials of all registries
    ///
    /// Hosts of other projects keep theirs.
    #[command(after_help = "Example:\n  lattice registry clear")]
    Clear,
    /// Show for which registries the lattice has credentials
    ///
    /// Which kind of credential it is, and never the credential itself. What a single host was told by its own settings is not
    /// among them.
    #[command(after_help = "Example:\n  lattice registry list")]
    List,
}

/// Give every host the credentials of a registry
///
/// What is known of other registries stays. The lattice keeps them, sealed with the seed of its cluster, so that hosts have them that
/// join later. The secret is read from a file, standard input or an environment variable, never from the command line, which every
/// user of the machine can see.
///
/// They are for the whole registry, or for what lies below a path of it; of several that fit the one for the longest path is used.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("password").args(["password_file", "password_env"]))]
#[command(group = ArgGroup::new("secret").required(true).args(["password_file", "password_env", "token_file", "token_env"]))]
#[command(after_help = "\
Examples:
  lattice registry set registry.example --user ada --password-file password.txt
  lattice registry set ghcr.io/acme --user ada --password-env GITHUB_TOKEN
  printf %s \"$TOKEN\" | lattice registry set registry.example:5000 --token-file -")]
pub(crate) struct SetRegistry {
    /// The registry, `host` or `host:port`, with a path behind it if they are for a part of it
    #[arg(value_parser = registry)]
    pub(crate) registry: Place,
    /// What kind of registry it is
    #[arg(long, value_enum, default_value_t)]
    pub(crate) kind: Kind,
    /// The user's name
    #[arg(long, requires = "password")]
    pub(crate) user: Option<String>,
    /// The file with the password, `-` for standard input
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) password_file: Option<String>,
    /// The environment variable with the password
    #[arg(long, value_name = "VARIABLE", requires = "user")]
    pub(crate) password_env: Option<String>,
    /// The file with a token, `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<String>,
    /// The environment variable with a token
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) token_env: Option<String>,
}

/// Have every host forget the credentials of registries
///
/// What is known of others stays.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lattice registry remove registry.example ghcr.io/acme")]
pub(crate) struct RemoveRegistries {
    /// The registries, as `lattice registry list` shows them
    #[arg(required = true, value_name = "REGISTRY", value_parser = registry)]
    pub(crate) registries: Vec<Place>,
}

/// Give every host the credentials of all registries
///
/// They replace all that is known. Hosts of other projects keep what they know of registries that are not named.
///
/// The file is JSON or TOML: a map of registries, each with username and password, or token, and perhaps registryType, which is oci or
/// bindle.
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  lattice registry put registries.json
  vault read -format=json registries | jq .data | lattice registry put -

registries.json:
  {"ghcr.io/acme": {"username": "ada", "password": "..."}, "registry.example": {"token": "..."}}"#)]
pub(crate) struct PutRegistries {
    /// The file, `-` for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: String,
}

/// What kind of registry it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// An OCI registry
    #[default]
    Oci,
    /// A bindle server
    Bindle,
}

impl From<Kind> for RegistryKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Oci => RegistryKind::Oci,
            Kind::Bindle => RegistryKind::Bindle,
        }
    }
}

fn registry(text: &str) -> Result<Place, String> {
    match text.contains('@') {
        true => Err("a registry is host or host:port, perhaps with a path; a user's name goes to --user".to_owned()),
        false => text.parse().map_err(|_| "expected host or host:port, perhaps with a path".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_hosts_and_parts_of_them() {
        let good =
            ["registry.example", "registry.example:5000", "10.0.0.1:80", "localhost", "[::1]:5000", "ghcr.io/acme"];
        for good in good {
            assert_eq!(registry(good).expect("it is one").to_string(), good);
        }
        assert_eq!(registry("https://Registry.example/").expect("it is one").to_string(), "registry.example");
        for bad in ["", "ada:pw@r.example", "r.example/a@b", "a b", ":5000", "r:many", "r:70000", "::1"] {
            assert!(registry(bad).is_err(), "{bad}");
        }
    }
}
