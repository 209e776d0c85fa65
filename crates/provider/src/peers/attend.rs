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
    greeting::{catch_up, greet_everybody},
};
use crate::{
    defaults::{CONNECTION_LOOK, GREETING_INTERVAL, MEETINGS, RETURN_LIMIT, SILENCE_LIMIT},
    error::StartError,
    serve::{round_trip, subscribe},
};

pub(crate) struct Attendance {
    circle: Arc<Circle>,
    everybody: Subscriber,
    own: Subscriber,
    greeted: Instant,
    /// Since when the connection stands, and the others have not been heard over it.
    behind_since: Option<Instant>,
    /// Greeting the others, once at a time.
    greetings: JoinSet<()>,
    /// Hearing what was missed, once at a time.
    catching_up: JoinSet<()>,
    /// Getting to know those that greet.
    meetings: JoinSet<()>,
}

impl Attendance {
    /// When this returns the server knows that this instance listens.
    pub(crate) async fn begin(circle: Arc<Circle>) -> Result<Self, StartError> {
        let own = subscribe(circle.nats(), circle.own_subject()).await?;
        let everybody = subscribe(circle.nats(), circle.everybody.clone()).await?;
        round_trip(circle.nats()).await;
        let [greetings, catching_up, meetings] = [(); 3].map(|()| JoinSet::new());
        let (greeted, behind_since) = (Instant::now(), None);
        let mut attendance = Self { circle, everybody, own, greeted, behind_since, greetings, catching_up, meetings };
        attendance.greet();
        Ok(attendance)
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
                    Some(message) => self.greeted(message).await,
                    None => return,
                },
                Some(_) = self.greetings.join_next() => {}
                Some(_) = self.catching_up.join_next() => {}
                Some(_) = self.meetings.join_next() => {}
                _ = look.tick() => self.look(),
            }
        }
    }

    /// Answers a greeting, and asks back whoever is new: it may have been told what this instance missed.
    async fn greeted(&mut self, message: async_nats::Message) {
        let Some(peer) = self.circle.greeted(message).await else { return };
        if self.meetings.len() < MEETINGS {
            let circle = Arc::clone(&self.circle);
            self.meetings.spawn(async move { circle.meet(&peer).await });
        }
    }

    fn greet(&mut self) {
        self.greeted = Instant::now();
        let circle = Arc::clone(&self.circle);
        self.greetings.spawn(async move { greet_everybody(&circle).await });
    }

    /// Looks whether what the others know was heard over the connection that stands, and greets when it is time.
    fn look(&mut self) {
        if self.circle.connection().is_none() {
            self.circle.keep_peers();
            self.behind_since = None;
            return;
        }
        if self.circle.is_caught_up() {
            self.behind_since = None;
            if self.greeted.elapsed() >= GREETING_INTERVAL && self.greetings.is_empty() {
                self.greet();
            }
            return;
        }
        let since = *self.behind_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= SILENCE_LIMIT {
            tracing::warn!(
                "other instances of this provider do not tell what they know; it goes on with what it knows"
            );
            self.circle.expect_somebody(false);
            self.circle.set_caught_up(self.circle.connection());
        } else if self.catching_up.is_empty() {
            let (circle, others_may_come_back) = (Arc::clone(&self.circle), since.elapsed() < RETURN_LIMIT);
            self.catching_up.spawn(async move { catch_up(&circle, others_may_come_back).await });
        }
    }
}
