//! Gathers with members: each bad, mute, slow or killed host costs only itself.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use lattice_client::{Client, ClientSettings, RequestError};
use lattice_protocol::{
    Ack, CredentialKind, Format, KnownRegistries, KnownRegistry, MERGE_HEADER, OPERATION_HEADER, PART_HEADER,
    PARTS_HEADER, RefusalCode, Registries, RegistryCredential, decode, encode,
};
use lattice_testkit::NatsServer;
use tokio::time::timeout;

use crate::fake::*;

fn ping(index: usize) -> String {
    control(&format!("lattice.{}.ping", HOSTS[index]))
}

/// A lattice of these members, of which nobody answers yet.
async fn lattice_of(
    indexes: &'static [usize],
    change: impl FnOnce(&mut ClientSettings),
) -> (NatsServer, Client, Responder) {
    let (nats, client) = lattice_with(change).await;
    let told =
        Responder::start(&nats, &control("lattice.members"), move |_| vec![members(indexes.iter().copied())]).await;
    (nats, client, told)
}

/// A host that answers questions to all and to itself with this.
async fn answering(nats: &NatsServer, index: usize, body: Vec<u8>) -> [Responder; 2] {
    let to_all = Responder::fixed(nats, &control("ping.hosts"), body.clone()).await;
    [to_all, Responder::fixed(nats, &ping(index), body).await]
}

/// A host that listens and says nothing.
async fn mute(nats: &NatsServer, index: usize) -> [Responder; 2] {
    [Responder::mute(nats, &control("ping.hosts")).await, Responder::mute(nats, &ping(index)).await]
}

/// A host that answers only when it is asked itself.
async fn slow(nats: &NatsServer, index: usize) -> [Responder; 2] {
    let to_all = Responder::mute(nats, &control("ping.hosts")).await;
    [to_all, Responder::fixed(nats, &ping(index), ping_packed(HOSTS[index])).await]
}

#[tokio::test]
async fn nine_good_hosts_one_that_sends_garbage_and_a_mute_one() {
    let (nats, client, _members) =
        lattice_of(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], |settings| settings.timeout = PATIENT).await;
    let mut hosts = Vec::new();
    for (index, id) in HOSTS.iter().enumerate().take(9) {
        hosts.extend(answering(&nats, index, ping_packed(id)).await);
    }
    hosts.extend(answering(&nats, 9, b"\x07garbage".to_vec()).await);
    hosts.push(Responder::mute(&nats, &control("ping.hosts")).await);
    hosts.push(Responder::mute(&nats, &control(&format!("get.{}.inv", HOSTS[10]))).await);

    let gathered = client.hosts().await.expect("hosts answer");
    assert_eq!((gathered.items.len(), gathered.errors.len()), (9, 1), "{gathered:?}");
    assert!(matches!(gathered.errors[0], RequestError::Unreadable { .. }));
    let missing: Vec<_> = gathered.missing.iter().map(|host| (host.host_id.as_str(), host.is_there)).collect();
    assert_eq!(missing, [(HOSTS[10], false)]);
    assert!(!gathered.complete);
    let error = gathered.into_complete().expect_err("two are no good");
    let expect =
        format!("the answers are not complete: nothing came from name-{0} ({0:.8}…), and 1 cannot be used", HOSTS[10]);
    assert_eq!(error.to_string(), expect);
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn an_unreadable_answer_that_names_its_host_is_waited_for_no_longer_and_not_complete() {
    let (nats, client, _members) = lattice_of(&[0, 1], |settings| settings.timeout = DEADLINE * 100).await;
    let _first = answering(&nats, 0, ping_packed(HOSTS[0])).await;
    // Nobody could tell whose it is by asking, for the host says nothing more.
    let odd = format!(r#"{{"id":"{}","friendly_name":7}}"#, HOSTS[1]);
    let _second = Responder::fixed(&nats, &control("ping.hosts"), odd).await;
    let _mute = Responder::mute(&nats, &ping(1)).await;
    let gathered = timeout(DEADLINE, client.hosts()).await.expect("it ends").expect("hosts answer");
    assert_eq!((gathered.items.len(), gathered.errors.len(), gathered.missing.len()), (1, 1, 0), "{gathered:?}");
    let error = gathered.into_complete().expect_err("one is no good");
    assert_eq!(error.to_string(), "the answers are not complete: 1 cannot be used");
}

#[tokio::test]
async fn a_lattice_in_which_all_answer_is_complete_at_once() {
    let (nats, client, _members) = lattice_of(&[0, 1], |settings| {
        settings.timeout = DEADLINE * 100;
        settings.gather_quiet = DEADLINE * 100;
    })
    .await;
    let _first = answering(&nats, 0, ping_packed(HOSTS[0])).await;
    let _second = answering(&nats, 1, ping_082(HOSTS[1])).await;
    let gathered = timeout(DEADLINE, client.hosts()).await.expect("nothing is waited for").expect("hosts answer");
    assert!(gathered.complete && gathered.missing.is_empty());
    assert_eq!(gathered.into_complete().expect("all of it").len(), 2);
}

#[tokio::test]
async fn a_killed_host_is_not_waited_for() {
    let (nats, client, _members) = lattice_of(&[0, 1, 2], |settings| settings.timeout = DEADLINE * 100).await;
    let _first = answering(&nats, 0, ping_packed(HOSTS[0])).await;
    let _second = answering(&nats, 1, ping_packed(HOSTS[1])).await;
    let gathered = timeout(DEADLINE, client.hosts()).await.expect("it ends").expect("hosts answer");
    assert_eq!((gathered.items.len(), gathered.missing.len(), gathered.complete), (2, 0, true));
}

#[tokio::test]
async fn a_slow_host_is_waited_for_and_named_if_it_is_too_slow() {
    let (nats, client, _members) = lattice_of(&[0, 1], |settings| settings.timeout = PATIENT).await;
    let _first = answering(&nats, 0, ping_packed(HOSTS[0])).await;
    let _second = slow(&nats, 1).await;
    let gathered = client.hosts().await.expect("a host answers");
    let missing: Vec<_> = gathered.missing.iter().map(|host| (host.host_id.as_str(), host.is_there)).collect();
    assert_eq!((gathered.items.len(), missing, gathered.complete), (1, vec![(HOSTS[1], true)], false));
}

#[tokio::test]
async fn a_lattice_in_which_all_known_hosts_are_silent_names_them() {
    let (nats, client, _members) = lattice_of(&[0], |settings| settings.timeout = SHORT).await;
    let _mute = mute(&nats, 0).await;
    let gathered = client.hosts().await.expect("it is known who is silent");
    assert_eq!((gathered.items.len(), gathered.missing.len(), gathered.complete), (0, 1, false));
}

#[tokio::test]
async fn hosts_of_other_projects_alone_are_never_complete() {
    let (nats, client) = lattice_with(|settings| settings.gather_quiet = QUIET).await;
    let _hosts =
        Responder::start(&nats, &control("ping.hosts"), |_| vec![ping_082(HOSTS[0]), ping_otp(HOSTS[1])]).await;
    let gathered = client.hosts().await.expect("hosts answer");
    assert_eq!((gathered.items.len(), gathered.errors.len(), gathered.complete), (2, 0, false));
    let error = gathered.into_complete().expect_err("there may be more");
    assert_eq!(error.to_string(), "the answers are not complete: no host could tell which hosts there are");
}

#[tokio::test]
async fn a_host_that_cannot_tell_the_members_does_not_fail_the_gather() {
    let (nats, client) = lattice_with(|settings| settings.gather_quiet = QUIET).await;
    let refused = Ack::refused("no JetStream").with_code(RefusalCode::Unavailable);
    let _told = Responder::fixed(&nats, &control("lattice.members"), encode(&refused, Format::JSON)).await;
    let _host = answering(&nats, 0, ping_packed(HOSTS[0])).await;
    let gathered = client.hosts().await.expect("a host answers");
    assert_eq!((gathered.items.len(), gathered.complete), (1, false));
    assert!(matches!(client.members().await, Err(error) if error.refusal_code() == Some(RefusalCode::Unavailable)));
}

#[tokio::test]
async fn a_mute_host_does_not_keep_the_members_to_itself() {
    let (nats, client) = lattice_with(|settings| settings.timeout = DEADLINE * 100).await;
    // The first questions reach a host that says nothing.
    let mut number = 0;
    let _told = Responder::start(&nats, &control("lattice.members"), move |_| {
        number += 1;
        if number < 3 { Vec::new() } else { vec![members([0])] }
    })
    .await;
    let _host = answering(&nats, 0, ping_packed(HOSTS[0])).await;
    let gathered = timeout(DEADLINE, client.hosts()).await.expect("another one is asked").expect("a host answers");
    assert!(gathered.complete);
}

#[tokio::test]
async fn answers_are_streamed_as_they_come() {
    let (nats, client, _members) = lattice_of(&[0, 1], |settings| settings.timeout = PATIENT).await;
    let _first = answering(&nats, 0, ping_packed(HOSTS[0])).await;
    let _second = mute(&nats, 1).await;
    let mut hosts = client.hosts_stream().await.expect("the question is sent");
    let first = timeout(DEADLINE, hosts.next()).await.expect("in time").expect("an answer").expect("a good one");
    assert_eq!(first.id, host(0));
    assert!(hosts.next().await.is_none());
    assert_eq!((hosts.summary().missing.len(), hosts.summary().complete), (1, false));

    let rest = client.hosts_stream().await.expect("the question is sent").finish().await;
    assert_eq!((rest.items.len(), rest.missing.len()), (1, 1));
}

#[tokio::test]
async fn inventories_name_the_missing_too() {
    let (nats, client, _members) = lattice_of(&[0, 1, 2], |settings| settings.timeout = PATIENT).await;
    let mut hosts = Vec::new();
    for (index, id) in HOSTS.iter().enumerate().take(2) {
        hosts.extend(answering(&nats, index, ping_packed(id)).await);
    }
    hosts.extend(mute(&nats, 2).await);
    let inventory = |index: usize| control(&format!("get.{}.inv", HOSTS[index]));
    hosts.push(Responder::fixed(&nats, &inventory(0), inventory_082(HOSTS[0], ACTOR, "echo")).await);
    hosts.push(Responder::mute(&nats, &inventory(1)).await);
    let gathered = client.inventories().await.expect("hosts answer");
    let mut missing: Vec<&str> = gathered.missing.iter().map(|host| host.host_id.as_str()).collect();
    missing.sort_unstable();
    assert_eq!((gathered.items.len(), gathered.errors.len(), gathered.complete), (1, 0, false), "{gathered:?}");
    assert_eq!(missing, [HOSTS[2], HOSTS[1]]);
}

#[tokio::test]
async fn credentials_go_to_every_host() {
    let (nats, client, _members) = lattice_of(&[0, 1, 2], |settings| settings.timeout = PATIENT).await;
    let registries = control("registries.put");
    let accepted = encode(&Ack::accepted(), Format::JSON);
    let mut hosts = vec![
        Responder::fixed(&nats, &registries, accepted.clone()).await,
        Responder::fixed(&nats, &registries, accepted.clone()).await,
    ];
    for (index, id) in HOSTS.iter().enumerate().take(2) {
        hosts.push(Responder::fixed(&nats, &ping(index), ping_packed(id)).await);
    }
    // The third is gone.
    let taken = client.put_registries(&Registries::default()).await.expect("hosts answer");
    assert_eq!((taken.items.len(), taken.missing.len(), taken.complete), (2, 0, true));

    hosts.push(Responder::mute(&nats, &registries).await);
    hosts.push(Responder::mute(&nats, &ping(2)).await);
    let taken = client.put_registries(&Registries::default()).await.expect("hosts answer");
    let missing: Vec<&str> = taken.missing.iter().map(|host| host.host_id.as_str()).collect();
    assert_eq!((taken.items.len(), missing, taken.complete), (2, vec![HOSTS[2]], false));
}

#[tokio::test]
async fn credentials_are_told_as_one_operation_that_says_what_becomes_of_others() {
    let (nats, client, _members) = lattice_of(&[0], |settings| settings.timeout = PATIENT).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let _host = Responder::start(&nats, &control("registries.put"), move |request| {
        let header = |name| request.headers.as_ref().and_then(|headers| headers.get(name)).map(ToString::to_string);
        let registries: Registries = decode(&request.payload).expect("registries");
        let told = (header(OPERATION_HEADER).expect("an operation"), header(MERGE_HEADER), registries);
        noted.lock().expect("no panic").push(told);
        vec![encode(&Ack::accepted(), Format::JSON)]
    })
    .await;
    let token = RegistryCredential { token: Some("t".to_owned()), ..RegistryCredential::default() };
    let registries = Registries([("r.example".to_owned(), token)].into());
    client.put_registries(&registries).await.expect("the host answers");
    client.merge_registries(&registries).await.expect("the host answers");
    let seen = seen.lock().expect("no panic");
    let [(first, no_merge, all), (second, merge, some)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_ne!(first, second);
    assert_eq!((no_merge.as_deref(), merge.as_deref()), (None, Some("true")));
    assert_eq!((all, some), (&registries, &registries));
}

#[tokio::test]
async fn a_host_tells_for_which_registries_there_are_credentials() {
    let (nats, client) = lattice().await;
    let none = client.registries().await.expect_err("there is no host");
    assert!(matches!(none, RequestError::NoResponders { .. }), "{none:?}");
    let known = KnownRegistry {
        credential: CredentialKind::Token,
        kind: "oci".to_owned(),
        registry: "r.example/team".to_owned(),
    };
    let told = KnownRegistries { registries: vec![known].into(), stored: true };
    let _host = Responder::fixed(&nats, &control("lattice.registries"), encode(&told, Format::JSON)).await;
    assert_eq!(client.registries().await.expect("the host answers"), told);
}

/// Refuses what does not take parts, and sends these to what does.
async fn in_parts(nats: &NatsServer, subject: &str, parts: &'static [(&str, &str)]) -> Responder {
    let host = nats.client().await;
    let mut requests = host.subscribe(subject.to_owned()).await.expect("the server takes a subscription");
    round_trip(&host).await;
    Responder::of(host.clone(), async move {
        while let Some(request) = requests.next().await {
            let inbox = request.reply.expect("a client wants an answer");
            let takes_parts = request.headers.is_some_and(|headers| headers.get(PARTS_HEADER).is_some());
            if !takes_parts {
                let refused = encode(&Ack::refused("too large").with_code(RefusalCode::TooLarge), Format::JSON);
                host.publish(inbox, refused.into()).await.expect("the connection stands");
                continue;
            }
            for (number, body) in parts {
                let mut headers = async_nats::HeaderMap::new();
                headers.insert(PART_HEADER, *number);
                let sent = host.publish_with_headers(inbox.clone(), headers, body.as_bytes().into()).await;
                sent.expect("the connection stands");
            }
        }
    })
}

#[tokio::test]
async fn what_is_too_large_for_one_message_comes_in_parts() {
    let (nats, client) = lattice_with(|settings| settings.timeout = PATIENT).await;
    let parts = &[("1/3", r#"{"claims":[{"#), ("3/3", r#"}]}"#), ("2/3", r#""name":"echo""#)];
    let claims = in_parts(&nats, &control("get.claims"), parts).await;
    let told = client.claims().await.expect("a host answers");
    assert_eq!(told.claims[0].get("name"), Some(&Some("echo".to_owned())));
    claims.leave().await;

    let _links = in_parts(&nats, &control("get.links"), &[("1/3", "{"), ("3/3", "}")]).await;
    let error = client.links().await.expect_err("one is missing");
    assert!(matches!(error, RequestError::PartsMissing { ref missing, of: 3, .. } if *missing == [2]), "{error:?}");
    let _none = in_parts(&nats, &control("lattice.operations"), &[]).await;
    let error = client.operations(Default::default()).await.expect_err("none comes");
    assert!(matches!(error, RequestError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_fits_by_now_or_is_refused_again() {
    let (nats, client) = lattice().await;
    let too_large = encode(&Ack::refused("too large").with_code(RefusalCode::TooLarge), Format::JSON);
    let mut answers = vec![r#"{"claims":[]}"#.as_bytes().to_vec(), too_large.clone()].into_iter();
    let _host = Responder::start(&nats, &control("get.*"), move |request| match &request.headers {
        Some(headers) if headers.get(PARTS_HEADER).is_some() => answers.next().into_iter().collect(),
        _ => vec![too_large.clone()],
    })
    .await;
    assert!(client.claims().await.expect("it fits").claims.is_empty());
    let error = client.claims().await.expect_err("it does not fit in parts either");
    assert_eq!(error.refusal_code(), Some(RefusalCode::TooLarge));
}
