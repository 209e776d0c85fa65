//! Capability providers on a host, as real processes: this binary is the guard, the providers, and the tests.

#[path = "../support/mod.rs"]
mod support;

mod crashes;
mod lifecycle;
mod links;
mod misbehaving;
mod programs;
mod stage;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    if let Some(code) = lattice_guard::run_if_guard() {
        return code;
    }
    if let Some(code) = programs::run_if_provider() {
        return code;
    }
    let tests = [lifecycle::tests(), links::tests(), crashes::tests(), misbehaving::tests()].concat();
    let tests = tests.into_iter().map(|(name, body)| {
        Trial::test(name, move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(body());
            Ok::<(), Failed>(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), tests.collect()).exit_code()
}

/// A test and its name.
type Test = (&'static str, fn() -> futures::future::LocalBoxFuture<'static, ()>);

/// The tests of a module by their names.
#[macro_export]
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn tests() -> Vec<$crate::Test> {
            vec![$((stringify!($name), || Box::pin($name()))),*]
        }
    };
}
