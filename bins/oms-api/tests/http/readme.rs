//! What the README has newcomers type, typed into a shell.

use std::path::Path;
use std::process::Command;

use crate::api::command;
use crate::shop::Shop;
use crate::transcript::{Ids, Shell, steps};

const README: &str = include_str!("../../../../README.md");

/// Where the README's API listens.
const ADDRESS: &str = "http://127.0.0.1:3000";

#[tokio::test]
async fn a_newcomer_makes_a_store_places_an_order_and_learns_why_it_was_routed_where_it_was() {
    let shop = Shop::open().await;
    let (_, section) = README.split_once("\n### A store of your own\n").unwrap();
    let steps = steps(section.split("\n### ").next().unwrap());
    assert!(steps.len() >= 10, "{steps:#?}");

    let program = command(&shop.database.url(), &shop.sandbox.url, &[]);
    let settings = program
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let programs = Path::new(program.get_program()).parent().unwrap();
    let path = format!("{}:{}", programs.display(), env!("PATH"));
    let folder = tempfile::tempdir().unwrap();
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
