//! Rebuilds the crate when a migration changes, to embed it.

fn main() {
    println!("cargo:rerun-if-changed=../../../migrations");
}
