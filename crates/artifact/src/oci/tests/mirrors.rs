//! Mirrors: who is asked first, who sees which credentials, and what becomes of those that fail.

use std::time::Duration;

use lattice_protocol::error_chain;

use super::{
    fake::{Fake, Reply},
    setup::{Client, MAX, Stored, hello, pull, refused, serving},
};
use crate::{
    kind::Kind,
    oci::{OciError, OciSettings},
    progress::Progress,
};

fn mirrored(registry: &Fake, mirrors: &[String]) -> OciSettings {
    mirrors.iter().fold(OciSettings::default(), |settings, mirror| settings.mirror(&registry.server, mirror))
}

#[tokio::test]
async fn a_mirror_is_asked_instead_of_the_registry() {
    let (registry, mirror) = (serving(Stored::new()).await, serving(Stored::new()).await);
    let settings = mirrored(&registry, &[format!("{}/hub", mirror.server)]);
    let registries = Client::of([&registry, &mirror]).settings(settings).build();
    let image = registries.find(&hello(&registry.server), Kind::Module).await.expect("the mirror has it");
    assert_eq!(image.server(), mirror.server);
    let bytes = registries.download(&hello(&registry.server), &image, MAX, &Progress::default()).await;
    assert_eq!(bytes.expect("the mirror has it"), Stored::new().content);
    assert!(registry.asked().is_empty());
    assert!(mirror.asked().iter().all(|asked| asked.path.starts_with("/v2/hub/acme/hello/")));
}

#[tokio::test]
async fn mirrors_see_their_own_credentials() {
    let stored = Stored::new();
    let asking = move |asked: &_| {
        let asked: &super::fake::Asked = asked;
        match asked.authorization() {
            None => Reply::who("Basic realm=x"),
            Some(_) => stored.serve(asked),
        }
    };
    let (registry, mirror) = (Fake::start(asking.clone()).await, Fake::start(asking).await);
    let client = || {
        let settings = mirrored(&registry, std::slice::from_ref(&mirror.server));
        Client::of([&registry, &mirror]).settings(settings).login(&registry.server, "ada", "secret")
    };
    pull(&client().build(), &registry.server).await.expect("the registry has it");
    assert!(mirror.asked().iter().all(|asked| asked.authorization().is_none()));
    assert!(!registry.asked().is_empty());

    let before = registry.asked().len();
    let registries = client().login(&mirror.server, "bob", "other").build();
    pull(&registries, &registry.server).await.expect("the mirror has it");
    assert_eq!(registry.asked().len(), before);
    let seen: Vec<_> =
        mirror.asked().into_iter().filter_map(|asked| asked.authorization().map(str::to_owned)).collect();
    assert!(seen.iter().all(|seen| seen == "Basic Ym9iOm90aGVy") && !seen.is_empty(), "{seen:?}");
}

#[tokio::test]
async fn a_mirror_that_fails_is_passed_over() {
    let registry = serving(Stored::new()).await;
    let failing = Fake::start(|_| Reply::status(503)).await;
    let silent = Fake::start(|_| Reply::Silence).await;
    let empty = Fake::start(|_| Reply::status(404)).await;
    let page = Fake::start(|_| Reply::ok("text/html", "<p>")).await;
    let gone = serving(Stored::new()).await.server;
    let servers = [&failing, &silent, &empty, &page].map(|fake| fake.server.clone());
    let settings = mirrored(&registry, &[servers.as_slice(), &[gone, "no server".to_owned()]].concat());
    // Long enough for those that answer, on a machine full of tests.
    let silence = Duration::from_secs(1);
    let client = Client::of([&registry, &failing, &silent, &empty, &page]).silent_for(silence).settings(settings);
    assert_eq!(pull(&client.build(), &registry.server).await.expect("the registry has it"), Stored::new().content);
    // What may pass is tried once more and not four times, as others stand behind it.
    let asked = [&failing, &silent, &empty, &page].map(|fake| fake.count("/manifests/"));
    assert_eq!(asked, [2, 2, 1, 1]);
    assert!([&failing, &silent, &empty, &page].iter().all(|fake| fake.count("/blobs/") == 0));
}

#[tokio::test]
async fn a_mirror_that_fails_halfway_is_passed_over() {
    let (registry, last) = (serving(Stored::new()).await, serving(Stored::new()).await);
    let stored = Stored::new();
    let half = Fake::start(move |asked| match asked.is_about("/blobs/") {
        true => Reply::status(200).body("forged"),
        false => stored.serve(asked),
    })
    .await;
    let settings = mirrored(&registry, &[half.server.clone(), last.server.clone()]);
    let registries = Client::of([&registry, &half, &last]).settings(settings).build();
    assert_eq!(pull(&registries, &registry.server).await.expect("others have it"), Stored::new().content);
    assert_eq!((half.count("/blobs/"), last.count("/blobs/"), registry.asked().len()), (1, 1, 0));
}

#[tokio::test]
async fn if_all_fail_it_is_the_registry_whose_error_is_told() {
    let registry = Fake::start(|_| Reply::status(403)).await;
    let mirror = Fake::start(|_| Reply::status(404)).await;
    let settings = mirrored(&registry, std::slice::from_ref(&mirror.server));
    let registries = Client::of([&registry, &mirror]).settings(settings).build();
    let error = refused(pull(&registries, &registry.server).await, &registry.server);
    assert!(matches!(error, OciError::Forbidden { .. }), "{}", error_chain(&error));
    assert_eq!(mirror.asked().len(), 1);
}
