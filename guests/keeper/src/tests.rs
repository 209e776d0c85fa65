//! Whole rounds, in a lattice that is played.

mod lattice;
mod rounds;
