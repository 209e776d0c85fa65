//! One round: from what the lattice looks like to what it shall look like.

use lattice_guest::lattice_control::{Code, ControlError, LatticeControl, ScaleActor};

use crate::plan::{self, NoBidder};
use crate::report::Report;
use crate::settings::Settings;
use crate::survey::{is_of_host, Survey, ANNOTATION};

/// The code of the error that is the keeper's own: there are too few instances, and no host would start more.
const NO_BIDS: &str = "no_bids";

/// Does one round. Also one that fails has a report, of what was found and done until then.
pub(crate) fn go(settings: &Settings) -> (Report, Result<(), ControlError>) {
    let mut round = Round { settings, control: LatticeControl::default(), survey: Survey::default(), changed: false };
    let mut end = round.survey.make(round.control, settings);
    let had: Vec<u32> = round.survey.hosts.iter().map(|host| host.has).collect();
    if end.is_ok() {
        end = round.settle();
    }
    (Report::new(settings, round.survey, &had, round.changed), end)
}

struct Round<'a> {
    settings: &'a Settings,
    control: LatticeControl<'a>,
    survey: Survey,
    changed: bool,
}

impl Round<'_> {
    /// First the hosts that get more. Others get fewer in a later round, once those run: what a host has accepted can still
    /// fail, and until then there would be too few.
    fn settle(&mut self) -> Result<(), ControlError> {
        let targets = self.raise()?;
        if self.changed {
            return Ok(());
        }
        for (place, target) in targets.into_iter().enumerate() {
            if target < self.survey.hosts[place].has {
                self.scale(place, target)?;
            }
        }
        Ok(())
    }

    /// Returns the plan, once all hosts that get more in it have accepted that. A host that refuses gets no more, and
    /// there is another plan without it.
    fn raise(&mut self) -> Result<Vec<u32>, ControlError> {
        loop {
            let targets = plan::targets(&self.survey.hosts, self.settings.instances);
            let targets = targets.map_err(|lack| self.nobody_bids(lack))?;
            if self.raise_to(&targets)? {
                return Ok(targets);
            }
        }
    }

    /// Whether all hosts that get more have accepted that.
    fn raise_to(&mut self, targets: &[u32]) -> Result<bool, ControlError> {
        let mut accepted = true;
        for (place, target) in targets.iter().enumerate() {
            if *target > self.survey.hosts[place].has && !self.scale(place, *target)? {
                self.survey.hosts[place].bids = false;
                accepted = false;
            }
        }
        Ok(accepted)
    }

    /// Whether the host accepts that it shall have so many.
    fn scale(&mut self, place: usize, target: u32) -> Result<bool, ControlError> {
        let host = &mut self.survey.hosts[place];
        let command = ScaleActor {
            actor_id: &self.settings.actor,
            actor_ref: &self.settings.image,
            annotations: &[(ANNOTATION, &self.settings.name)],
            // A plan gives no host more than are wanted in all.
            count: target.try_into().unwrap_or(u16::MAX),
            host_id: &host.id,
            lattice_id: &self.settings.lattice,
        };
        match self.control.scale_actor(&command) {
            Ok(()) => {
                host.has = target;
                self.changed = true;
                Ok(true)
            }
            Err(error) if is_of_host(&error.code) => {
                self.survey.problems.push((host.id.clone(), error));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn nobody_bids(&self, lack: NoBidder) -> ControlError {
        let Settings { image, instances, labels, .. } = self.settings;
        let labels: String = labels.iter().map(|(name, value)| format!(" with {}={}", name, value)).collect();
        let mut text = format!(
            "no host{} bids for {}, and {} of {} instances run where they may",
            labels, image, lack.running, instances
        );
        if let Some((host, error)) = self.survey.problems.last() {
            text.push_str(&format!("; the last of those with a problem, {}, says: {}", host, error));
        }
        ControlError { code: Code::Unknown(NO_BIDS.into()), text }
    }
}
