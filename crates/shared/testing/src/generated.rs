//! The files that are generated from the code: the pages of `docs/reference`, and the document of the API.

use std::path::Path;
use std::{env, fs};

/// Set by `cargo xtask docs`, which writes the files.
const WRITE: &str = "OMS_WRITE_DOCS";

/// Asserts that a page under `docs` is up to date. If `OMS_WRITE_DOCS` is set, writes the page instead.
///
/// # Panics
/// If the page is out of date.
pub fn assert_page(page: &str, generated: &str) {
    assert_file(&format!("docs/{page}"), generated);
}

/// Checks that a file of the repository is what the code generates now.
///
/// # Panics
/// When it is not. With `OMS_WRITE_DOCS` set the file is written instead.
pub fn assert_file(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../..")
        .join(file);
    if env::var_os(WRITE).is_some() {
        fs::write(&path, generated).expect("the folder of the file exists");
        return;
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    let differs = |(stored, generated): &(&str, &str)| stored != generated;
    let lines = stored.lines().zip(generated.lines());
    assert!(
        stored == generated,
        "{file} is out of date: run `cargo xtask docs` and commit the result. First difference: {:?}",
        lines.clone().find(differs)
    );
}
