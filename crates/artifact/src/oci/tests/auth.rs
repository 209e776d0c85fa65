//! Who is told who asks: challenges, tokens, and to whom credentials do not go.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use lattice_protocol::error_chain;

use super::{
    fake::{Asked, Fake, Reply},
    setup::{Client, Stored, pull, refused},
};
use crate::{
    credentials::{Credential, Credentials, Layer, Places, RegistryKind},
    oci::{OciError, OciSettings},
};

/// `ada:secret`.
const LOGIN: &str = "Basic YWRhOnNlY3JldA==";
const TOKEN: &str = r#"{"token":"t0ken","expires_in":300}"#;

/// A registry that sends to `/token` on itself, whose question for a token is answered so, and that takes `t0ken`.
async fn with_tokens(token: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Fake {
    let stored = Stored::new();
    Fake::start(move |asked| match asked.authorization() {
        _ if asked.is_about("/token") => token(asked),
        Some("Bearer t0ken") => stored.serve(asked),
        _ => challenge(&format!("http://{}/token", asked.host())),
    })
    .await
}

fn challenge(realm: &str) -> Reply {
    Reply::who(&format!(
        r#"Bearer realm="{realm}",service="registry.example",scope="repository:other:pull,push,delete""#
    ))
}

fn json(body: &str) -> Reply {
    Reply::ok("application/json", body)
}

#[tokio::test]
async fn a_token_is_asked_for_once() {
    let fake = with_tokens(|_| json(TOKEN)).await;
    let registries = Client::of([&fake]).build();
    for _ in 0..2 {
        assert_eq!(pull(&registries, &fake.server).await.expect("it is for everybody"), Stored::new().content);
    }
    let tokens: Vec<_> = fake.asked().into_iter().filter(|asked| asked.is_about("/token")).collect();
    let [asked] = &tokens[..] else { panic!("{tokens:?}") };
    // What is asked for is decided here, not by the challenge.
    assert_eq!(asked.path, "/token?service=registry.example&scope=repository%3Aacme%2Fhello%3Apull");
    assert_eq!(asked.authorization(), None);
    let first = fake.asked().into_iter().next().expect("something was asked");
    assert_eq!(first.authorization(), None);
}

#[tokio::test]
async fn credentials_are_shown_to_the_token_server_alone() {
    let fake = with_tokens(|asked| match asked.authorization() {
        Some(LOGIN) => json(r#"{"access_token":"t0ken"}"#),
        _ => Reply::status(401),
    })
    .await;
    let registries = Client::of([&fake]).login(&fake.server, "ada", "secret").build();
    pull(&registries, &fake.server).await.expect("ada may have it");
    for asked in fake.asked().iter().filter(|asked| !asked.is_about("/token")) {
        assert!(matches!(asked.authorization(), None | Some("Bearer t0ken")), "{asked:?}");
    }
    let wrong = Client::of([&fake]).login(&fake.server, "ada", "wrong").build();
    let error = refused(pull(&wrong, &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::CredentialsRefused { .. }), "{error}");
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::Unauthorized { .. }), "{error}");
    assert!(error.to_string().contains("lattice registry set"), "{error}");
}

#[tokio::test]
async fn a_token_that_is_no_longer_taken_is_replaced() {
    let stored = Stored::new();
    let current = Arc::new(AtomicUsize::new(0));
    let fake = Fake::start({
        let current = Arc::clone(&current);
        move |asked| {
            let current = current.load(Ordering::Relaxed);
            match asked.authorization() {
                _ if asked.is_about("/token") => json(&format!(r#"{{"token":"t{current}","expires_in":3600}}"#)),
                Some(token) if token == format!("Bearer t{current}") => stored.serve(asked),
                _ => challenge(&format!("http://{}/token", asked.host())),
            }
        }
    })
    .await;
    let registries = Client::of([&fake]).build();
    for expect in 1..=3 {
        pull(&registries, &fake.server).await.expect("it is for everybody");
        assert_eq!(fake.count("/token"), expect);
        current.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn tokens_are_not_kept_longer_than_they_hold() {
    let fake = with_tokens(|_| json(r#"{"token":"t0ken","expires_in":0}"#)).await;
    pull(&Client::of([&fake]).build(), &fake.server).await.expect("it is for everybody");
    assert_eq!(fake.count("/token"), 2);
}

#[tokio::test]
async fn who_loses_the_credentials_loses_what_they_brought() {
    let fake = with_tokens(|asked| match asked.authorization() {
        Some(LOGIN) => json(TOKEN),
        _ => Reply::status(403),
    })
    .await;
    let (username, password) = ("ada".to_owned(), "secret".to_owned());
    let credentials = Credentials::default();
    let place = fake.server.parse().expect("a place");
    let places = Places::default().with(RegistryKind::Oci, place, Credential::Basic { username, password });
    credentials.replace(Layer::Host, places);
    let registries = Client::of([&fake]).build_with(credentials.clone());
    pull(&registries, &fake.server).await.expect("ada may have it");
    credentials.replace(Layer::Host, Places::default());
    let error = refused(pull(&registries, &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::Unauthorized { .. }), "{error}");
}

#[tokio::test]
async fn names_and_passwords_without_tokens() {
    let stored = Stored::new();
    let fake = Fake::start(move |asked| match asked.authorization() {
        Some(LOGIN) => stored.serve(asked),
        _ => Reply::who("Basic realm=x").body("who are you?"),
    })
    .await;
    let registries = Client::of([&fake]).login(&fake.server, "ada", "secret").build();
    pull(&registries, &fake.server).await.expect("ada may have it");
    // The first question brought the challenge, and nothing was asked twice after that.
    assert_eq!(fake.asked().len(), 3);

    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::Unauthorized { .. }), "{error}");
    let before = fake.asked().len();
    let wrong = Client::of([&fake]).login(&fake.server, "ada", "wrong").build();
    let error = refused(pull(&wrong, &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::CredentialsRefused { .. }), "{error}");
    assert!(error.to_string().ends_with("(it says: who are you?)"), "{error}");
    assert_eq!(fake.asked().len(), before + 2);
}

#[tokio::test]
async fn a_token_that_is_set_is_shown_to_the_registry_itself() {
    let fake = with_tokens(|_| Reply::status(500)).await;
    let token = |text: &str| Client::of([&fake]).credential(&fake.server, Credential::Token(text.to_owned())).build();
    pull(&token("t0ken"), &fake.server).await.expect("the token is good");
    let error = refused(pull(&token("other"), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::CredentialsRefused { .. }), "{error}");
    assert_eq!(fake.count("/token"), 0);
    let error = refused(pull(&token("a\nb"), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::BadCredentials { .. }), "{error}");
    let colon = Client::of([&fake]).login(&fake.server, "a:b", "c").build();
    let error = refused(pull(&colon, &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::BadCredentials { .. }), "{error}");
}

#[tokio::test]
async fn a_foreign_token_server_is_shown_no_credentials() {
    let foreign = Fake::start(|_| json(TOKEN)).await;
    let realm = format!("http://{}/token", foreign.server);
    let stored = Stored::new();
    let fake = Fake::start(move |asked| match asked.authorization() {
        Some("Bearer t0ken") => stored.serve(asked),
        _ => challenge(&realm),
    })
    .await;
    let client = || Client::of([&fake, &foreign]).login(&fake.server, "ada", "secret");
    let error = refused(pull(&client().build(), &fake.server).await, &fake.server);
    assert!(matches!(&error, OciError::ForeignRealm { realm, .. } if *realm == foreign.server), "{error}");
    assert!(error.to_string().contains(&format!("--token-server {}", foreign.server)), "{error}");
    assert!(foreign.asked().is_empty());

    // Who has none to show may ask anybody.
    pull(&Client::of([&fake, &foreign]).build(), &fake.server).await.expect("it is for everybody");
    assert!(foreign.asked().iter().all(|asked| asked.authorization().is_none()));

    let settings = OciSettings::default().token_server(&foreign.server);
    pull(&client().settings(settings).build(), &fake.server).await.expect("the token server is named");
    assert_eq!(foreign.asked().last().and_then(Asked::authorization), Some(LOGIN));
}

#[tokio::test]
async fn token_servers_without_tls() {
    let insecure = Fake::start(|_| json(TOKEN)).await;
    let realm = format!("http://{}/token", insecure.server);
    let fake = Fake::start(move |_| challenge(&realm)).await;
    for client in [Client::of([&fake]), Client::of([&fake]).login(&fake.server, "ada", "secret")] {
        let error = refused(pull(&client.build(), &fake.server).await, &fake.server);
        assert!(matches!(&error, OciError::InsecureRealm { realm, .. } if *realm == insecure.server), "{error}");
    }
    assert!(insecure.asked().is_empty());
}

#[tokio::test]
async fn challenges_that_cannot_be_answered() {
    let error_of = async |reply: Reply| {
        let fake = Fake::start(move |_| reply.clone()).await;
        let client = Client::of([&fake]).login(&fake.server, "ada", "secret");
        let error = refused(pull(&client.build(), &fake.server).await, &fake.server);
        assert_eq!(fake.asked().len(), 1);
        error
    };
    let error = error_of(Reply::status(401)).await;
    assert!(matches!(error, OciError::NoChallenge { .. }), "{error}");
    let error = error_of(Reply::who("Negotiate")).await;
    assert!(matches!(error, OciError::UnknownChallenge { .. }), "{error}");
    for malformed in
        ["Bearer realm=\"http://x", "Bearer service=x", "Bearer realm=/token", "Bearer realm=\"https://u:p@x/\""]
    {
        let error = error_of(Reply::who(malformed)).await;
        assert!(matches!(error, OciError::MalformedChallenge { .. }), "{malformed}: {error}");
    }
}

#[tokio::test]
async fn answers_that_are_no_tokens() {
    for body in ["", "<p>", "{}", r#"{"token":7}"#, r#""t0ken""#, r#"{"token":null}"#] {
        let fake = with_tokens(move |_| json(body)).await;
        let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
        assert!(matches!(error, OciError::MalformedToken { .. }), "{body}: {error}");
        assert!(!error_chain(&error).contains("t0ken"), "{error}");
    }
    for body in [r#"{"token":""}"#, r#"{"token":"a\nb"}"#] {
        let fake = with_tokens(move |_| json(body)).await;
        let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
        assert!(matches!(error, OciError::BadToken { .. }), "{body}: {error}");
    }
    let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(64 << 10));
    let fake = with_tokens(move |_| json(&long)).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::TooLong { max: 65_536, .. }), "{error}");
}

#[tokio::test]
async fn token_servers_that_fail() {
    for (status, asked) in [(404, 1), (400, 1), (503, 4), (429, 4)] {
        let fake = with_tokens(move |_| Reply::status(status)).await;
        let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
        let expected = match status {
            429 => matches!(error, OciError::Busy { .. }),
            503 => matches!(error, OciError::ServerFailed { .. }),
            _ => matches!(error, OciError::Status { .. }),
        };
        assert!(expected, "{error}");
        assert_eq!(fake.count("/token"), asked);
    }
}

#[tokio::test]
async fn a_token_server_that_sends_elsewhere() {
    let elsewhere = Fake::start(|_| json(TOKEN)).await;
    let to = elsewhere.server.clone();
    let fake = with_tokens(move |_| Reply::redirect(&format!("http://{to}/token"))).await;
    let registries = Client::of([&fake, &elsewhere]).login(&fake.server, "ada", "secret").build();
    let error = refused(pull(&registries, &fake.server).await, &fake.server);
    assert!(matches!(&error, OciError::RedirectElsewhere { to, .. } if *to == elsewhere.server), "{error}");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn what_servers_repeat_of_secrets_is_not_told() {
    let echo = Arc::new(AtomicBool::new(false));
    let fake = with_tokens({
        let echo = Arc::clone(&echo);
        move |asked| match echo.load(Ordering::Relaxed) {
            true => json(r#"{"token":"h1dden"}"#),
            false => Reply::status(401).body(format!("{} secret", asked.authorization().unwrap_or_default())),
        }
    })
    .await;
    let registries = Client::of([&fake]).login(&fake.server, "ada", "secret").build();
    let error = refused(pull(&registries, &fake.server).await, &fake.server);
    let shown = format!("{} {error:?} {registries:?}", error_chain(&error));
    assert!(shown.contains("(it says: Basic … …)"), "{shown}");
    assert!(!shown.contains("secret") && !shown.contains(&LOGIN[6..]), "{shown}");
}

/// What stands for a user is exchanged, in the body of a question where no log has it.
#[tokio::test]
async fn an_identity_is_exchanged_for_a_token() {
    let fake = with_tokens(|asked| match asked.is_about("id3ntity") {
        false => json(TOKEN),
        true => Reply::status(500),
    })
    .await;
    let identity = || Credential::Identity("id3ntity".to_owned());
    let registries = Client::of([&fake]).credential(&fake.server, identity()).build();
    pull(&registries, &fake.server).await.expect("it is for who has that");
    let asked = fake.asked().into_iter().find(|asked| asked.is_about("/token")).expect("it was exchanged");
    assert_eq!((asked.method.as_str(), asked.path.as_str(), asked.authorization()), ("POST", "/token", None));

    let elsewhere = Fake::start(|_| challenge("https://tokens.elsewhere.example/token")).await;
    let registries = Client::of([&elsewhere]).credential(&elsewhere.server, identity()).build();
    let error = refused(pull(&registries, &elsewhere.server).await, &elsewhere.server);
    assert!(matches!(error, OciError::ForeignRealm { .. }), "{error}");
}

/// The answer to what has a body was waited for without limit.
#[tokio::test]
async fn regression_a_token_server_that_stops_in_its_answer_is_given_up() {
    let fake = with_tokens(|_| json(TOKEN).with("content-length", "1000").stuck()).await;
    let identity = Credential::Identity("id3ntity".to_owned());
    let registries = Client::of([&fake]).credential(&fake.server, identity).hasty().build();
    let error = refused(pull(&registries, &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::Silent { .. } | OciError::BrokenOff { .. }), "{error}");
}

/// Registries that hide what is private say that there is nothing, or that it is forbidden.
#[tokio::test]
async fn a_registry_that_hides_what_is_private_is_told_who_asks() {
    for hidden in [403, 404] {
        let stored = Stored::new();
        let fake = Fake::start(move |asked| match asked.authorization() {
            Some(LOGIN) => stored.serve(asked),
            _ if asked.path == "/v2/" => Reply::who("Basic realm=x"),
            _ => Reply::status(hidden),
        })
        .await;
        let registries = Client::of([&fake]).login(&fake.server, "ada", "secret").build();
        pull(&registries, &fake.server).await.expect("ada may have it");
        pull(&Client::of([&fake]).build(), &fake.server).await.expect_err("nobody else may");
    }
}
