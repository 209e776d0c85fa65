//! The links of the lattice: kept in a bucket that older hosts share, read from its copy in memory, and changed so that
//! of two who want different providers under one name one wins and the other learns of it.

mod change;
mod older;
mod shape;
mod table;
mod tell;

pub(crate) use change::{Edit, LinkEditor};
pub(crate) use older::OlderLinks;
pub(crate) use shape::id_of;
pub(crate) use table::{Change, Links, Routes, Standing, Table};
pub(crate) use tell::Teller;
