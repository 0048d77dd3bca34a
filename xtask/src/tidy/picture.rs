//! The structure as text: the crates or the rooms of a folder, floor by floor, with the arrows between them and the
//! circles.
//!
//! A thing is on the floor above all things that it uses. So an arrow that points up is part of a circle.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::TextFile;
use super::dependencies::TABLE_FILE;
use super::graph::Graph;
use super::modules;
use super::rooms;
use super::rust::RustFile;
use crate::workspace::Workspace;

/// The number of files and lines of each thing.
type Sizes<'a> = BTreeMap<&'a str, (usize, usize)>;

/// The picture of the crates and of each folder whose rooms the table lists, or of one folder.
pub(super) fn draw(workspace: &Workspace, files: &[TextFile], folder: Option<&str>) -> String {
    let table = files.iter().find(|file| file.path == TABLE_FILE);
    let mut folders: Vec<String> = match folder {
        Some(folder) => vec![folder.trim_end_matches('/').to_owned()],
        None => {
            let rooms = rooms::listed(table.map_or("", |file| &file.text));
            rooms.into_iter().map(|room| room.folder).collect()
        }
    };
    folders.dedup();
    let mut text = folder.map_or_else(|| crates(workspace, files), |_| String::new());
    for folder in folders {
        text += &rooms_of(&folder, files);
    }
    text
}

/// The crates with their dependencies, except those that only tests use.
fn crates(workspace: &Workspace, files: &[TextFile]) -> String {
    let (mut graph, mut sizes) = (Graph::default(), Sizes::new());
    for package in &workspace.packages {
        let manifest = workspace.relative(&package.manifest_path);
        let folder = format!("{}src/", manifest.trim_end_matches("Cargo.toml"));
        graph.add(&package.name);
        for file in files.iter().filter(|file| file.path.starts_with(&folder)) {
            count(&mut sizes, &package.name, &file.text);
        }
        let dependencies = package.dependencies.iter();
        dependencies
            .filter(|it| it.path.is_some() && it.kind.as_deref() != Some("dev"))
            .for_each(|it| graph.add_use(&package.name, &it.name));
    }
    shown("The workspace", "crates", &graph, &sizes)
}

/// The files and folders that are beside each other in a folder.
fn rooms_of(folder: &str, files: &[TextFile]) -> String {
    let Some((krate, inside)) = folder.split_once("/src") else {
        return format!("{folder} is not a folder below a crate's src\n");
    };
    let depth = inside.split('/').filter(|part| !part.is_empty()).count();
    let is_inside = |file: &&TextFile| {
        file.path.starts_with(&format!("{krate}/src/")) && file.path.ends_with(".rs")
    };
    let read: Vec<RustFile<'_>> = files
        .iter()
        .filter(is_inside)
        .map(|file| RustFile::read(&file.path, &file.text))
        .collect();
    let read: Vec<&RustFile<'_>> = read.iter().collect();
    let (mut graph, mut sizes) = (Graph::default(), Sizes::new());
    for file in files.iter().filter(is_inside) {
        let rest = file
            .path
            .strip_prefix(folder)
            .and_then(|rest| rest.strip_prefix('/'));
        let room = rest.and_then(|rest| rest.split('/').next());
        let room = room.map(|room| room.trim_end_matches(".rs"));
        // The root of a crate only re-exports names.
        if let Some(room) = room.filter(|room| !["lib", "main"].contains(room)) {
            graph.add(room);
            count(&mut sizes, room, &file.text);
        }
    }
    let arrows = modules::arrows(&format!("{krate}/src/"), &read);
    for arrow in &arrows {
        if let (Some(from), Some(to)) = (arrow.from.get(depth), arrow.to.get(depth))
            && arrow.from[..depth] == arrow.to[..depth]
            && from != to
            && sizes.contains_key(from)
            && arrow.path.starts_with(folder)
        {
            graph.add_use(from, to);
        }
    }
    shown(folder, "rooms", &graph, &sizes)
}

fn count<'a>(sizes: &mut Sizes<'a>, name: &'a str, text: &str) {
    let size = sizes.entry(name).or_default();
    *size = (size.0 + 1, size.1 + text.lines().count());
}

fn shown(title: &str, things: &str, graph: &Graph<'_>, sizes: &Sizes<'_>) -> String {
    let (floors, circles) = (graph.floors(), graph.circles());
    let arrows: usize = graph.things().map(|(_, used)| used.len()).sum();
    let mut text = format!(
        "{title}: {} {things}, {arrows} arrows, {} circles\n",
        floors.len(),
        circles.len()
    );
    let top = floors.values().copied().max().unwrap_or(0);
    for floor in (1..=top).rev() {
        for (thing, used) in graph.things().filter(|(thing, _)| floors[thing] == floor) {
            let (files, lines) = sizes.get(thing).copied().unwrap_or_default();
            write!(text, "  {floor}  {thing} ({files} files, {lines} lines)").expect(WRITES);
            let times = |times: &usize| (*times > 1).then(|| format!(" ×{times}"));
            let used: Vec<String> = used
                .iter()
                .map(|(name, count)| format!("{name}{}", times(count).unwrap_or_default()))
                .collect();
            if !used.is_empty() {
                write!(text, " → {}", used.join(", ")).expect(WRITES);
            }
            text.push('\n');
        }
    }
    for circle in circles {
        writeln!(text, "  circle: {}", circle.join(", ")).expect(WRITES);
    }
    text.push('\n');
    text
}

const WRITES: &str = "writing to a string can't fail";

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn rooms_are_drawn_by_floor_with_their_arrows() {
        let files = [
            file("crates/orders/src/service.rs", "mod a; mod b;\n"),
            file("crates/orders/src/service/a.rs", "mod x;\n"),
            file(
                "crates/orders/src/service/a/x.rs",
                "use crate::service::b::{B, C};\n",
            ),
            file("crates/orders/src/service/b.rs", "use crate::error::E;\n\n"),
            file("crates/orders/src/error.rs", ""),
        ];
        let text = rooms_of("crates/orders/src/service", &files);
        let expected = "crates/orders/src/service: 2 rooms, 1 arrows, 0 circles\n  \
            2  a (2 files, 2 lines) → b ×2\n  1  b (1 files, 2 lines)\n\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn circles_are_named() {
        let files = [
            file("crates/orders/src/a.rs", "use crate::b::B;"),
            file("crates/orders/src/b.rs", "use crate::a::A;"),
        ];
        let text = rooms_of("crates/orders/src", &files);
        assert!(
            text.contains("1 circles") && text.contains("  circle: a, b\n"),
            "{text}"
        );
    }
}
