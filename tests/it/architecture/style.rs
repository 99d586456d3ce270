//! The house rules that a test can hold. A number here is a limit, not an aim: most files and functions are far below.

use std::path::{Path, PathBuf};

use super::rust_text::{code_only, functions};
use super::{files, read, root, shown};

/// Of a file that is not tests.
const FILE_MAX_LINES: usize = 400;
const FUNCTION_MAX_LINES: usize = 70;
/// What is unfinished, or skipped, does not land.
const FORBIDDEN: [&str; 3] = ["todo!(", "unimplemented!(", "#[ignore"];

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let long: Vec<_> = sources()
        .filter(|file| !is_test(file))
        .map(|file| (read(&file).lines().count(), shown(&file)))
        .filter(|(lines, _)| *lines > FILE_MAX_LINES)
        .collect();
    assert!(long.is_empty(), "more than {FILE_MAX_LINES} lines: {long:#?}");
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut long = Vec::new();
    for file in sources() {
        let found = functions(&code_only(&read(&file))).into_iter().filter(|(_, lines)| *lines > FUNCTION_MAX_LINES);
        long.extend(found.map(|(at, lines)| format!("{}:{at} has {lines}", shown(&file))));
    }
    assert!(long.is_empty(), "more than {FUNCTION_MAX_LINES} lines: {long:#?}");
}

#[test]
fn every_module_says_what_it_is_for() {
    // Tests beside their subject say it by their names.
    let spoken = sources().filter(|file| shown(file).starts_with("tests/") || !is_test(file));
    let silent: Vec<_> = spoken.filter(|file| !read(file).starts_with("//! ")).map(|file| shown(&file)).collect();
    assert!(silent.is_empty(), "they do not begin with //!: {silent:#?}");
}

#[test]
fn nothing_unfinished_or_skipped_lands() {
    let mut met = Vec::new();
    for file in sources() {
        let code = code_only(&read(&file));
        met.extend(
            FORBIDDEN.iter().filter(|word| code.contains(**word)).map(|word| format!("{}: {word}", shown(&file))),
        );
    }
    assert!(met.is_empty(), "{met:#?}");
}

#[test]
fn a_module_is_a_file_of_its_own_name() {
    let met: Vec<_> = sources().filter(|file| file.ends_with("mod.rs")).map(|file| shown(&file)).collect();
    assert!(met.is_empty(), "{met:#?}");
}

#[test]
fn every_crate_obeys_the_lints_of_the_workspace() {
    for manifest in
        files("toml").into_iter().filter(|file| file.ends_with("Cargo.toml") && *file != root().join("Cargo.toml"))
    {
        assert!(read(&manifest).contains("[lints]\nworkspace = true"), "{}", shown(&manifest));
    }
}

fn sources() -> impl Iterator<Item = PathBuf> {
    let files = files("rs");
    assert!(files.len() > 100, "only {} files were found", files.len());
    files.into_iter()
}

fn is_test(file: &Path) -> bool {
    let path = shown(file);
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}
