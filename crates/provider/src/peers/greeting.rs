//! Greeting the other instances: at the start, after a break, and from time to time.

use std::time::Duration;

use async_nats::RequestErrorKind;
use futures::{StreamExt as _, future::join_all};
use tokio::time::{Instant, timeout, timeout_at};

use super::circle::{Circle, Heard};
use crate::defaults::{FIRST_PEER_LIMIT, GREETING_LIMIT, GREETING_MOMENT};

/// Whether nobody is there, asked before this instance listens itself: then the server says so at once.
pub(crate) async fn is_alone(circle: &Circle) -> bool {
    let Ok((sealed, _)) = circle.greeting() else { return false };
    // What the answer tells does not matter: it could be out of date when this instance listens.
    match timeout(FIRST_PEER_LIMIT, circle.nats().request(circle.everybody.clone(), sealed.into())).await {
        Ok(Err(error)) => error.kind() == RequestErrorKind::NoResponders,
        Ok(Ok(_)) | Err(_) => false,
    }
}

/// Greets all, listening already. Unless this instance is alone it waits until one of them has told what it knows.
pub(crate) async fn first(circle: &Circle, is_alone: bool) {
    if is_alone || greet(circle, Until::First(FIRST_PEER_LIMIT)).await {
        circle.set_caught_up();
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

/// Greets all and takes what they tell; returns whether one has told everything.
pub(crate) async fn greet(circle: &Circle, until: Until) -> bool {
    let Ok((sealed, nonce)) = circle.greeting() else { return false };
    let inbox = circle.nats().new_inbox();
    let Ok(mut answers) = circle.nats().subscribe(inbox.clone()).await else { return false };
    if circle.nats().publish_with_reply(circle.everybody.clone(), inbox, sealed.into()).await.is_err() {
        return false;
    }
    let (limit, until_first) = match until {
        Until::First(limit) => (limit, true),
        Until::All => (GREETING_LIMIT, false),
    };
    let (deadline, mut heard) = (Instant::now() + limit, false);
    // Cancel-safe: what is lost when it is dropped is heard again with the next greeting.
    while let Ok(Some(answer)) = timeout_at(deadline, answers.next()).await {
        heard |= take(circle, &nonce, &answer.payload).await == Heard::Everything;
        if heard && until_first {
            break;
        }
    }
    heard
}

async fn take(circle: &Circle, nonce: &str, answer: &[u8]) -> Heard {
    match circle.take_known(nonce, answer) {
        Ok((_, heard, None)) => heard,
        Ok((peer, _, Some(next))) => circle.ask(&peer, next).await,
        Err(error) => {
            tracing::warn!(%error, "what another instance knows cannot be taken");
            Heard::Silence
        }
    }
}

/// Hears from every instance that is known, after a break, and from any that is not; those that are gone are forgotten. This
/// instance knows enough when one has told everything, or all that are there have told what they know.
pub(crate) async fn catch_up(circle: &Circle) -> bool {
    let peers = circle.peers();
    let asked = join_all(peers.iter().map(|peer| circle.ask(peer, 0)));
    let (heard, greeted) = tokio::join!(asked, greet(circle, Until::First(GREETING_MOMENT)));
    for (peer, _) in peers.iter().zip(&heard).filter(|(_, heard)| **heard == Heard::Gone) {
        circle.forget(&peer.id);
    }
    let knows = greeted || heard.contains(&Heard::Everything) || !heard.contains(&Heard::Silence);
    if knows {
        circle.set_caught_up();
    }
    knows
}
