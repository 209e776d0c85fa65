//! Runs a child process that cannot outlive its owner.
