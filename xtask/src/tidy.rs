//! `cargo xtask tidy`: the rules that cargo-deny can't check.
//!
//! Between crates: the dependency table, its copy in `deny.toml`, and unused dependencies. Inside crates: which layer
//! may use what, circles between rooms, and the shape of files. In migrations: statements that would block a running
//! server. In documents: dead links. Each rule is a function of a file's path and text, so tests need no disk.

mod dependencies;
mod findings;
mod graph;
mod layers;
mod leaks;
mod links;
mod migrations;
mod modules;
mod online;
mod picture;
mod programs;
mod rooms;
mod rust;
mod schemas;
mod sessions;
mod shape;
mod sql;
mod surface;
mod unused;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::report;
use crate::workspace::Workspace;
use findings::{Finding, Severity};
use rust::RustFile;

/// A text file of the project. Its path is relative to the root and uses `/`.
pub(crate) struct TextFile {
    path: String,
    text: String,
}

/// Runs every rule and prints the findings. Fails if a finding is an error.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let started = Instant::now();
    let files = read_tree(&workspace.root)?;
    let mut findings = dependencies::check(workspace, &files);
    findings.extend(unused::check(workspace, &files));
    findings.extend(check_files(&files));
    findings.sort();
    for finding in &findings {
        report::line(&finding.to_string());
    }
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    if errors > 0 {
        bail!("{errors} rules are violated in the files named above");
    }
    report::line(&format!(
        "✓ tidy: {} files ({})",
        files.len(),
        report::seconds(started.elapsed())
    ));
    Ok(())
}

/// Prints the crates, and the rooms of a folder, with the arrows between them.
pub(crate) fn show_picture(workspace: &Workspace, folder: Option<&str>) -> Result<()> {
    let files = read_tree(&workspace.root)?;
    report::line(picture::draw(workspace, &files, folder).trim_end());
    Ok(())
}

/// Writes the sections that are generated from the table of edges, and runs all rules.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    dependencies::write(workspace, &read_tree(&workspace.root)?)?;
    run(workspace)
}

fn check_files(files: &[TextFile]) -> Vec<Finding> {
    let tables = schemas::tables(files);
    let mut findings = migrations::check(files);
    findings.extend(schemas::check_owners(files, &tables));
    let rust: Vec<RustFile<'_>> = files
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .map(|file| RustFile::read(&file.path, &file.text))
        .collect();
    for file in &rust {
        findings.extend(layers::check(file));
        findings.extend(schemas::check(file, &tables));
        findings.extend(sessions::check(file));
    }
    findings.extend(surface::check(&rust));
    let table = files
        .iter()
        .find(|file| file.path == dependencies::TABLE_FILE);
    findings.extend(rooms::check(&rust, table.map_or("", |file| &file.text)));
    findings.extend(online::check(files));
    findings.extend(links::check(files));
    for file in files {
        findings.extend(leaks::check(&file.path, &file.text));
        if file.path.ends_with(".rs") {
            findings.extend(shape::check(&file.path, &file.text));
            findings.extend(programs::check(&file.path, &file.text));
        }
    }
    findings
}

/// The text of a file. That of a picture is empty: documents may link to it. `None` for other files without text.
fn text_of(path: &Path) -> Option<String> {
    let is_picture = path.extension().is_some_and(|it| it == "png");
    match is_picture {
        true => Some(String::new()),
        false => fs::read_to_string(path).ok(),
    }
}

/// All text files and pictures of the project, except those that are built or generated.
fn read_tree(root: &Path) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let context = || format!("{} cannot be read", folder.display());
        for entry in fs::read_dir(&folder).with_context(context)? {
            let path = entry.with_context(context)?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            // In a git worktree, `.git` is a file.
            if path.is_symlink() || name == ".git" {
                continue;
            }
            if path.is_dir() {
                let is_made = [".oms", "target", "node_modules"].contains(&name.as_str())
                    || path.join("CACHEDIR.TAG").exists();
                if !is_made {
                    folders.push(path);
                }
            } else if name != ".env"
                && let Some(text) = text_of(&path)
            {
                let relative = path
                    .strip_prefix(root)
                    .unwrap_or(&path)
                    .to_string_lossy()
                    .replace('\\', "/");
                files.push(TextFile {
                    path: relative,
                    text,
                });
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}
