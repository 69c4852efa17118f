//! The plugin in the real host: has the dialogue of dialogue.sh with it.
use std::{env, process::Command};

#[test]
fn talks_in_the_real_host() {
    let program = env::current_exe().expect("a test knows its file"); // target/PROFILE/deps/end_to_end
    let plugins = program
        .ancestors()
        .nth(2)
        .expect("as cargo lays it out")
        .join("plugins");
    let status = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/end_to_end.sh"))
        .arg(env::var_os("GATEHOUSE").unwrap_or_else(|| "gatehouse".into()))
        .arg(plugins)
        .status()
        .expect("cannot run end_to_end.sh");
    assert!(status.success());
}
