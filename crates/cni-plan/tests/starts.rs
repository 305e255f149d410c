//! The command starts. That this test exists also has cargo build it for the `tests` package.

use std::process::Command;

#[test]
fn it_says_which_version_it_is() {
    let output = Command::new(env!("CARGO_BIN_EXE_cni-plan")).arg("--version").output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("cni-plan {}\n", env!("CARGO_PKG_VERSION")));
}
