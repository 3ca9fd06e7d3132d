//! `make install`: the program in a directory of the PATH, as the runbook calls it.

use std::fs;
use std::process::Command;

use crate::common::files;
use crate::common::process::Process;

#[tokio::test]
async fn make_install_puts_the_program_into_a_directory_of_the_path() {
    let directory = tempfile::tempdir().unwrap();
    let (built, prefix) = (directory.path().join("built"), directory.path().join("prefix"));
    fs::create_dir_all(built.join("release")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_energy-pipeline"), built.join("release/energy-pipeline")).unwrap();
    let mut make = Command::new("make");
    // It is built already: `-o` treats the target as up to date.
    make.args(["--old-file", "build", "install", "--directory"]).arg(files::path("."));
    make.arg(format!("PREFIX={}", prefix.display())).env("CARGO_TARGET_DIR", &built);
    let installed = Process::start("make install", &mut make).ended().await;
    assert_eq!(installed.status.code(), Some(0), "{installed:?}");
    assert!(installed.stdout.contains("to your PATH"), "{installed:?}");
    let path = format!("{}:{}", prefix.join("bin").display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", "energy-pipeline --version"]).env("PATH", path);
    let ended = Process::start("energy-pipeline --version", &mut shell).ended().await;
    assert!(ended.stdout.starts_with("energy-pipeline "), "{ended:?}");
}
