//! Live updates of an actor that is called all the time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinSet;

use crate::{
    error::BenchError,
    guest::Guest,
    load::{ActorCall, Load},
    modules::{Code, Modules},
};

/// Updates the actor to another module each time, and takes for its time how long calls met neither version, which the
/// host's record tells.
#[derive(Clone, Debug)]
pub(crate) struct LiveUpdate {
    pub(crate) guest: Guest,
    pub(crate) modules: Modules,
}

impl Load for LiveUpdate {
    async fn once(&self) -> Result<Duration, BenchError> {
        let module = self.modules.new_module(Code::Echo).await?;
        let pause = self.guest.update(&module).await?;
        self.modules.discard(module).await?;
        Ok(pause)
    }
}

/// Callers that call without a pause until they are told to stop. They end when this is dropped.
pub(crate) struct Callers {
    tasks: JoinSet<Result<(), BenchError>>,
    stop: Arc<AtomicBool>,
}

impl Callers {
    pub(crate) fn start(call: &ActorCall, count: usize) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let tasks = (0..count).map(|_| call_until(call.clone(), Arc::clone(&stop))).collect();
        Self { tasks, stop }
    }

    /// Stops them.
    ///
    /// # Errors
    /// The first call that failed.
    pub(crate) async fn stop(mut self) -> Result<(), BenchError> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a caller neither panics nor is aborted while it is waited for")?;
        }
        Ok(())
    }
}

async fn call_until(call: ActorCall, stop: Arc<AtomicBool>) -> Result<(), BenchError> {
    while !stop.load(Ordering::Relaxed) {
        call.once().await?;
    }
    Ok(())
}
