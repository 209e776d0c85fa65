//! The two ways of this generation side by side: in the bucket, and by subject, as all before and after it do.

use lattice_interop::{Client, GATHERING, LATTICE, Lattice, PATIENCE, actors, links};

use crate::{V28, connect};

/// The client as it is without a bucket, which makes it one of version 0.22.
async fn connect_by_subject(lattice: &Lattice) -> V28 {
    let nats = async_nats::connect(lattice.nats_url()).await.expect("the broker takes clients");
    #[expect(deprecated, reason = "it is deprecated for the users of the client, not for those who serve it")]
    let client = wasmcloud_control_interface::Client::new(nats, Some(LATTICE.to_owned()), PATIENCE, GATHERING);
    V28(client)
}

mod by_subject {
    lattice_interop::scenarios! {
        crate::bucket::connect_by_subject;
        actors: have_claims;
        links: come_and_go are_told_in_events;
    }
}

/// A link is seen, changed and removed in the one way after it was made in the other.
#[tokio::test]
async fn links_of_either_way_are_links_of_both() {
    let lattice = Lattice::start().await;
    let (bucket, subject) = (connect(&lattice).await, connect_by_subject(&lattice).await);
    for (maker, other) in [(&bucket, &subject), (&subject, &bucket)] {
        let mut link = links::example();
        links::put(maker, &link).await;
        links::until_links(other, &[&link]).await;
        link.values.clear();
        links::put(other, &link).await;
        links::until_links(maker, &[&link]).await;
        links::delete(maker, &link).await;
        links::until_links(other, &[]).await;
        links::until_links(maker, &[]).await;
    }
}

#[tokio::test]
async fn claims_are_the_same_in_both_ways() {
    let lattice = Lattice::start().await;
    let (bucket, subject) = (connect(&lattice).await, connect_by_subject(&lattice).await);
    actors::have_claims(&lattice, &bucket).await;
    let of = async |client: &V28| client.claims().await.expect("the lattice answers");
    let (in_bucket, by_subject) = (of(&bucket).await, of(&subject).await);
    assert_eq!((in_bucket.len(), by_subject.len()), (1, 1), "{in_bucket:?} {by_subject:?}");
    for key in ["call_alias", "caps", "iss", "name", "rev", "sub", "tags", "version"] {
        assert_eq!(in_bucket[0][key], by_subject[0][key], "`{key}` in {in_bucket:?} and {by_subject:?}");
    }
}
