//! Storing artifacts with hosts that fall silent or say what makes no sense; sound ones are tested with the host itself.

use std::sync::atomic::{AtomicUsize, Ordering};

use lattice_client::{Client, PushError, PushOptions, Pushed};
use lattice_protocol::{Ack, ArtifactKind, Format, HostKey, StoredArtifact, UploadBegun, encode};

use crate::fake::*;

const HELLO: &str = "nats://hello:1";

fn begun(host_id: HostKey, chunk: u64) -> Vec<u8> {
    encode(&UploadBegun { artifact: None, chunk, host_id, upload: "1".to_owned() }, Format::JSON)
}

async fn push(client: &Client) -> Result<Pushed, PushError> {
    client.push_artifact(HELLO, vec![7; 3000], PushOptions::default(), |_, _| {}).await
}

#[tokio::test]
async fn a_host_that_falls_silent_over_parts_is_left_for_another() {
    let (server, client) = lattice_with(|settings| settings.timeout = QUIET).await;
    let tries = AtomicUsize::new(0);
    let _begin = Responder::start(&server, &control("artifacts.begin"), move |_| {
        vec![begun(host(tries.fetch_add(1, Ordering::Relaxed).min(1)), 1024)]
    })
    .await;
    let accepted = encode(&Ack::accepted(), Format::JSON);
    let _silent = Responder::mute(&server, &control(&format!("cmd.{}.upload", HOSTS[0]))).await;
    let _sound = Responder::fixed(&server, &control(&format!("cmd.{}.*", HOSTS[1])), accepted).await;
    let Pushed::Taken(operation) = push(&client).await.expect("the other takes it") else { panic!("nothing is there") };
    assert_eq!(operation.host(), Some(&host(1)));
}

#[tokio::test]
async fn a_host_that_does_not_answer_at_first_is_asked_again() {
    let (server, client) = lattice_with(|settings| settings.timeout = QUIET).await;
    let artifact = StoredArtifact {
        digest: "sha256:00".to_owned(),
        key: None,
        kind: ArtifactKind::Module,
        name: None,
        reference: HELLO.to_owned(),
        size: 3000,
        pushed: String::new(),
    };
    let there = UploadBegun { artifact: Some(artifact.clone()), chunk: 0, host_id: host(0), upload: String::new() };
    let (there, mut asked) = (encode(&there, Format::JSON), 0);
    let _begin = Responder::start(&server, &control("artifacts.begin"), move |_| {
        asked += 1;
        if asked == 1 { Vec::new() } else { vec![there.clone()] }
    })
    .await;
    let pushed = push(&client).await.expect("it answers in the end");
    assert!(matches!(&pushed, Pushed::Unchanged(found) if *found == artifact), "{pushed:?}");
}

#[tokio::test]
async fn parts_that_make_no_sense_are_not_sent() {
    let (server, client) = lattice().await;
    let _upload = Responder::start(&server, &control("cmd.*.upload"), |_| panic!("a part was sent")).await;
    for wanted in [0, 1, 1023] {
        let begin = Responder::fixed(&server, &control("artifacts.begin"), begun(host(0), wanted)).await;
        let refused = push(&client).await.expect_err("they are too small");
        assert!(matches!(refused, PushError::Parts { chunk, .. } if chunk == wanted), "{refused:?}");
        begin.leave().await;
    }
}
