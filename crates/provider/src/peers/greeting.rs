//! Greeting the other instances: at the start, after a break, and from time to time.

use std::{collections::BTreeSet, time::Duration};

use async_nats::RequestErrorKind;
use futures::{StreamExt as _, future::join_all};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    circle::{Circle, Heard},
    message::Peer,
};
use crate::defaults::{FIRST_PEER_LIMIT, GREETING_LIMIT, GREETING_MOMENT};

/// Whether nobody is there, asked before this instance listens itself: then the server says so at once.
pub(crate) async fn is_alone(circle: &Circle) -> bool {
    let Ok((sealed, _)) = circle.greeting(false) else { return false };
    // What the answer tells does not matter: it could be out of date when this instance listens.
    match timeout(FIRST_PEER_LIMIT, circle.nats().request(circle.everybody.clone(), sealed.into())).await {
        Ok(Err(error)) => error.kind() == RequestErrorKind::NoResponders,
        Ok(Ok(_)) | Err(_) => false,
    }
}

/// Greets all, listening already. Unless this instance is alone it waits until one of them has told what it knows.
pub(crate) async fn first(circle: &Circle, is_alone: bool) {
    let connection = circle.connection();
    if is_alone || greet(circle, Until::First(FIRST_PEER_LIMIT)).await.everything {
        circle.set_caught_up(connection);
    } else {
        tracing::warn!("another instance of this provider is there and does not tell what it knows");
    }
}

/// How long answers to a greeting are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// Until one has told everything, and so long at most.
    First(Duration),
    /// As long as any may come.
    All,
}

/// What came of a greeting.
#[derive(Debug, Default)]
pub(crate) struct Greeted {
    /// Whether one has told everything.
    pub(crate) everything: bool,
    /// Who has answered.
    pub(crate) heard: BTreeSet<String>,
}

/// Greets all and takes what they tell.
pub(crate) async fn greet(circle: &Circle, until: Until) -> Greeted {
    let mut greeted = Greeted::default();
    let Ok((sealed, nonce)) = circle.greeting(true) else { return greeted };
    let inbox = circle.nats().new_inbox();
    let Ok(mut answers) = circle.nats().subscribe(inbox.clone()).await else { return greeted };
    if circle.nats().publish_with_reply(circle.everybody.clone(), inbox, sealed.into()).await.is_err() {
        return greeted;
    }
    let (limit, until_first) = match until {
        Until::First(limit) => (limit, true),
        Until::All => (GREETING_LIMIT, false),
    };
    let deadline = Instant::now() + limit;
    // Cancel-safe: what is lost when it is dropped is heard again with the next greeting.
    while let Ok(Some(answer)) = timeout_at(deadline, answers.next()).await {
        take(circle, &nonce, &answer.payload, &mut greeted).await;
        if greeted.everything && until_first {
            break;
        }
    }
    greeted
}

async fn take(circle: &Circle, nonce: &str, answer: &[u8], greeted: &mut Greeted) {
    let heard = match circle.take_known(nonce, answer) {
        Ok((peer, heard, next)) => {
            let heard = match next {
                None => heard,
                Some(next) => circle.ask(&peer, next).await,
            };
            greeted.heard.insert(peer.id);
            heard
        }
        Err(error) => {
            tracing::warn!(%error, "what another instance knows cannot be taken");
            Heard::Silence
        }
    };
    greeted.everything |= heard == Heard::Everything;
}

/// Greets all, and asks those that are known and do not answer: those that are gone are forgotten.
pub(crate) async fn greet_everybody(circle: &Circle) {
    let greeted = greet(circle, Until::All).await;
    let silent: Vec<Peer> = circle.peers().into_iter().filter(|peer| !greeted.heard.contains(&peer.id)).collect();
    join_all(silent.iter().map(|peer| circle.meet(peer))).await;
}

/// Hears from every instance that is known, after a break, and from any that is not. This instance knows enough when one has
/// told everything, or all that are there have told what they know. That one is gone does not count while others may come back
/// yet, as after the restart of a server.
pub(crate) async fn catch_up(circle: &Circle, others_may_come_back: bool) {
    let (connection, asked, peers) = (circle.connection(), Instant::now(), circle.peers());
    // As soon as one has told everything: another one may be silent for long.
    let ask = |peer: Peer| async move {
        let heard = circle.ask(&peer, 0).await;
        if heard == Heard::Everything {
            circle.set_caught_up(connection);
        }
        heard
    };
    let greeting = async {
        if greet(circle, Until::First(GREETING_MOMENT)).await.everything {
            circle.set_caught_up(connection);
        }
    };
    let (heard, ()) = tokio::join!(join_all(peers.iter().cloned().map(ask)), greeting);
    let is_told = |heard: &Heard| match heard {
        Heard::Everything | Heard::Something => true,
        Heard::Gone => !others_may_come_back,
        Heard::Silence => false,
    };
    if heard.iter().all(is_told) && !circle.is_expecting() {
        circle.set_caught_up(connection);
    }
    if !others_may_come_back {
        let gone = peers.iter().zip(&heard).filter(|(_, heard)| **heard == Heard::Gone);
        gone.for_each(|(peer, _)| circle.forget(&peer.id, asked));
    }
}
