//! The ticks of a link's timer, handed to its actor: [`start`].

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use humantime::format_duration;
use lattice_protocol::{contract::messaging, error_chain};
use lattice_provider::{CallError, Context, Link, encode};
use tokio::time::{Duration, Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::{
    defaults::{LONGEST_REASON, QUIET, TICK_LIMIT},
    running::Running,
    settings::Ticks,
};

/// The subject of ticks. It is not on NATS.
const SUBJECT: &str = "timer";

/// Begins; the first tick comes after one interval.
pub(crate) fn start(context: Context, link: Arc<Link>, ticks: &Ticks) -> Running {
    let limit = context.call_timeout().max(TICK_LIMIT);
    let addressee = Addressee { context, link, argument: argument(&ticks.body), limit, streak: Streak::default() };
    let beat = beat(ticks.every);
    Running::start(|stop| tick(beat, addressee, stop))
}

fn argument(body: &str) -> Bytes {
    encode(&messaging::Message { subject: SUBJECT.to_owned(), reply_to: None, body: body.into() })
}

fn beat(every: Duration) -> Interval {
    let mut beat = interval_at(Instant::now() + every, every);
    // With a delay instead, each slow tick would put off all that follow it.
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    beat
}

/// What ticks are handed to, one after the other.
trait Ticked: Send {
    fn tick(&mut self) -> impl Future<Output = ()> + Send;
}

async fn tick(mut beat: Interval, mut ticked: impl Ticked, stop: CancellationToken) {
    loop {
        // Cancel-safe: a tick that is not taken is still due. The stop comes first, or a tick that is due might be taken.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = beat.tick() => {}
        }
        ticked.tick().await;
    }
}

/// To whom ticks are handed, and how.
struct Addressee {
    context: Context,
    link: Arc<Link>,
    argument: Bytes,
    /// How long a tick may take.
    limit: Duration,
    streak: Streak,
}

impl Ticked for Addressee {
    async fn tick(&mut self) {
        let outcome = self.hand().await.map_err(|error| reason(&error, self.limit));
        let Some(news) = self.streak.news(outcome) else { return };
        let actor = &self.link.actor_id;
        match news {
            News::Fails { error } => tracing::warn!(%actor, error, "an actor did not take a tick of its timer"),
            News::Works { failed } => tracing::info!(%actor, failed, "an actor takes the ticks of its timer again"),
        }
    }
}

impl Addressee {
    async fn hand(&self) -> Result<(), CallError> {
        let call = self.context.call(&self.link, messaging::HANDLE_MESSAGE, self.argument.clone());
        call.with_deadline(Instant::now() + self.limit).send().await.map(drop)
    }
}

/// Why a tick failed that was given so long: the same text whenever the same is wrong. Its words may be the actor's.
fn reason(error: &CallError, limit: Duration) -> String {
    match error {
        // It says to the nanosecond how long it was waited.
        CallError::TimedOut { subject, .. } => format!("no answer on `{subject}` within {}", format_duration(limit)),
        other => error_chain(other).chars().take(LONGEST_REASON).collect(),
    }
}

/// Ticks that fail one after the other.
#[derive(Default)]
struct Streak {
    /// What was told last of why they fail, and when; none if they do not.
    told: Option<(String, Instant)>,
    failed: u64,
}

/// What is worth telling of a tick.
#[derive(Debug, PartialEq, Eq)]
enum News {
    /// It fails, and did not before, or for another reason.
    Fails { error: String },
    /// It does no longer fail.
    Works {
        /// How many ticks did, one after the other.
        failed: u64,
    },
}

impl Streak {
    /// What is new with this outcome of a tick, so that one that fails each time does not fill the log.
    fn news(&mut self, outcome: Result<(), String>) -> Option<News> {
        let Err(error) = outcome else {
            let Self { told, failed } = std::mem::take(self);
            return told.map(|_| News::Works { failed });
        };
        self.failed += 1;
        let is_news = self.told.as_ref().is_none_or(|(last, at)| *last != error && at.elapsed() >= QUIET);
        is_news.then(|| {
            self.told = Some((error.clone(), Instant::now()));
            News::Fails { error }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join;
    use tokio::time::{sleep, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Takes its time over ticks, and notes when they came.
    struct Played<'a> {
        set: Instant,
        takes: &'a [u64],
        came: &'a mut Vec<u128>,
    }

    impl Ticked for Played<'_> {
        async fn tick(&mut self) {
            let takes = self.takes.get(self.came.len()).copied().unwrap_or_default();
            self.came.push(self.set.elapsed().as_millis());
            sleep(Duration::from_millis(takes)).await;
        }
    }

    /// When the ticks of a timer of one second come, in milliseconds; the first take so long.
    async fn check(takes: &[u64], expect: &[u128]) {
        let mut came = Vec::new();
        let played = Played { set: Instant::now(), takes, came: &mut came };
        let ticking = tick(beat(SECOND), played, CancellationToken::new());
        timeout(Duration::from_millis(5500), ticking).await.expect_err("it ticks until it is stopped");
        assert_eq!(came, expect, "{takes:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_come_at_each_interval_and_never_two_at_once() {
        check(&[], &[1000, 2000, 3000, 4000, 5000]).await;
        check(&[900, 1000], &[1000, 2000, 3000, 4000, 5000]).await;
        check(&[1500], &[1000, 2500, 3000, 4000, 5000]).await;
        check(&[2500], &[1000, 3500, 4000, 5000]).await;
        check(&[60_000], &[1000]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_for_the_tick_under_way_and_takes_none_that_is_due() {
        let (set, stop, mut came) = (Instant::now(), CancellationToken::new(), Vec::new());
        let ticking = tick(beat(SECOND), Played { set, takes: &[2500], came: &mut came }, stop.clone());
        let stopping = async {
            sleep(Duration::from_millis(1500)).await;
            stop.cancel();
        };
        timeout(60 * SECOND, join(ticking, stopping)).await.expect("it stops");
        assert_eq!((came.as_slice(), set.elapsed().as_millis()), ([1000].as_slice(), 3500));
    }

    #[test]
    fn ticks_without_an_answer_fail_for_the_same_reason() {
        let subject = "wasmbus.rpc.default.M".to_owned();
        let error = |nanos| CallError::TimedOut { subject: subject.clone(), waited: Duration::from_nanos(nanos) };
        for error in [error(14_999_999_001), error(14_999_998_702)] {
            assert_eq!(reason(&error, TICK_LIMIT), "no answer on `wasmbus.rpc.default.M` within 15s");
        }
        assert_eq!(reason(&CallError::Failed { error: "x".to_owned() }, TICK_LIMIT), "the call failed: x");
    }

    #[tokio::test(start_paused = true)]
    async fn a_streak_of_failures_is_told_once_and_so_is_its_end() {
        let mut streak = Streak::default();
        let mut check = |outcome: Result<(), &str>, expect: Option<News>| {
            assert_eq!(streak.news(outcome.map_err(str::to_owned)), expect, "{outcome:?}");
        };
        let fails = |error: &str| Some(News::Fails { error: error.to_owned() });
        check(Ok(()), None);
        check(Err("a"), fails("a"));
        check(Err("a"), None);
        check(Err("b"), None);
        sleep(QUIET).await;
        check(Err("a"), None);
        // Other words are told from time to time.
        check(Err("b"), fails("b"));
        check(Err("a"), None);
        check(Ok(()), Some(News::Works { failed: 6 }));
        check(Ok(()), None);
        check(Err("a"), fails("a"));
        check(Ok(()), Some(News::Works { failed: 1 }));
    }

    #[test]
    fn the_words_of_an_actor_are_not_logged_without_end() {
        let error = CallError::Failed { error: "é".repeat(100_000) };
        assert_eq!(reason(&error, TICK_LIMIT).chars().count(), LONGEST_REASON);
    }
}
