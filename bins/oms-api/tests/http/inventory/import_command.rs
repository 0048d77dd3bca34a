//! `oms-api import`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::api::{Settings, command};
use crate::request::{WIDGET_A, new_key};
use crate::shop::seed;
use crate::stock::ATLANTA_WAREHOUSE;
use crate::store_database::StoreDatabase;

async fn store() -> StoreDatabase {
    let database = StoreDatabase::create().await;
    seed(&database).await;
    database
}

/// Runs `oms-api import` to its end.
async fn import(
    database: &StoreDatabase,
    settings: Settings<'_>,
    words: &[&str],
    input: Option<&Path>,
) -> Output {
    let mut command = command(&database.url(), "http://127.0.0.1:1", settings);
    command.arg("import").args(words);
    if let Some(input) = input {
        command.stdin(File::open(input).unwrap());
    }
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn written(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn said(output: &Output) -> (Option<i32>, Vec<String>) {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (
        output.status.code(),
        text.lines().map(str::to_owned).collect(),
    )
}

async fn on_hand(database: &StoreDatabase) -> i64 {
    database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await.on_hand
}

#[tokio::test]
async fn files_are_imported_and_every_rejected_row_is_printed() {
    let (database, folder) = (store().await, tempfile::tempdir().unwrap());
    let lamps = "{\"sku\":\"LAMP\",\"name\":\"Lamp\"}\n{\"sku\":\"WIDGET-A\",\"name\":\"Widget A\"}\n{\"sku\":\"X\"\n";
    let lamps = written(&folder, "lamps.jsonl", lamps);
    let output = import(&database, &[], &["products", lamps.to_str().unwrap()], None).await;
    let (code, lines) = said(&output);
    assert_eq!((code, lines.len()), (Some(2), 2), "{output:?}");
    assert!(lines[0].starts_with("line 3: row.malformed: "), "{lines:?}");
    assert_eq!(
        lines[1],
        "2 rows imported: 1 created, 0 changed, 1 unchanged, 1 rows rejected"
    );

    let stock = format!("sku,warehouseId,quantity\nLAMP,{ATLANTA_WAREHOUSE},5\n");
    let stock = written(&folder, "stock.txt", &stock);
    let shouted = written(
        &folder,
        "STOCK.CSV",
        &std::fs::read_to_string(&stock).unwrap(),
    );
    let words = ["stock", shouted.to_str().unwrap(), "--mode", "receive"];
    let output = import(&database, &[], &words, None).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let words = ["stock", "-", "--format", "csv", "--reason", "counted"];
    let output = import(&database, &[], &words, Some(&stock)).await;
    let summary = "1 rows imported: 0 changed, 1 unchanged, 0 rows rejected".to_owned();
    assert_eq!(said(&output), (Some(0), vec![summary]), "{output:?}");
    let movement = "SELECT kind, quantity, reason, actor FROM inventory.stock_movements ORDER BY id DESC LIMIT 1";
    let expected = ["receipt", "5", "imported", "cli"].map(str::to_owned);
    assert_eq!(database.rows(movement).await, [expected]);
}

#[tokio::test]
async fn with_a_key_a_file_is_imported_once_and_without_one_by_each_call() {
    let (database, folder) = (store().await, tempfile::tempdir().unwrap());
    let before = on_hand(&database).await;
    let file = format!("sku,warehouseId,quantity\nWIDGET-A,{ATLANTA_WAREHOUSE},5\n");
    let file = written(&folder, "stock.csv", &file);
    let words = ["stock", file.to_str().unwrap(), "--mode", "receive"];
    let key = new_key();
    let keyed = [&words[..], &["--key", &key]].concat();
    for (words, summary, more) in [
        (&keyed[..], "1 rows imported: ", 5),
        (&keyed, "1 rows already imported: ", 5),
        (&words, "1 rows imported: ", 10),
        (&words, "1 rows imported: ", 15),
    ] {
        let output = import(&database, &[], words, None).await;
        let (code, lines) = said(&output);
        assert_eq!(code, Some(0), "{output:?}");
        assert!(lines[0].starts_with(summary), "{lines:?}");
        assert_eq!(on_hand(&database).await, before + more);
    }
}

#[tokio::test]
async fn all_or_nothing_rejects_the_whole_file_and_tenants_are_separate() {
    let (database, folder) = (store().await, tempfile::tempdir().unwrap());
    let levels = database.levels().await;
    let file = format!(
        "sku,warehouseId,quantity\nWIDGET-A,{ATLANTA_WAREHOUSE},5\nNO,{ATLANTA_WAREHOUSE},5\n"
    );
    let file = written(&folder, "stock.csv", &file);
    let path = file.to_str().unwrap();
    let output = import(&database, &[], &["stock", path, "--all-or-nothing"], None).await;
    let (code, lines) = said(&output);
    assert_eq!(code, Some(2), "{output:?}");
    assert!(
        lines[0].starts_with("line 3: row.unknown_product: "),
        "{lines:?}"
    );
    assert_eq!(lines[1..], ["nothing was imported, 1 rows rejected"]);

    let elsewhere = [
        "stock",
        path,
        "--tenant",
        "00000000-0000-4000-8000-000000000002",
    ];
    let output = import(&database, &[], &elsewhere, None).await;
    assert_eq!(said(&output).1.len(), 3, "{output:?}");
    assert_eq!(database.levels().await, levels);
}

#[tokio::test]
async fn the_reason_of_a_failed_import_is_one_line() {
    let (database, folder) = (store().await, tempfile::tempdir().unwrap());
    let empty = written(&folder, "empty.csv", "");
    let unnamed = written(&folder, "unnamed", "x");
    let large = written(&folder, "large.csv", &"x".repeat(2000));
    let other = written(&folder, "other.csv", "a,b\n1,2\n");
    let missing = folder.path().join("missing.csv");
    for (file, reason) in [
        (&empty, "the file has no rows"),
        (&unnamed, "specify --format"),
        (&large, "at most 1024 bytes"),
        (&other, "sku,warehouseId,quantity"),
        (&missing, "can't read"),
    ] {
        let words = ["stock", file.to_str().unwrap()];
        let output = import(&database, &[("OMS_IMPORT_MAX_BYTES", "1024")], &words, None).await;
        assert_eq!(said(&output), (Some(1), Vec::new()), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        let last = stderr.lines().last().unwrap();
        assert!(
            last.starts_with("oms-api: ") && last.contains(reason),
            "{stderr}"
        );
    }
    for words in [
        &["stock"][..],
        &["stock", "x.csv", "--mode", "add"],
        &["stock", "x.csv", "--key", ""],
    ] {
        let output = import(&database, &[], words, None).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}
