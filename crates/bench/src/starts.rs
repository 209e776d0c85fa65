//! Starts of the bench's actor: of a module that the host knows, and of one that it has never seen.

use std::{sync::Arc, time::Duration};

use crate::{
    error::BenchError,
    guest::Guest,
    load::{Load, timed},
    modules::{Code, Module, Modules},
    phases::CourseLog,
};

/// Starts one module again and again; the host compiles it the first time.
#[derive(Clone, Debug)]
pub(crate) struct WarmStart {
    pub(crate) guest: Guest,
    pub(crate) module: Arc<Module>,
    pub(crate) courses: CourseLog,
}

impl Load for WarmStart {
    async fn once(&self) -> Result<Duration, BenchError> {
        start(&self.guest, &self.module, &self.courses).await
    }

    fn forget(&self) {
        self.courses.clear();
    }
}

/// Starts another module each time.
#[derive(Clone, Debug)]
pub(crate) struct ColdStart {
    pub(crate) guest: Guest,
    pub(crate) modules: Modules,
    pub(crate) code: Code,
    pub(crate) courses: CourseLog,
}

impl Load for ColdStart {
    async fn once(&self) -> Result<Duration, BenchError> {
        let module = self.modules.new_module(self.code).await?;
        let took = start(&self.guest, &module, &self.courses).await?;
        self.modules.discard(module).await?;
        Ok(took)
    }

    fn forget(&self) {
        self.courses.clear();
    }
}

/// Starts a module and stops it again; how long the start took as the client sees it.
async fn start(guest: &Guest, module: &Module, courses: &CourseLog) -> Result<Duration, BenchError> {
    let (settled, took) = timed(guest.start(module, 1)).await?;
    courses.note(&settled);
    guest.stop().await?;
    Ok(took)
}
