use std::{fs, os::unix::fs::PermissionsExt, os::unix::net::UnixListener};

use super::*;

#[test]
fn a_file_is_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    fs::write(&path, "abc").unwrap();
    assert_eq!(read(&path, 3).unwrap(), "abc");
}

#[test]
fn what_cannot_be_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("empty"), "").unwrap();
    fs::write(at("large"), "abcd").unwrap();
    std::os::unix::fs::symlink(at("loop"), at("loop")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();

    let check = |name: &str, expect: &str| assert_eq!(read(&at(name), 3).unwrap_err().to_string(), expect, "{name}");
    check("missing", "there is no such file on this machine");
    check("large/below", "there is no such file on this machine");
    check("", "it is a directory");
    check("empty", "the file is empty");
    check("large", "the file has 4 bytes, at most 3 are fetched");
    check("pipe", "it is not a regular file");
    check("socket", "it is not a regular file");
    check("loop", "the file cannot be read");
}

/// Files that the kernel makes as they are read have no size in advance; what it says must not be believed blindly.
#[test]
#[cfg(target_os = "linux")]
fn a_file_of_the_kernel_is_no_artifact() {
    assert_eq!(read(Path::new("/proc/self/status"), 1 << 20).unwrap_err().to_string(), "the file is empty");
}

#[test]
fn a_file_without_permission() {
    let error = open_error(io::Error::from(ErrorKind::PermissionDenied));
    assert_eq!(error.to_string(), "this process has no permission to read the file");

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, "abc").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The administrator may read everything.
    if !rustix::process::geteuid().is_root() {
        assert!(matches!(read(&path, 3), Err(FileError::Denied(_))));
    }
}
