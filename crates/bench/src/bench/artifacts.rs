//! Measuring what modules cost before they run: starts, and fetches from the lattice's own store.

use std::sync::Arc;

use super::{Bench, Pair, Rounds};
use crate::{
    burst::Burst,
    defaults::{COLD_STARTS, FETCHES, WARM_STARTS},
    error::BenchError,
    fetch::{BareBytes, Fetch},
    modules::Code,
    phases::CourseLog,
    report::Taken,
    starts::{ColdStart, WarmStart},
    statistics::Figures,
};

impl Bench {
    /// Starts of a module that the host has in its caches.
    pub(super) async fn warm_starts(&self, rounds: Rounds<impl FnMut(usize)>, code: Code) -> Result<Taken, BenchError> {
        self.guest.stop().await?;
        let (module, courses) = (Arc::new(self.modules.new_module(code).await?), CourseLog::default());
        let load = WarmStart { guest: self.guest.clone(), module, courses: courses.clone() };
        let figures = rounds.take(self.starts(load, WARM_STARTS)).await?;
        Ok(Taken { figures, in_host: courses.in_host() })
    }

    /// Starts of modules that no host has seen before.
    pub(super) async fn cold_starts(&self, rounds: Rounds<impl FnMut(usize)>, code: Code) -> Result<Taken, BenchError> {
        self.guest.stop().await?;
        let (guest, modules, courses) = (self.guest.clone(), self.modules.clone(), CourseLog::default());
        let load = ColdStart { guest, modules, code, courses: courses.clone() };
        let figures = rounds.take(self.starts(load, COLD_STARTS)).await?;
        Ok(Taken { figures, in_host: courses.in_host() })
    }

    /// Fetches of so many bytes from the lattice's own store.
    pub(super) async fn fetches(&self, rounds: Rounds<impl FnMut(usize)>, bytes: usize) -> Result<Figures, BenchError> {
        let load = Fetch { guest: self.guest.clone(), modules: self.modules.clone(), bytes };
        let floor = BareBytes::new(bytes, |piece| self.floor(0, piece));
        let burst = Burst::Transfer { times: FETCHES, bytes };
        rounds.take(Pair { floor, load, floor_burst: burst, measured_burst: burst }).await
    }
}
