//! The lattice command: runs and steers a lattice.

fn main() {}
