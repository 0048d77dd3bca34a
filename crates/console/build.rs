//! Compresses the files of the pages, which the program contains.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=assets");
    let folder = env::var_os("OUT_DIR").map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("cargo names no output folder"))?;
    for name in ["console.css", "htmx.min.js", "icon.svg"] {
        let file = File::create(folder.join(format!("{name}.gz")))?;
        let mut encoder = GzEncoder::new(file, Compression::best());
        encoder.write_all(&fs::read(format!("assets/{name}"))?)?;
        encoder.finish()?;
    }
    Ok(())
}
