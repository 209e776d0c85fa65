//! A private OCI registry: Debian's `docker-registry`, on a port of its own, with a store of its own, gone with the test.

mod binary;
mod tokens;

use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use self::tokens::{ISSUER, SERVICE};
pub use self::{binary::DOCKER_REGISTRY_VARIABLE, tokens::TokenIssuer};
use crate::{eventually, process::Process};

/// How long a registry may take to listen. It takes milliseconds; the rest is for a machine full of tests.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// How often another port is tried, should a program take the one that was free a moment ago.
const PORTS: usize = 5;

/// The password's hash, as `htpasswd -B` makes it with the least cost that there is.
const PASSWORD_FILE: &str = "tester:$2b$04$CEPPwUK245UTUi5uAF.1ieeV/tfxNXpc6FmRlaZ8UByx5Adfw1.3i\n";

/// What a private registry is to be like. The default: HTTP, and nobody is asked who he is.
#[derive(Clone, Debug, Default)]
pub struct RegistryOptions {
    /// Whether a name and a password are asked for: [`Registry::USERNAME`] and [`Registry::PASSWORD`].
    pub login: bool,
    /// Whether it speaks TLS, with a certificate that [`Registry::authority`] vouches for.
    pub tls: bool,
    /// Whether it sends to a token server, instead of asking for a name and a password.
    pub tokens: Option<RegistryTokens>,
}

/// Where a private registry sends for tokens.
#[derive(Clone, Debug)]
pub struct RegistryTokens {
    /// The URL.
    pub realm: String,
    /// The certificate of the [`TokenIssuer`] behind it.
    pub certificate: String,
}

/// A registry that only this test uses. It ends when this value is dropped, and when the test process dies.
///
/// ```no_run
/// # async fn example() {
/// let registry = lattice_testkit::Registry::start().await;
/// println!("{}/acme/hello:1", registry.server());
/// # }
/// ```
#[derive(Debug)]
pub struct Registry {
    server: String,
    options: RegistryOptions,
    directory: TempDir,
    _process: Process,
}

impl Registry {
    /// The name that it lets in, if it asks for one.
    pub const USERNAME: &str = "tester";
    /// The password that belongs to the name.
    pub const PASSWORD: &str = "registry-of-tests";

    /// Starts a registry without TLS and authentication, and waits until it listens.
    ///
    /// # Panics
    /// If there is no `docker-registry` and none can be provisioned, or it does not start.
    pub async fn start() -> Self {
        Self::start_with(RegistryOptions::default()).await
    }

    /// Starts a registry with these options, and waits until it listens.
    ///
    /// # Panics
    /// As [`Registry::start`].
    pub async fn start_with(options: RegistryOptions) -> Self {
        let binary = binary::docker_registry().await;
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        write_files(directory.path(), &options);
        for _ in 0..PORTS {
            let port = free_port().expect("there is a free port");
            if let Some(process) = launch(binary, directory.path(), port, &options).await {
                return Self { server: format!("localhost:{port}"), options, directory, _process: process };
            }
        }
        panic!("the private registry ended each time:\n{}", log(directory.path()));
    }

    /// The registry as references name it, `localhost:port`.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The file with the certificate (PEM) that vouches for its own; none without TLS.
    pub fn authority(&self) -> Option<PathBuf> {
        self.options.tls.then(|| self.directory.path().join("certificate.pem"))
    }

    /// What the registry has logged.
    pub fn log(&self) -> String {
        log(self.directory.path())
    }
}

fn log(directory: &Path) -> String {
    fs::read_to_string(directory.join("log")).unwrap_or_default()
}

fn write_files(directory: &Path, options: &RegistryOptions) {
    let write = |name: &str, text: &str| {
        fs::write(directory.join(name), text).expect("the test's directory can be written");
    };
    write("passwords", PASSWORD_FILE);
    if let Some(RegistryTokens { certificate, .. }) = &options.tokens {
        write("tokens.pem", certificate);
    }
    if options.tls {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
        write("certificate.pem", &made.cert.pem());
        write("key.pem", &made.signing_key.serialize_pem());
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The registry's process, once it listens; none if it ends before.
async fn launch(binary: &Path, directory: &Path, port: u16, options: &RegistryOptions) -> Option<Process> {
    fs::write(directory.join("config.yml"), config(port, options)).expect("the test's directory can be written");
    let mut command = Command::new(binary);
    command.args(["serve", "config.yml"]).current_dir(directory);
    let mut process = Process::start(command, &directory.join("log")).expect("docker-registry can be started");
    // Its own word for it: whoever else has the port by now would take a connection, too.
    let listens = format!("listening on 127.0.0.1:{port}");
    let is_there = eventually("the private registry listens", START_DEADLINE, async || {
        let has_ended = process.server.try_wait().expect("a child can be waited for").is_some();
        if has_ended { Some(false) } else { log(directory).contains(&listens).then_some(true) }
    });
    is_there.await.then_some(process)
}

/// The configuration, of which all paths are relative to the directory of the test.
fn config(port: u16, options: &RegistryOptions) -> String {
    let mut text = format!(
        "version: 0.1\n\
         storage:\n  filesystem:\n    rootdirectory: store\n\
         http:\n  addr: 127.0.0.1:{port}\n  secret: of-one-test\n"
    );
    if options.tls {
        text += "  tls:\n    certificate: certificate.pem\n    key: key.pem\n";
    }
    if let Some(RegistryTokens { realm, .. }) = &options.tokens {
        text += &format!(
            "auth:\n  token:\n    realm: {realm}\n    service: {SERVICE}\n    issuer: {ISSUER}\n    rootcertbundle: tokens.pem\n"
        );
    } else if options.login {
        text += "auth:\n  htpasswd:\n    realm: tests\n    path: passwords\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    async fn ask(registry: &Registry) -> io::Result<String> {
        let mut stream = TcpStream::connect(registry.server().replace("localhost", "127.0.0.1")).await?;
        stream.write_all(b"GET /v2/ HTTP/1.0\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    #[tokio::test]
    async fn options_reach_the_registry() {
        let registry = Registry::start().await;
        let answer = ask(&registry).await.expect("it listens");
        assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
        assert_eq!(registry.authority(), None);

        let asking = Registry::start_with(RegistryOptions { login: true, ..Default::default() }).await;
        let answer = ask(&asking).await.expect("it listens");
        assert!(answer.starts_with("HTTP/1.0 401"), "{answer}\n{}", asking.log());

        let secure = Registry::start_with(RegistryOptions { tls: true, ..Default::default() }).await;
        let answer = ask(&secure).await.expect("it listens");
        assert!(answer.contains("HTTPS server"), "{answer}");
        let authority = secure.authority().expect("it speaks TLS");
        assert!(fs::read_to_string(authority).expect("it is there").contains("BEGIN CERTIFICATE"));
    }

    #[tokio::test]
    async fn a_registry_ends_with_its_value() {
        let registry = Registry::start().await;
        let address = registry.server().replace("localhost", "127.0.0.1");
        drop(registry);
        TcpStream::connect(address).await.expect_err("nobody listens any more");
    }
}
