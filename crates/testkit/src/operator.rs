//! A private nats-server in operator mode: who connects shows a token that an account has signed, and accounts are apart.
//!
//! Leaves out signing keys, imports and exports: an account's own key signs for its users, and nothing crosses accounts.

mod account;
mod token;
mod user;

#[cfg(test)]
mod tests;

use async_nats::{Client, ConnectError, ConnectOptions};
use nkeys::KeyPair;
use serde_json::{Value, json};

pub use self::{
    account::NatsAccount,
    user::{NatsPermissions, NatsUser, NatsUserOptions},
};
use self::{
    account::{JetStream, account_claims},
    token::Token,
};
use crate::{NatsOptions, NatsServer};

/// Where a server with a resolver takes the tokens of accounts.
const UPDATE_CLAIMS: &str = "$SYS.REQ.CLAIMS.UPDATE";

/// A private nats-server in operator mode, and the operator that it trusts.
///
/// ```no_run
/// # async fn example() {
/// use lattice_testkit::NatsOperator;
///
/// let operator = NatsOperator::start().await;
/// let mut account = operator.account("acme").await;
/// let (alice, bob) = (account.user("alice"), account.user("bob"));
/// let client = operator.client_as(&alice).await;
/// client.publish("greeting", "hello".into()).await.expect("the server runs");
///
/// account.revoke(&alice).await;
/// assert!(operator.connect_as(&alice).await.is_err());
/// assert!(operator.connect_as(&bob).await.is_ok());
/// # }
/// ```
#[derive(Debug)]
pub struct NatsOperator {
    server: NatsServer,
    authority: Authority,
}

impl NatsOperator {
    /// Starts a server with JetStream and no account but that of the system, and waits until it answers.
    ///
    /// # Panics
    /// As [`NatsServer::start`].
    pub async fn start() -> Self {
        Self::start_with(NatsOptions::default()).await
    }

    /// Starts a server with these options, to which what makes it one in operator mode is added, and waits until it answers.
    ///
    /// # Panics
    /// As [`NatsServer::start_with`].
    pub async fn start_with(mut options: NatsOptions) -> Self {
        let (key, system) = (KeyPair::new_operator(), KeyPair::new_account());
        options.config = format!("{}\n{}", options.config, config(&key, &system));
        let server = NatsServer::start_with(options).await;
        let user = user::issued("system", &NatsUserOptions::default(), &system);
        Self { authority: Authority { key, url: server.url(), system: user }, server }
    }

    /// The URL for clients.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The server.
    pub fn server(&self) -> &NatsServer {
        &self.server
    }

    /// The server, to end it and to start it again: it then still has its accounts, and what they have revoked.
    pub fn server_mut(&mut self) -> &mut NatsServer {
        &mut self.server
    }

    /// A new account, with JetStream and without limits, which the server knows when this returns.
    ///
    /// # Panics
    /// If the server does not take it.
    pub async fn account(&self, name: &str) -> NatsAccount {
        NatsAccount::open(name, JetStream::Unlimited, self.authority.clone()).await
    }

    /// A new account, without limits but for JetStream, of which it has nothing; the server knows it when this returns.
    ///
    /// # Panics
    /// If the server does not take it.
    pub async fn account_without_jetstream(&self, name: &str) -> NatsAccount {
        NatsAccount::open(name, JetStream::None, self.authority.clone()).await
    }

    /// A client that is connected as this user.
    ///
    /// # Panics
    /// If the server does not let the user in.
    pub async fn client_as(&self, user: &NatsUser) -> Client {
        self.connect_as(user).await.unwrap_or_else(|error| panic!("the server does not let {user:?} in: {error}"))
    }

    /// Connects as this user, once.
    ///
    /// # Errors
    /// `AuthorizationViolation` if the server does not let the user in.
    pub async fn connect_as(&self, user: &NatsUser) -> Result<Client, ConnectError> {
        connect(&self.url(), user).await
    }
}

/// Signs for accounts and brings their tokens to the server.
#[derive(Clone, Debug)]
struct Authority {
    key: KeyPair,
    url: String,
    system: NatsUser,
}

impl Authority {
    /// Has the server take an account as it is described now. It has acted on it before it answers.
    async fn push(&self, account: Token<'_>) {
        let token = account.signed_by(&self.key);
        let answer = self.ask(UPDATE_CLAIMS, token).await;
        assert_eq!(answer["data"]["code"], 200, "the resolver refuses an account: {answer}");
    }

    /// Asks the server as its own system does.
    async fn ask(&self, subject: &str, payload: String) -> Value {
        let client = connect(&self.url, &self.system).await.expect("the server lets its own system in");
        let answer = client.request(subject.to_owned(), payload.into()).await.expect("the server answers its system");
        serde_json::from_slice(&answer.payload).expect("the server answers in JSON")
    }

    /// How many clients are connected in an account, as the server tells its monitors.
    async fn connections(&self, account: &str) -> usize {
        let answer = self.ask(&format!("$SYS.REQ.ACCOUNT.{account}.CONNZ"), String::new()).await;
        let count = answer["data"]["num_connections"].as_u64();
        count.and_then(|count| count.try_into().ok()).unwrap_or_else(|| panic!("no number of connections: {answer}"))
    }
}

async fn connect(url: &str, user: &NatsUser) -> Result<Client, ConnectError> {
    let options = ConnectOptions::with_credentials(&user.creds()).expect("the text is that of a creds file");
    options.connect(url).await
}

/// The folder of the resolver is one in that of the server, which runs there.
fn config(operator: &KeyPair, system: &KeyPair) -> String {
    let id = system.public_key();
    let claims = json!({ "type": "operator", "version": token::VERSION, "system_account": id });
    let trusted = Token { name: "tests", subject: &operator.public_key(), expires: None, nats: claims };
    let claims = account_claims(JetStream::None, &Default::default());
    let account = Token { name: "system", subject: &id, expires: None, nats: claims };
    format!(
        "operator: {:?}\n\
         system_account: {id}\n\
         resolver {{ type: full, dir: \"accounts\", allow_delete: true, interval: \"2m\" }}\n\
         resolver_preload {{ {id}: {:?} }}",
        trusted.signed_by(operator),
        account.signed_by(operator),
    )
}
