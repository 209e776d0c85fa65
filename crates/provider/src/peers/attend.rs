//! [`Attendance`]: the task that answers the other instances, and notices when this one was cut off from them.

use std::sync::Arc;

use async_nats::Subscriber;
use futures::StreamExt as _;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    circle::Circle,
    greeting::{Until, catch_up, greet},
};
use crate::{
    defaults::{CONNECTION_LOOK, GREETING_INTERVAL, SILENCE_LIMIT},
    error::StartError,
    serve::{round_trip, subscribe},
};

pub(crate) struct Attendance {
    circle: Arc<Circle>,
    everybody: Subscriber,
    own: Subscriber,
    /// The connection by which the others were heard; none while it is down.
    connection: Option<u64>,
    greeted: Instant,
    /// Since when the connection stands again, and the others have not been heard.
    behind_since: Option<Instant>,
    work: JoinSet<bool>,
}

impl Attendance {
    /// When this returns the server knows that this instance listens.
    pub(crate) async fn begin(circle: Arc<Circle>) -> Result<Self, StartError> {
        let own = subscribe(circle.nats(), circle.own_subject()).await?;
        let everybody = subscribe(circle.nats(), circle.everybody.clone()).await?;
        round_trip(circle.nats()).await;
        let connection = circle.connection();
        let mut work = JoinSet::new();
        let greeter = Arc::clone(&circle);
        work.spawn(async move { greet(&greeter, Until::All).await });
        Ok(Self { circle, everybody, own, connection, greeted: Instant::now(), behind_since: None, work })
    }

    pub(crate) async fn run(mut self) {
        let mut look = interval(CONNECTION_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Cancel-safe: messages are received in one step, and tasks are joined or still there.
            tokio::select! {
                message = self.own.next() => match message {
                    Some(message) => self.circle.addressed(message).await,
                    None => return,
                },
                message = self.everybody.next() => match message {
                    Some(message) => self.circle.greeted(message).await,
                    None => return,
                },
                Some(_) = self.work.join_next() => {}
                _ = look.tick() => self.look(),
            }
        }
    }

    /// Looks after the connection, and greets when it is time.
    fn look(&mut self) {
        let now = self.circle.connection();
        if now.is_none() || now != self.connection {
            self.circle.set_caught_up(false);
            self.behind_since = None;
        }
        self.connection = now.or(self.connection);
        self.bear_silence(now.is_some());
        if now.is_none() || !self.work.is_empty() {
            return;
        }
        let is_due = self.greeted.elapsed() >= GREETING_INTERVAL;
        if !self.circle.is_caught_up() {
            let circle = Arc::clone(&self.circle);
            self.work.spawn(async move { catch_up(&circle).await });
        }
        if is_due || !self.circle.is_caught_up() {
            self.greeted = Instant::now();
            let circle = Arc::clone(&self.circle);
            self.work.spawn(async move { greet(&circle, Until::All).await });
        }
    }

    /// Goes on without what the others know if they are there and silent for too long.
    fn bear_silence(&mut self, is_connected: bool) {
        if !is_connected || self.circle.is_caught_up() {
            self.behind_since = None;
            return;
        }
        if self.behind_since.get_or_insert_with(Instant::now).elapsed() >= SILENCE_LIMIT {
            tracing::warn!(
                "other instances of this provider do not tell what they know; it goes on with what it knows itself"
            );
            self.circle.set_caught_up(true);
        }
    }
}
