//! The rooms of a context: the files and folders beside each other in one of its folders. They must not use each other
//! in a circle. If `xtask/edges.toml` lists the rooms of a folder, each may use only the rooms that its row names.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::dependencies::TABLE_FILE;
use super::findings::Finding;
use super::graph::Graph;
use super::modules::{self, Arrow};
use super::rust::RustFile;

const RULE: &str = "rooms";

/// A room, and the rooms beside it that it may use.
#[derive(Deserialize)]
pub(super) struct Room {
    pub(super) folder: String,
    name: String,
    uses: Vec<String>,
}

/// A use of one room by another in the same folder.
struct Tie<'a, 'f> {
    folder: &'f [&'a str],
    from: &'a str,
    to: &'a str,
    arrow: &'f Arrow<'a>,
}

impl<'a, 'f> Tie<'a, 'f> {
    /// The rooms in which the two ends of an arrow lie. `None` for a file and the folder of its own modules.
    fn of(arrow: &'f Arrow<'a>) -> Option<Self> {
        let both = arrow.from.iter().zip(&arrow.to);
        let depth = both.take_while(|(from, to)| from == to).count();
        Some(Self {
            folder: &arrow.from[..depth],
            from: arrow.from.get(depth)?,
            to: arrow.to.get(depth)?,
            arrow,
        })
    }

    fn is_among(&self, rooms: &[&str]) -> bool {
        rooms.contains(&self.from) && rooms.contains(&self.to)
    }
}

/// The rooms that the table lists.
pub(super) fn listed(table: &str) -> Vec<Room> {
    #[derive(Deserialize, Default)]
    struct Table {
        #[serde(default)]
        rooms: Vec<Room>,
    }
    // Errors of the table are reported where its other parts are read.
    toml::from_str::<Table>(table).unwrap_or_default().rooms
}

/// Checks the folders of every context.
pub(super) fn check(files: &[RustFile<'_>], table: &str) -> Vec<Finding> {
    let mut contexts: BTreeMap<&str, Vec<&RustFile<'_>>> = BTreeMap::new();
    for file in files {
        if let Some(context) = file.context() {
            contexts.entry(context).or_default().push(file);
        }
    }
    let rooms = listed(table);
    let mut findings = unlisted(&rooms, files);
    for (context, files) in contexts {
        let root = format!("crates/{context}/src/");
        let arrows = modules::arrows(&root, &files);
        let ties: Vec<Tie<'_, '_>> = arrows.iter().filter_map(Tie::of).collect();
        findings.extend(circles(&ties));
        findings.extend(
            ties.iter()
                .filter_map(|tie| beyond_the_table(&rooms, &root, tie)),
        );
    }
    findings
}

/// The circles in each folder, each reported at one of its arrows.
fn circles(ties: &[Tie<'_, '_>]) -> Vec<Finding> {
    let mut folders: BTreeMap<&[&str], Graph<'_>> = BTreeMap::new();
    for tie in ties {
        folders
            .entry(tie.folder)
            .or_default()
            .add_use(tie.from, tie.to);
    }
    let found = folders.into_iter().flat_map(|(folder, graph)| {
        let circles = graph.circles().into_iter();
        circles.map(move |circle| (folder, circle))
    });
    found
        .filter_map(|(folder, circle)| finding(ties, folder, &circle))
        .collect()
}

fn finding(ties: &[Tie<'_, '_>], folder: &[&str], circle: &[&str]) -> Option<Finding> {
    let mut examples: BTreeMap<(&str, &str), &Arrow<'_>> = BTreeMap::new();
    for tie in ties
        .iter()
        .filter(|tie| tie.folder == folder && tie.is_among(circle))
    {
        examples.entry((tie.from, tie.to)).or_insert(tie.arrow);
    }
    let shown: Vec<String> = examples
        .iter()
        .map(|((from, to), arrow)| {
            format!(
                "{from} → {to} ({}:{}: {})",
                arrow.path, arrow.line, arrow.name
            )
        })
        .collect();
    let advice = format!(
        "files or folders must not use each other in a circle: {}",
        shown.join(", ")
    );
    let first = examples.values().next()?;
    Some(Finding::error(first.path, first.line, RULE, advice))
}

/// An arrow between listed rooms that no row allows.
fn beyond_the_table(rooms: &[Room], root: &str, tie: &Tie<'_, '_>) -> Option<Finding> {
    let folder = format!("{root}{}", tie.folder.join("/"));
    let mut rows = rooms.iter();
    let row = rows.find(|room| room.folder == folder && room.name == tie.from)?;
    let is_allowed = row.uses.iter().any(|used| used == tie.to);
    let advice = || {
        let uses = if row.uses.is_empty() {
            "none".to_owned()
        } else {
            row.uses.join(", ")
        };
        format!(
            "{} may not use {}: {TABLE_FILE} lets it use {uses}",
            tie.from, tie.to
        )
    };
    (!is_allowed).then(|| Finding::error(tie.arrow.path, tie.arrow.line, RULE, advice()))
}

/// Files of a listed folder that are in no listed room, rows without a room, and rows in the wrong order.
fn unlisted(rooms: &[Room], files: &[RustFile<'_>]) -> Vec<Finding> {
    let room_of = |path: &str, folder: &str| -> Option<String> {
        let inside = path.strip_prefix(folder)?.strip_prefix('/')?;
        let room = inside.split('/').next()?;
        Some(room.trim_end_matches(".rs").to_owned())
    };
    let mut findings = Vec::new();
    for file in files {
        let mut homes = rooms.iter();
        let Some(home) = homes.find_map(|it| Some((it, room_of(file.path, &it.folder)?))) else {
            continue;
        };
        let (Room { folder, .. }, name) = home;
        if !rooms
            .iter()
            .any(|it| it.folder == *folder && it.name == name)
        {
            let advice = format!("give the room {name} of {folder} a row in {TABLE_FILE}");
            findings.push(Finding::error(file.path, 1, RULE, advice));
        }
    }
    for (index, room) in rooms.iter().enumerate() {
        let Room { folder, name, uses } = room;
        let is_empty = !files
            .iter()
            .any(|file| room_of(file.path, folder).as_ref() == Some(name));
        let is_above = |used: &String| {
            let mut before = rooms[..index].iter();
            !before.any(|it| it.folder == *folder && it.name == *used)
        };
        if is_empty {
            let advice = format!("{folder} has no room {name}: remove its row");
            findings.push(Finding::error(TABLE_FILE, 1, RULE, advice));
        }
        if let Some(used) = uses.iter().find(|used| is_above(used)) {
            let advice = format!("the room {name} must come after {used}");
            findings.push(Finding::error(TABLE_FILE, 1, RULE, advice));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "rooms = [
        { folder = \"crates/orders/src/service\", name = \"transitions\", uses = [] },
        { folder = \"crates/orders/src/service\", name = \"placing\", uses = [\"transitions\"] },
    ]";

    fn found(table: &str, files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<RustFile<'_>> = files
            .iter()
            .map(|(path, text)| RustFile::read(path, text))
            .collect();
        check(&files, table)
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    const PLACING: &str = "crates/orders/src/service/placing/place_order.rs";
    const TRANSITIONS: &str = "crates/orders/src/service/transitions/end_order.rs";

    #[test]
    fn a_room_may_use_the_rooms_of_its_row() {
        let files = [
            (
                PLACING,
                "use crate::service::transitions::end_order::end_order;",
            ),
            (TRANSITIONS, "use super::super::super::store::orders;"),
            ("crates/orders/src/store/orders.rs", ""),
        ];
        assert_eq!(found(TABLE, &files), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_no_row_allows_is_found() {
        let files = [
            ("crates/orders/src/service.rs", ""),
            ("crates/orders/src/service/placing.rs", ""),
            (PLACING, ""),
            (
                TRANSITIONS,
                "\nuse crate::service::placing::place_order::PlacedOrder;",
            ),
        ];
        let found = found(TABLE, &files);
        assert_eq!(found.len(), 1);
        let start = format!("{TRANSITIONS}:2: rooms: transitions may not use placing");
        assert!(found[0].starts_with(&start), "{found:?}");
    }

    #[test]
    fn a_circle_of_files_in_any_folder_is_found() {
        let files = [
            (
                "crates/inventory/src/domain/import/header.rs",
                "use super::parser::Row;",
            ),
            (
                "crates/inventory/src/domain/import/parser.rs",
                "use super::header::Header;",
            ),
            (
                "crates/inventory/src/domain/import.rs",
                "pub(crate) use header::Header;",
            ),
            ("crates/shared/errors/src/a.rs", "use crate::b::B;"),
            ("crates/shared/errors/src/b.rs", "use crate::a::A;"),
        ];
        let found = found("", &files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("header → parser") && found[0].contains("parser → header"));
    }

    #[test]
    fn a_circle_across_folders_is_found_in_their_common_folder() {
        let files = [
            (
                "crates/orders/src/context.rs",
                "use crate::service::intake::Intake;",
            ),
            ("crates/orders/src/service.rs", ""),
            (
                "crates/orders/src/service/intake.rs",
                "use crate::context::OrderContext;",
            ),
        ];
        let found = found("", &files);
        assert!(found[0].contains("context → service") && found[0].contains("service → context"));
    }

    #[test]
    fn a_room_without_a_row_and_a_row_without_a_room_are_found() {
        let files = [(PLACING, ""), ("crates/orders/src/service/abort.rs", "")];
        let found = found(TABLE, &files);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("give the room abort of crates/orders/src/service a row"));
        assert!(found[1].contains("no room transitions"));
    }

    #[test]
    fn a_row_comes_after_the_rooms_that_it_names() {
        let table = "rooms = [{ folder = \"crates/orders/src/service\", name = \"placing\", uses = [\"reading\"] }]";
        let found = found(table, &[(PLACING, "")]);
        assert!(
            found[0].contains("placing must come after reading"),
            "{found:?}"
        );
    }
}
