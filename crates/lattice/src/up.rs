//! `up`: a broker and a host on this machine, one of them per data directory.

mod attach;
mod broker;
mod child;
mod demo;
mod detach;
mod down;
mod hosts;
mod ready;
mod run;
mod start;
mod state;

pub(crate) use detach::detach;
pub(crate) use down::stop;
pub(crate) use run::run;
pub(crate) use state::{RunningUp, is_locked};
