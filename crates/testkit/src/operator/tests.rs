use std::time::{Duration, SystemTime};

use async_nats::{
    ConnectErrorKind, Subscriber,
    connection::State,
    jetstream::{self, ErrorCode, account::Account, kv},
};
use futures::{FutureExt as _, StreamExt as _};

use super::{user::NatsPermissions, *};
use crate::eventually;

const DEADLINE: Duration = Duration::from_secs(30);

/// The text of the next message.
async fn next(subscriber: &mut Subscriber) -> String {
    let message = eventually("a message", DEADLINE, async || subscriber.next().await).await;
    String::from_utf8(message.payload.into()).expect("the tests send text")
}

/// Sends to a subject to which the same client listens. When its message is there, the server knows what it did before.
async fn echo(client: &Client, subject: &'static str, subscriber: &mut Subscriber) {
    client.publish(subject, "echo".into()).await.expect("the client runs");
    assert_eq!(next(subscriber).await, "echo");
}

async fn assert_refused(operator: &NatsOperator, user: &NatsUser) {
    let error = operator.connect_as(user).await.expect_err("the user is to be refused");
    assert_eq!(error.kind(), ConnectErrorKind::AuthorizationViolation, "{error:?}");
}

#[tokio::test]
async fn accounts_do_not_hear_each_other() {
    let operator = NatsOperator::start().await;
    let (one, other) = (operator.account("one").await, operator.account("other").await);
    let one = operator.client_as(&one.user("alice")).await;
    let other = operator.client_as(&other.user("alice")).await;
    let mut heard = one.subscribe("news").await.unwrap();
    let mut heard_elsewhere = other.subscribe("news").await.unwrap();
    echo(&one, "news", &mut heard).await;

    other.publish("news", "other".into()).await.unwrap();
    assert_eq!(next(&mut heard_elsewhere).await, "other");
    one.publish("news", "one".into()).await.unwrap();
    assert_eq!(next(&mut heard).await, "one");
}

#[tokio::test]
async fn tokens_that_the_account_has_not_signed_are_refused() {
    let operator = NatsOperator::start().await;
    let account = operator.account("acme").await;
    let alice = account.user("alice");
    assert_refused(&operator, &account.forged_user("alice")).await;

    let other = operator.account("other").await;
    let mallory = other.user("mallory");
    assert_refused(&operator, &NatsUser { jwt: alice.jwt.clone(), seed: mallory.seed.clone() }).await;
    let claims = json!({ "type": "user", "version": token::VERSION, "issuer_account": account.public_key() });
    let key = KeyPair::from_seed(&mallory.seed).unwrap();
    for signer in [KeyPair::new_account(), other.key.clone()] {
        let subject = key.public_key();
        let token = Token { name: "mallory", subject: &subject, expires: None, nats: claims.clone() };
        assert_refused(&operator, &NatsUser { jwt: token.signed_by(&signer), seed: mallory.seed.clone() }).await;
    }

    operator.client_as(&alice).await;
    operator.client_as(&mallory).await;
    let anonymous = async_nats::connect(operator.url()).await.expect_err("who shows no token is refused");
    assert_eq!(anonymous.kind(), ConnectErrorKind::AuthorizationViolation);
}

#[tokio::test]
async fn users_expire() {
    let operator = NatsOperator::start().await;
    let account = operator.account("acme").await;
    for past in [SystemTime::UNIX_EPOCH, SystemTime::now() - Duration::from_secs(2)] {
        assert_refused(&operator, &account.user_until("alice", past)).await;
    }
    operator.client_as(&account.user_until("alice", SystemTime::now() + Duration::from_secs(600))).await;
}

#[tokio::test]
async fn a_revoked_user_is_disconnected_and_stays_out() {
    let mut operator = NatsOperator::start().await;
    let mut account = operator.account("acme").await;
    let (alice, bob) = (account.user("alice"), account.user("bob"));
    let (as_alice, as_bob) = (operator.client_as(&alice).await, operator.client_as(&bob).await);
    let mut heard = as_bob.subscribe("news").await.unwrap();
    echo(&as_bob, "news", &mut heard).await;

    account.revoke(&alice).await;
    assert_refused(&operator, &alice).await;
    let is_gone = async || (as_alice.connection_state() != State::Connected).then_some(());
    eventually("the revoked user is disconnected", DEADLINE, is_gone).await;
    echo(&as_bob, "news", &mut heard).await;
    assert_eq!(as_bob.statistics().connects.load(std::sync::atomic::Ordering::Relaxed), 1);
    operator.client_as(&account.user("alice")).await;

    account.revoke(&account.user("carol")).await;
    operator.server_mut().restart().await;
    assert_refused(&operator, &alice).await;
    operator.client_as(&bob).await;
    account.revoke(&bob).await;
    assert_refused(&operator, &bob).await;
}

#[tokio::test]
async fn accounts_have_jetstream_or_not() {
    let mut operator = NatsOperator::start().await;
    let with = operator.account("with").await.user("alice");
    let without = operator.account_without_jetstream("without").await.user("alice");
    let config = || kv::Config { bucket: "kept".to_owned(), ..Default::default() };
    let context = jetstream::new(operator.client_as(&with).await);
    let bucket = context.create_key_value(config()).await.expect("the account has JetStream");
    bucket.put("key", "value".into()).await.expect("the bucket takes a value");

    let context = jetstream::new(operator.client_as(&without).await);
    let answer: jetstream::response::Response<Account> =
        context.request("INFO", &()).await.expect("there is an answer");
    let jetstream::response::Response::Err { error } = answer else { panic!("{answer:?}") };
    assert_eq!(error.error_code(), ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT);
    context.create_key_value(config()).await.expect_err("the account has no JetStream");

    operator.server_mut().restart().await;
    let context = jetstream::new(operator.client_as(&with).await);
    let bucket = context.get_key_value("kept").await.expect("the bucket is still there");
    assert_eq!(bucket.get("key").await.unwrap().as_deref(), Some(b"value".as_slice()));
}

#[tokio::test]
async fn users_send_and_listen_where_they_may() {
    let operator = NatsOperator::start().await;
    let account = operator.account("acme").await;
    let free = operator.client_as(&account.user("alice")).await;
    let mut publish = NatsPermissions::only(["news.>"]);
    publish.deny.push("news.secret".to_owned());
    let subscribe = NatsPermissions::all_but(["plans"]);
    let bound = account.user_with("bob", &NatsUserOptions { publish, subscribe, ..NatsUserOptions::default() });
    let bound = operator.client_as(&bound).await;

    let mut all = free.subscribe(">").await.unwrap();
    echo(&free, "start", &mut all).await;
    for subject in ["plans", "news.secret", "news.today"] {
        bound.publish(subject, subject.into()).await.unwrap();
    }
    assert_eq!(next(&mut all).await, "news.today");

    let mut plans = bound.subscribe("plans").await.unwrap();
    let mut news = bound.subscribe("news.*").await.unwrap();
    echo(&bound, "news.today", &mut news).await;
    free.publish("plans", "plans".into()).await.unwrap();
    free.publish("news.today", "news".into()).await.unwrap();
    assert_eq!(next(&mut news).await, "news");
    assert!(plans.next().now_or_never().is_none());
}

#[test]
fn debug_shows_no_secret() {
    let user = user::issued("alice", &NatsUserOptions::default(), &KeyPair::new_account());
    assert_eq!(format!("{user:?}"), format!("NatsUser({:?})", user.public_key()));
}
