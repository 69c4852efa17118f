//! Cargo names the library libplugin.so, and the host looks for @NAME@.so: a link in target/PROFILE/plugins.
use std::{env, fs, os::unix::fs::symlink, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").expect("cargo sets it"); // target/PROFILE/build/PACKAGE/out
    let plugins = Path::new(&out)
        .ancestors()
        .nth(3)
        .expect("as cargo lays it out")
        .join("plugins");
    fs::create_dir_all(&plugins).expect("cannot create the folder of the plugin");
    let link = plugins.join("@NAME@.so");
    let _ = fs::remove_file(&link); // of an earlier build
    symlink("../deps/libplugin.so", link).expect("cannot link the plugin");
}
