//! Servers that send elsewhere: where that is followed, and what goes along.

use super::{
    fake::{Asked, Fake, Reply},
    setup::{Client, Stored, pull, refused, serving},
};
use crate::oci::OciError;

/// A registry that knows its users, and answers questions for layers so.
async fn sending_layers(to: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Fake {
    let stored = Stored::new();
    Fake::start(move |asked| match asked.authorization() {
        None => Reply::who("Basic realm=registry"),
        Some(_) if asked.is_about("/blobs/") => to(asked),
        Some(_) => stored.serve(asked),
    })
    .await
}

#[tokio::test]
async fn a_layer_may_be_elsewhere_where_nobody_sees_the_credentials() {
    let stored = Stored::new();
    let storage = Fake::start(move |asked| match asked.path.strip_suffix("?signature=1") {
        Some(path) => stored.serve(&Asked { path: path.to_owned(), ..asked.clone() }),
        None => Reply::status(403),
    })
    .await;
    let to = storage.server.clone();
    let fake = sending_layers(move |asked| Reply::redirect(&format!("http://{to}{}?signature=1", asked.path))).await;
    let registries = Client::of([&fake, &storage]).login(&fake.server, "ada", "secret").build();
    assert_eq!(pull(&registries, &fake.server).await.expect("it is elsewhere"), Stored::new().content);
    assert_eq!(storage.asked().len(), 1);
    assert_eq!(storage.asked()[0].authorization(), None);
}

#[tokio::test]
async fn within_a_server_the_credentials_go_along() {
    let stored = Stored::new();
    let fake = sending_layers(move |asked| match asked.path.strip_prefix("/moved") {
        None => Reply::redirect(&format!("/moved{}", asked.path)),
        Some(path) => stored.serve(&Asked { path: path.to_owned(), ..asked.clone() }),
    })
    .await;
    let registries = Client::of([&fake]).login(&fake.server, "ada", "secret").build();
    assert_eq!(pull(&registries, &fake.server).await.expect("it has moved"), Stored::new().content);
    assert_eq!(fake.count("/moved"), 1);
}

#[tokio::test]
async fn who_sent_elsewhere_sees_no_credentials_when_it_is_sent_back_to() {
    let back = Fake::start(|asked| {
        let home =
            asked.path.strip_prefix("/to/").and_then(|rest| rest.split_once('/')).expect("it names the registry");
        Reply::redirect(&format!("http://{}/back/{}", home.0, home.1))
    })
    .await;
    let to = back.server.clone();
    let fake = Fake::start(move |asked| match asked.is_about("/back/") {
        true => Reply::who("Basic realm=registry"),
        false if asked.authorization().is_none() => Reply::who("Basic realm=registry"),
        false => Reply::redirect(&format!("http://{to}/to/{}/x", asked.host())),
    })
    .await;
    let registries = Client::of([&fake, &back]).login(&fake.server, "ada", "secret").build();
    let error = refused(pull(&registries, &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::Status { status, .. } if status == 401), "{error}");
    let returned: Vec<_> = fake.asked().into_iter().filter(|asked| asked.is_about("/back/")).collect();
    assert!(matches!(&returned[..], [asked] if asked.authorization().is_none()), "{returned:?}");
}

#[tokio::test]
async fn who_was_sent_to_may_not_ask_who_asks() {
    for challenge in ["Basic realm=x".to_owned(), "Bearer realm=\"http://HOST/token\"".to_owned()] {
        let asking = Fake::start(move |asked| Reply::who(&challenge.replace("HOST", asked.host()))).await;
        let to = asking.server.clone();
        let fake = Fake::start(move |asked| Reply::redirect(&format!("http://{to}{}", asked.path))).await;
        let registries = Client::of([&fake, &asking]).login(&fake.server, "ada", "secret").build();
        let error = refused(pull(&registries, &fake.server).await, &fake.server);
        assert!(matches!(error, OciError::Status { status, .. } if status == 401), "{error}");
        assert_eq!((fake.asked().len(), asking.asked().len()), (1, 1));
        assert!(fake.asked()[0].authorization().is_none());
    }
}

#[tokio::test]
async fn refusals_elsewhere_say_nothing_about_credentials() {
    for (refusal, is_missing) in [(403, false), (404, true)] {
        let storage = Fake::start(move |_| Reply::status(refusal)).await;
        let to = storage.server.clone();
        let fake = sending_layers(move |_| Reply::redirect(&format!("http://{to}/x"))).await;
        let registries = Client::of([&fake, &storage]).login(&fake.server, "ada", "secret").build();
        let error = refused(pull(&registries, &fake.server).await, &fake.server);
        match is_missing {
            true => assert!(matches!(error, OciError::NoBlob { .. }), "{error}"),
            false => assert!(matches!(error, OciError::Status { status, .. } if status == refusal), "{error}"),
        }
        assert!(error.to_string().contains(&format!("(asked of {})", storage.server)) || is_missing, "{error}");
    }
}

#[tokio::test]
async fn circles_and_endless_ways() {
    let circle = Fake::start(|asked| match asked.is_about("/there") {
        true => Reply::redirect("/v2/acme/hello/manifests/1"),
        false => Reply::redirect("/there"),
    })
    .await;
    let error = refused(pull(&Client::of([&circle]).build(), &circle.server).await, &circle.server);
    assert!(matches!(error, OciError::RedirectLoop { .. }), "{error}");
    assert_eq!(circle.asked().len(), 2);

    let endless = Fake::start(|asked| Reply::redirect(&format!("{}x", asked.path))).await;
    let error = refused(pull(&Client::of([&endless]).build(), &endless.server).await, &endless.server);
    assert!(matches!(error, OciError::TooManyRedirects { max: 5, .. }), "{error}");
    assert_eq!(endless.asked().len(), 6);
}

#[tokio::test]
async fn five_redirects_are_followed() {
    let stored = Stored::new();
    let fake = Fake::start(move |asked| match asked.path.split_once("?n=") {
        _ if asked.is_about("/blobs/") => stored.serve(asked),
        None => Reply::redirect(&format!("{}?n=1", asked.path)),
        Some((path, "5")) => stored.serve(&Asked { path: path.to_owned(), ..asked.clone() }),
        Some((path, n)) => Reply::redirect(&format!("{path}?n={}", n.parse::<u32>().expect("it is a number") + 1)),
    })
    .await;
    pull(&Client::of([&fake]).build(), &fake.server).await.expect("five are allowed");
}

#[tokio::test]
async fn redirects_to_nowhere() {
    for reply in [Reply::status(302), Reply::redirect(""), Reply::redirect("http://"), Reply::redirect("data:,x")] {
        let fake = Fake::start(move |_| reply.clone()).await;
        let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
        assert!(matches!(error, OciError::NoLocation { .. }), "{error}");
        assert_eq!(fake.asked().len(), 1);
    }
}

#[tokio::test]
async fn redirects_out_of_tls() {
    let plain = serving(Stored::new()).await;
    let to = plain.server.clone();
    let redirect = move |asked: &Asked| Reply::redirect(&format!("http://{to}{}", asked.path));
    let fake = Fake::start_tls(redirect.clone()).await;
    // Not even to a server that may be asked without TLS.
    let registries = Client::of([&plain]).trusting(fake.authority.as_deref().expect("it has TLS")).build();
    let error = refused(pull(&registries, &fake.server).await, &fake.server);
    assert!(matches!(&error, OciError::RedirectToHttp { to, .. } if *to == plain.server), "{error}");

    let insecure = Fake::start(redirect).await;
    let error = refused(pull(&Client::of([&insecure]).build(), &insecure.server).await, &insecure.server);
    assert!(matches!(error, OciError::RedirectToHttp { .. }), "{error}");
    assert!(plain.asked().is_empty());
    let registries = Client::of([&insecure, &plain]).build();
    pull(&registries, &insecure.server).await.expect("both are named as insecure");
}

#[tokio::test]
async fn errors_do_not_tell_signed_urls() {
    let storage = Fake::start(|_| Reply::Raw(Vec::new())).await;
    let to = storage.server.clone();
    let fake = Fake::start(move |_| Reply::redirect(&format!("http://{to}/x?signature=hidden"))).await;
    let error = refused(pull(&Client::of([&fake, &storage]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::BrokenOff { .. }), "{error}");
    let shown = format!("{} {error:?}", lattice_protocol::error_chain(&error));
    assert!(shown.contains(&storage.server) && !shown.contains("hidden"), "{shown}");
}
