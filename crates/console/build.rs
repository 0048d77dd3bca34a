//! Makes what the program contains of the files of the pages and of the outlines of the continents smaller.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

const LAND: &str = "src/pictures/map/land.path";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed={LAND}");
    let folder = env::var_os("OUT_DIR").map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("cargo names no output folder"))?;
    for name in ["console.css", "htmx.min.js", "icon.svg"] {
        let file = File::create(folder.join(format!("{name}.gz")))?;
        let mut encoder = GzEncoder::new(file, Compression::best());
        encoder.write_all(&fs::read(format!("assets/{name}"))?)?;
        encoder.finish()?;
    }
    write_land(&folder.join("land"))
}

/// Writes the rings of the land as numbers of two bytes, the low one first: how many points a ring has, and then the
/// longitude and the latitude of each in hundredths of a degree.
fn write_land(to: &Path) -> io::Result<()> {
    let mut numbers = Vec::new();
    for line in fs::read_to_string(LAND)?.lines() {
        let ring = ring(line).ok_or_else(|| io::Error::other(format!("not a ring: {line}")))?;
        numbers.push(i16::try_from(ring.len()).map_err(io::Error::other)?);
        for degrees in ring.into_iter().flatten() {
            numbers.push(i16::try_from(degrees).map_err(io::Error::other)?);
        }
    }
    let bytes: Vec<u8> = numbers.into_iter().flat_map(i16::to_le_bytes).collect();
    fs::write(to, bytes)
}

/// The points of a line of the committed path, whose steps are from point to point.
fn ring(line: &str) -> Option<Vec<[i32; 2]>> {
    let (start, steps) = line.strip_prefix('M')?.strip_suffix('z')?.split_once('l')?;
    let pair = |x: &str, y: &str| Some([x.parse().ok()?, y.parse().ok()?]);
    let (x, y) = start.split_once(' ')?;
    let mut at: [i32; 2] = pair(x, y)?;
    let mut points = vec![at];
    let mut numbers = steps.split(' ');
    while let Some(x) = numbers.next() {
        let step = pair(x, numbers.next()?)?;
        at = [at[0] + step[0], at[1] + step[1]];
        points.push(at);
    }
    Some(points)
}
