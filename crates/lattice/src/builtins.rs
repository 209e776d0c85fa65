//! The capability providers that are part of this program: it is run again to be one of them.

use std::{env, ffi::OsString, process::ExitCode};

use lattice_host::{Builtin, ProviderSettings};
use lattice_protocol::{ContractId, ProviderKey};

/// The first argument that makes the program a provider; the second is its name. Not for people.
const ENTRY: &str = "__provider";

/// Variables of this process's environment that providers get: where programs and certificates are, how to tell the time and
/// in which language, and what published hosts pass on. None of them is a secret.
const ENVIRONMENT: &[&str] = &[
    "PATH",
    "TZ",
    "LANG",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "RUST_LOG",
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// A provider that is part of this program.
struct Provider {
    name: &'static str,
    /// The same on every host and version, for links name it.
    key: &'static str,
    contract: &'static str,
    title: &'static str,
    run: fn() -> ExitCode,
}

impl Provider {
    fn key(&self) -> ProviderKey {
        self.key.parse().expect("the table holds keys")
    }

    fn contract(&self) -> ContractId {
        self.contract.parse().expect("the table holds contracts")
    }
}

const PROVIDERS: &[Provider] = &[
    Provider {
        name: "http-server",
        key: "VBGM3HSU6KRTZWUSJJFDVS6OUAWVJOPTTIFG3WA5OMNJZAJR23A5GQDF",
        contract: "wasmcloud:httpserver",
        title: "HTTP server",
        run: lattice_http_server::run,
    },
    Provider {
        name: "keyvalue",
        key: "VANSWDA6RTWFBPE3RHX2VV7YF4BJZ3C6XC5UMLQSZVVIX3KCZX3YI2JE",
        contract: "wasmcloud:keyvalue",
        title: "Key-value store",
        run: || lattice_provider::run(|context| async { lattice_keyvalue::KeyValue::new(context) }),
    },
    Provider {
        name: "lattice-controller",
        key: "VCTJFCXOPWY3Z5TZFKDUGVQT7NCKZFE573QIIFPWTK5DV5UDYYNGJAL6",
        contract: "wasmcloud:latticecontrol",
        title: "Lattice controller",
        run: lattice_controller::run,
    },
    Provider {
        name: "messaging",
        key: "VDM5BRR7Q6V3MIPIHQO3JQNX6EOBOLFHU7PWG54SVLBYCXIAMXWLI7HL",
        contract: "wasmcloud:messaging",
        title: "Messaging",
        run: || lattice_provider::run(|context| async { lattice_messaging::Messaging::new(context) }),
    },
];

/// What others need to know of a provider that is part of this program.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) reference: String,
    pub(crate) key: ProviderKey,
    pub(crate) contract: ContractId,
}

/// The provider of that name, if there is one.
pub(crate) fn known(name: &str) -> Option<Known> {
    let provider = PROVIDERS.iter().find(|provider| provider.name == name)?;
    let reference = format!("builtin://{name}");
    Some(Known { reference, key: provider.key(), contract: provider.contract() })
}

/// Runs a provider if this process was started as one, and returns its exit code; none otherwise.
pub(crate) fn run_if_provider() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != ENTRY {
        return None;
    }
    let name = arguments.next()?;
    PROVIDERS.iter().find(|provider| name == provider.name).map(|provider| (provider.run)())
}

/// How a host of this program runs providers.
pub(crate) fn provider_settings() -> ProviderSettings {
    let mut settings = ProviderSettings::default();
    // Where the system does not say what this program is, it has no providers of its own.
    settings.builtins = env::current_exe()
        .map(|exe| PROVIDERS.iter().map(|provider| builtin(provider, &exe)).collect())
        .unwrap_or_default();
    settings.environment =
        ENVIRONMENT.iter().filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?))).collect();
    settings
}

fn builtin(provider: &Provider, exe: &std::path::Path) -> Builtin {
    Builtin {
        name: provider.name.to_owned(),
        key: provider.key(),
        contract: provider.contract(),
        title: provider.title.to_owned(),
        revision: 0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        exe: exe.to_owned(),
        arguments: vec![OsString::from(ENTRY), provider.name.into()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let builtins = provider_settings().builtins;
        assert_eq!(builtins.len(), PROVIDERS.len());
        for (index, one) in builtins.iter().enumerate() {
            assert!(builtins[..index].iter().all(|other| other.key != one.key && other.name != one.name), "{one:?}");
        }
    }
}
