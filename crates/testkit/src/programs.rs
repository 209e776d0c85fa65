//! Programs of other packages, which Cargo does not build for a package's own tests.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The package whose features those of the programs are, so that what it is built of is built once.
const BINARY: &str = "lattice";

/// What Cargo tells the tests of a package about that package begins so. Build scripts that found it in their environment would
/// be run again, and all that is built on them with them.
const OF_PACKAGE: [&str; 3] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_EXE_"];

/// The programs of these packages of the workspace, each called as its package is: built as this test is, into the same
/// directory, if they are not there or older than their sources. Waits for other builds in that directory.
///
/// # Panics
/// If one cannot be built.
pub fn programs<const N: usize>(packages: [&str; N]) -> [PathBuf; N] {
    let profile = profile_directory();
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--offline", "--package", BINARY]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| OF_PACKAGE.iter().any(|start| name.starts_with(start))) {
        build.env_remove(name);
    }
    for package in packages {
        build.args(["--package", package, "--bin", package]);
    }
    build.arg("--profile").arg(profile_name(&profile)).arg("--target-dir").arg(target_directory(&profile));
    let built = build.output().unwrap_or_else(|error| panic!("{build:?}: {error}"));
    assert!(built.status.success(), "{build:?}: {}", String::from_utf8_lossy(&built.stderr));
    packages.map(|package| profile.join(package))
}

/// Where Cargo puts what is built as this test is.
fn profile_directory() -> PathBuf {
    let test = env::current_exe().expect("this program has a path");
    let profile = test.parent().and_then(Path::parent).expect("tests lie two folders deep");
    profile.to_owned()
}

fn target_directory(profile: &Path) -> &Path {
    profile.parent().expect("the directory of a profile lies in that of the target")
}

/// The profiles of development lie in a directory of another name.
fn profile_name(profile: &Path) -> &str {
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    }
}
