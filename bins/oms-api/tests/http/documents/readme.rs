//! Runs the commands of the README and of the first guides in a shell.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::api::command;
use crate::shop::Shop;
use crate::transcript::{Ids, Shell, steps};

/// In the order in which a newcomer reads them.
const PAGES: [&str; 8] = [
    include_str!("../../../../../README.md"),
    include_str!("../../../../../docs/guide/first-order.md"),
    include_str!("../../../../../docs/guide/events.md"),
    include_str!("../../../../../docs/guide/webhooks.md"),
    include_str!("../../../../../docs/guide/shipping.md"),
    include_str!("../../../../../docs/guide/returns.md"),
    include_str!("../../../../../docs/guide/a-tenant-of-your-own.md"),
    include_str!("../../../../../docs/guide/money.md"),
];

/// Commands that prepare the programs, which the test has already done.
const PREPARING: &str = "cargo xtask ";

const PROGRAMS: &str = include_str!("../../../../../xtask/test-programs.txt");

/// The API's address on these pages.
const ADDRESS: &str = "http://127.0.0.1:3000";

#[tokio::test]
async fn the_commands_of_the_first_pages_give_the_printed_answers() {
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
            assert_eq!(compared, Ok(()), "{typed}\nnow answers\n{answer}");
        }
    });
    typing.await.unwrap();
    shop.assert_consistent().await;
}

/// A folder with only the programs that tests may run: a newcomer's machine may have no others.
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
