//! The files that are generated from the code: the pages of `docs/reference`, and the document of the API.

use std::path::{Path, PathBuf};
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
    let path = repository().join(file);
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

/// Replaces a picture of the repository by one that a test has taken, if `OMS_WRITE_DOCS` is set. Two pictures of a page
/// are never the same, so they are not compared.
///
/// # Panics
/// If the repository does not have the picture, or if it can't be written.
pub fn keep_picture(file: &str, taken: &Path) {
    let kept = repository().join(file);
    if env::var_os(WRITE).is_some() {
        fs::copy(taken, &kept).expect("the picture can be written");
    }
    assert!(
        kept.exists(),
        "{file} is missing: run this test with {WRITE}=1"
    );
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}
