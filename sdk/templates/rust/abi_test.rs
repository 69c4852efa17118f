//! abi.rs says what gatehouse.h says. The C compiler judges: it gets an assertion for each number, offset and size.
use std::{env, fs, path::PathBuf, process::Command};

#[test]
fn the_abi_is_that_of_the_header() {
    let assertions: String = crate::abi::facts()
        .iter()
        .map(|(what, value)| {
            format!("_Static_assert({what} == {value}, \"{what} is not {value}\");\n")
        })
        .collect();
    let errors = errors_in(&assertions);
    assert!(errors.is_empty(), "{errors}");
    assert!(!errors_in("_Static_assert(sizeof(gatehouse_host) == 1, \"\");\n").is_empty());
    // it does judge
}

fn errors_in(assertions: &str) -> String {
    let needs = format!(
        "#define GATEHOUSE_NEEDS_MINOR {}\n",
        crate::abi::NEEDS_MINOR
    );
    let text = needs + "#include <gatehouse/gatehouse.h>\n" + assertions;
    let file = env::temp_dir().join(format!("gatehouse-abi-{}.c", std::process::id()));
    fs::write(&file, text).expect("cannot write the C source");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c11", "-fsyntax-only"]).arg(&file);
    if let Some(folder) = headers() {
        compiler.arg("-I").arg(folder);
    }
    let output = compiler.output().expect("cannot run the C compiler cc");
    fs::remove_file(&file).expect("cannot remove the C source");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The headers that belong to the program `gatehouse`.
fn headers() -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    let programs = env::split_paths(&folders).find(|folder| folder.join("gatehouse").is_file())?;
    Some(programs.join("../include"))
}
