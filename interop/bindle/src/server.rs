//! The server itself.

use std::{io::Cursor, net::TcpListener, sync::Arc, time::Duration};

use bindle::{
    Id, SecretKeyEntry, SignatureRole, VerificationStrategy,
    authn::http_basic::HttpBasic,
    client::{
        Client,
        tokens::{HttpBasic as Password, LongLivedToken, NoToken, TokenManager},
    },
    provider::file::FileProvider,
    search::StrictEngine,
    server,
    signature::{KeyEntry, KeyRing, SecretKeyFile},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::{self, Instant},
};

use crate::{Package, door::Door};

/// The user that servers with a password know.
pub const USER: &str = "alice";
/// The user's password.
pub const PASSWORD: &str = "correct horse";
/// The token that servers with a token know.
pub const TOKEN: &str = "opensesame";

/// How long a server may take until it listens. It takes milliseconds.
const DEADLINE: Duration = Duration::from_secs(30);

/// A server with an empty store, gone when this is dropped.
pub struct Server {
    door: Door,
    port: u16,
    creator: SecretKeyEntry,
    task: JoinHandle<anyhow::Result<()>>,
    // Last, so that the server goes first.
    _directory: TempDir,
}

impl Server {
    /// One that everybody may use.
    pub async fn open() -> Self {
        Self::start(Door::Open, directory()).await
    }

    /// One for [`USER`], who has the [`PASSWORD`].
    pub async fn with_password() -> Self {
        let directory = directory();
        let hash = bcrypt::hash_with_result(PASSWORD, 4).expect("the cost is allowed");
        let users = directory.path().join("htpasswd");
        let line = format!("{USER}:{}\n", hash.format_for_version(bcrypt::Version::TwoY));
        std::fs::write(&users, line).expect("the server's directory can be written");
        let users = HttpBasic::from_file(&users).await.expect("it was just written");
        Self::start(Door::Password(users), directory).await
    }

    /// One for who has the [`TOKEN`].
    pub async fn with_token() -> Self {
        Self::start(Door::Token(TOKEN.to_owned()), directory()).await
    }

    async fn start(door: Door, directory: TempDir) -> Self {
        let creator = SecretKeyEntry::new("creator", vec![SignatureRole::Creator]);
        let known = KeyEntry::try_from(&creator).expect("the key was just made");
        let host = SecretKeyEntry::new("host", vec![SignatureRole::Host]);
        let secrets = SecretKeyFile { key: vec![host], ..SecretKeyFile::default() };
        let index = StrictEngine::default();
        let store = FileProvider::new(directory.path(), index.clone()).await;
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("there is a free port");
        let task = tokio::spawn(server::server(
            store,
            index,
            door.clone(),
            door.clone(),
            address,
            None,
            secrets,
            VerificationStrategy::CreativeIntegrity,
            KeyRing::new(vec![known]),
        ));
        let mut server = Self { door, port: address.port(), creator, task, _directory: directory };
        server.until_it_listens().await;
        server
    }

    async fn until_it_listens(&mut self) {
        let end = Instant::now() + DEADLINE;
        while TcpStream::connect(self.address()).await.is_err() {
            assert!(Instant::now() < end && !self.task.is_finished(), "the server does not listen on its port");
            time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where clients begin.
    pub fn url(&self) -> String {
        format!("http://{}/v1/", self.address())
    }

    /// Pushes the package, as its creator.
    pub async fn push(&self, package: Package) {
        self.push_with(package, true).await;
    }

    /// Pushes the invoice of the package alone.
    pub async fn push_invoice(&self, package: Package) {
        self.push_with(package, false).await;
    }

    async fn push_with(&self, package: Package, parcels: bool) {
        let creator = &self.creator;
        match &self.door {
            Door::Open => push(self.client(NoToken), package, parcels, creator).await,
            Door::Password(_) => push(self.client(Password::new(USER, PASSWORD)), package, parcels, creator).await,
            Door::Token(token) => push(self.client(LongLivedToken::new(token)), package, parcels, creator).await,
        }
    }

    /// Withdraws a bindle, which must be on a server for everybody.
    pub async fn yank(&self, id: &str) {
        let id: Id = id.parse().expect("name and version");
        self.client(NoToken).yank_invoice(id).await.expect("it is withdrawn");
    }

    fn client<T: TokenManager>(&self, manager: T) -> Client<T> {
        Client::new(&self.url(), manager, Arc::new(KeyRing::default())).expect("the URL is one")
    }

    /// The very bytes that the server answers to a request for `path`.
    pub async fn answer(&self, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address());
        headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
        let mut stream = TcpStream::connect(self.address()).await.expect("the server listens");
        stream.write_all(format!("{request}\r\n").as_bytes()).await.expect("the server reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("the server answers");
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("lattice-bindle-").tempdir().expect("a temporary directory can be made")
}

/// Of the parcels, the server wants those that no other bindle has.
async fn push<T: TokenManager>(client: Client<T>, package: Package, parcels: bool, creator: &SecretKeyEntry) {
    let mut invoice = package.invoice();
    invoice.sign(SignatureRole::Creator, creator).expect("nobody has signed it yet");
    let created = client.create_invoice(invoice).await.expect("the server takes the invoice");
    for label in created.missing.unwrap_or_default().iter().filter(|_| parcels) {
        let parcel = package.parcels.iter().find(|parcel| parcel.0.sha256 == label.sha256);
        let bytes = parcel.expect("the server misses what was in the invoice").1.clone();
        let stream = tokio_stream::once(Ok(Cursor::new(bytes)));
        let created = client.create_parcel_from_stream(created.invoice.bindle.id.clone(), &label.sha256, stream);
        created.await.expect("the server takes the parcel");
    }
}
