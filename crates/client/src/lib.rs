//! The async control client of a lattice.
