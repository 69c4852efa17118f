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

/// The C type of a pointer to a function, as Rust writes it; nothing: it is none.
pub fn c_function(rust: &str) -> Option<String> {
    let rust = rust.replace(char::is_whitespace, " ");
    let rust = rust
        .strip_prefix("Option<")
        .map_or(&rust[..], |inner| inner.trim_end_matches(['>', ',', ' ']));
    let function = rust.trim().strip_prefix("unsafe extern \"C\" fn(")?;
    let mut depth = 1;
    let end = function.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    })?;
    let result = function[end + 1..]
        .trim()
        .strip_prefix("->")
        .map_or("void".into(), c_type);
    let arguments: Vec<String> = arguments(&function[..end])
        .iter()
        .map(|one| c_type(one))
        .collect();
    Some(format!("{result} (*)({})", arguments.join(", ")))
}

fn c_type(rust: &str) -> String {
    let rust = rust.trim();
    if let Some(function) = c_function(rust) {
        return function;
    }
    if let Some(inner) = rust.strip_prefix("*mut ") {
        return c_type(inner) + "*";
    }
    if let Some(inner) = rust.strip_prefix("*const ") {
        return format!("const {}*", c_type(inner));
    }
    match rust {
        "c_void" | "u8" => "void".into(), // bytes that are no text
        "usize" => "size_t".into(),
        "i32" | "i64" => format!("int{}_t", &rust[1..]),
        "u32" | "u64" => format!("uint{}_t", &rust[1..]),
        other => format!("gatehouse_{}", other.to_lowercase()),
    }
}

/// Split at the commas that are not inside of another function's arguments.
fn arguments(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut depth = 0;
    for c in text.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if c == ',' && depth == 0 {
            all.push(String::new());
        } else {
            all.last_mut().unwrap().push(c);
        }
    }
    all.retain(|one| !one.trim().is_empty());
    all
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
