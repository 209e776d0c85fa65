//! Images that hosts get from elsewhere: real hosts, a real registry, and servers that do what registries should not.
//!
//! This binary is the guard, a provider, another host, and the tests.

#[path = "../support/mod.rs"]
mod support;

mod disk;
mod failing;
mod own;
mod policies;
mod prefetch;
mod programs;
mod registry;
mod server;
mod sharing;
mod shop;
mod trust;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    if let Some(code) = lattice_guard::run_if_guard().or_else(programs::run_if_program) {
        return code;
    }
    let tests = [
        disk::tests(),
        failing::tests(),
        own::tests(),
        policies::tests(),
        prefetch::tests(),
        registry::tests(),
        sharing::tests(),
        trust::tests(),
    ];
    let tests = tests.concat().into_iter().map(|(name, body)| {
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
