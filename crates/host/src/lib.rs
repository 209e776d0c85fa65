//! A lattice host as a library.
