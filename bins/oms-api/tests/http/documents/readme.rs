//! What the README and the first guides have newcomers type, typed into a shell.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::api::command;
use crate::shop::Shop;
use crate::transcript::{Ids, Shell, steps};

/// In the order in which a newcomer reads them.
const PAGES: [&str; 3] = [
    include_str!("../../../../../README.md"),
    include_str!("../../../../../docs/guide/first-order.md"),
    include_str!("../../../../../docs/guide/a-tenant-of-your-own.md"),
];

/// Prepare the programs, which the test has done before.
const PREPARING: &str = "cargo xtask ";

const PROGRAMS: &str = include_str!("../../../../../xtask/test-programs.txt");

/// Where the API of these pages listens.
const ADDRESS: &str = "http://127.0.0.1:3000";

#[tokio::test]
async fn a_newcomer_places_orders_and_reads_why_they_were_routed_where_they_were() {
    let shop = Shop::open().await;
    let mut steps: Vec<_> = PAGES.into_iter().flat_map(steps).collect();
    steps.retain(|step| !step.command.starts_with(PREPARING));
    assert!(steps.len() >= 13, "{steps:#?}");

    let program = command(&shop.database.url(), &shop.sandbox.url, &[]);
    let settings = program
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let programs = Path::new(program.get_program()).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let listed = listed_programs(folder.path());
    let path = format!("{}:{}", programs.display(), listed.display());
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc"]).current_dir(&folder);
    bash.env_clear().envs(settings).env("PATH", path);
    let mut shell = Shell::start(bash);

    let url = shop.api.url.clone();
    let typing = tokio::task::spawn_blocking(move || {
        let mut ids = Ids::default();
        for step in &steps {
            let typed = ids.replace(&step.command).replace(ADDRESS, &url);
            let answer = shell.run(&typed);
            let compared = ids.compare(&step.answer, &answer);
            assert_eq!(compared, Ok(()), "{typed}\nanswers now\n{answer}");
        }
    });
    typing.await.unwrap();
    shop.assert_consistent().await;
}

/// A folder of the programs that tests may run, and of no other: a newcomer's machine need not have more.
fn listed_programs(folder: &Path) -> PathBuf {
    let programs = folder.join("programs");
    fs::create_dir(&programs).unwrap();
    let path = env::var_os("PATH").unwrap();
    let lines = PROGRAMS.lines().filter(|line| !line.starts_with('#'));
    for name in lines.map(|line| line.split(' ').next().unwrap()) {
        let mut files = env::split_paths(&path).map(|folder| folder.join(name));
        if let Some(file) = files.find(|file| file.is_file()) {
            symlink(file, programs.join(name)).unwrap();
        }
    }
    programs
}
