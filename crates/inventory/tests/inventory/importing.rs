//! Imports of stock: accepted rows, rejected rows, and interrupted imports.

use std::sync::Arc;

use oms_database::{Connection, transaction};
use oms_inventory::{
    Acceptance, ImportFile, ImportFileWriter, ImportFormat, ImportObserver, ImportProgress,
    ImportReport, ImportRequest, InventoryContext, InventoryError, MAX_LINE_BYTES,
    MAX_NAMED_REJECTIONS, ReservationRequest, StockMode, get_import, import_stock, reserve,
};
use oms_validation::{IdempotencyKey, Once, OrderId, Reason, TenantId};
use uuid::Uuid;

use crate::fixture::*;

/// Rows per transaction.
pub const CHUNK: usize = 2_000;

pub async fn file(text: &[u8]) -> ImportFile {
    let mut writer = ImportFileWriter::new(u64::MAX).unwrap();
    writer.write(text).await.unwrap();
    writer.finish().await.unwrap()
}

pub async fn request(text: &str, acceptance: Acceptance) -> ImportRequest {
    ImportRequest {
        file: file(text.as_bytes()).await,
        format: ImportFormat::Csv,
        acceptance,
        actor: "test".to_owned(),
    }
}

pub fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

/// A stock file with rows of `(product, warehouse, quantity)`.
pub fn stock_file(rows: impl IntoIterator<Item = (usize, usize, i32)>) -> String {
    let mut text = "sku,warehouseId,quantity\n".to_owned();
    for (p, w, quantity) in rows {
        text += &format!("SKU-{p},{},{quantity}\n", warehouse(w));
    }
    text
}

pub async fn import(
    context: &InventoryContext,
    name: &str,
    mode: StockMode,
    request: ImportRequest,
    observer: &dyn ImportObserver,
) -> Result<Once<ImportReport>, InventoryError> {
    let reason = Reason::parse("counted").unwrap();
    let key = key(name);
    import_stock(context, tenant(), &key, mode, &reason, request, observer).await
}

async fn set(context: &InventoryContext, name: &str, text: &str) -> ImportReport {
    let request = request(text, Acceptance::EachRow).await;
    match import(context, name, StockMode::Set, request, &()).await {
        Ok(Once::Now(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn named(report: &ImportReport) -> Vec<(i32, &'static str)> {
    let rejections = report.rejections.iter();
    rejections.map(|r| (r.line, r.code.as_str())).collect()
}

async fn on_hand(connection: &mut Connection, w: usize, p: usize) -> i64 {
    let (warehouse, product) = (warehouse(w), product(p));
    let sql = format!(
        "SELECT on_hand FROM inventory.stock_levels
         WHERE warehouse_id = '{warehouse}' AND product_id = '{product}'"
    );
    number(connection, &sql).await
}

async fn hold(connection: &mut Connection, quantity: i32) {
    let demand = demand(&[(0, quantity)]);
    let request = ReservationRequest {
        holder: OrderId::generate().into(),
        warehouse_id: warehouse(0),
        demand: &demand,
    };
    let outcome = transaction(connection, async |connection| {
        reserve(connection, tenant(), &[request]).await
    });
    outcome.await.unwrap();
}

#[tokio::test]
async fn invalid_rows_are_reported_by_line_and_the_others_are_imported() {
    let (database, mut connection) = store_with(&[&[5, 5, 5], &[0, 0, 0]]).await;
    let context = context(&database, 1);
    hold(&mut connection, 4).await;
    let (here, there) = (warehouse(0), warehouse(1));
    let lines: Vec<Vec<u8>> = vec![
        b"sku,warehouseId,quantity".to_vec(),
        format!("SKU-1,{here},7\r").into_bytes(),
        format!("SKU-9,{here},7").into_bytes(),
        format!("SKU-1,{},7", Uuid::from_u128(9)).into_bytes(),
        format!("SKU-1,{here},8").into_bytes(),
        b"".to_vec(),
        format!("SKU-2,{here},-1").into_bytes(),
        format!("SKU-2,{here},1000000001").into_bytes(),
        b"SKU-2,here,1".to_vec(),
        format!("{},{here},1", "x".repeat(101)).into_bytes(),
        [b"SKU-\xE4,", format!("{here},1").as_bytes()].concat(),
        format!("SKU-2,{here},1,2").into_bytes(),
        format!("{},{here},1", "x".repeat(MAX_LINE_BYTES)).into_bytes(),
        format!("SKU-0,{here},3").into_bytes(),
        format!("SKU-2,{there},9").into_bytes(),
        format!("SKU-2,{here},5").into_bytes(),
        format!("SKU-1,{there},5").into_bytes()[..20].to_vec(),
    ];
    let request = ImportRequest {
        file: file(&lines.join(&b'\n')).await,
        format: ImportFormat::Csv,
        acceptance: Acceptance::EachRow,
        actor: "test".to_owned(),
    };
    let imported = import(&context, "k", StockMode::Set, request, &()).await;
    let Ok(Once::Now(report)) = imported else {
        panic!("{imported:?}");
    };
    assert_eq!(
        named(&report),
        [
            (3, "row.unknown_product"),
            (4, "row.unknown_warehouse"),
            (5, "row.duplicate"),
            (7, "row.invalid_quantity"),
            (8, "row.invalid_quantity"),
            (9, "row.invalid_warehouse"),
            (10, "row.invalid_sku"),
            (11, "row.not_utf8"),
            (12, "row.malformed"),
            (13, "row.too_long"),
            (14, "row.below_reserved"),
            (17, "row.malformed"),
        ]
    );
    let counts = report.import.counts;
    assert_eq!(
        (counts.changed, counts.unchanged, counts.rejected),
        (2, 1, 12)
    );
    assert_eq!(report.import.lines_done, 17);
    assert!(report.import.finished_at.is_some());
    for (w, p, quantity) in [(0, 0, 5), (0, 1, 7), (0, 2, 5), (1, 2, 9)] {
        assert_eq!(on_hand(&mut connection, w, p).await, quantity, "{w} {p}");
    }
    let stored = get_import(&context, tenant(), report.import.id).await;
    assert_eq!(stored.unwrap(), report);
    let movements = format!(
        "SELECT count(*) FROM inventory.stock_movements
         WHERE change_id = '{}' AND kind = 'adjustment' AND reason = 'counted' AND actor = 'test'",
        report.import.id
    );
    assert_eq!(number(&mut connection, &movements).await, 2);
    assert_conserved(&mut connection).await;
}

#[tokio::test]
async fn invalid_files_are_refused_without_claiming_the_key() {
    let (database, mut connection) = store_with(&[&[5]]).await;
    let context = context(&database, 1);
    let mut refused = async |text: &str, format| {
        let request = ImportRequest {
            format,
            ..request(text, Acceptance::EachRow).await
        };
        let refused = import(&context, "k", StockMode::Set, request, &()).await;
        let keys = "SELECT count(*) FROM inventory.idempotency_keys";
        assert_eq!(number(&mut connection, keys).await, 0);
        refused.unwrap_err()
    };
    for text in [
        "",
        "sku,warehouseId,quantity",
        "sku,warehouseId,quantity\n\n \n",
    ] {
        let error = refused(text, ImportFormat::Csv).await;
        assert!(matches!(error, InventoryError::ImportEmpty), "{error:?}");
    }
    let error = refused("\n\n", ImportFormat::JsonLines).await;
    assert!(matches!(error, InventoryError::ImportEmpty), "{error:?}");
    for text in [
        "sku;warehouseId\nA;b",
        "sep=:\nsku:warehouseId:quantity\nA:b:1",
    ] {
        let error = refused(text, ImportFormat::Csv).await;
        assert!(
            matches!(error, InventoryError::ImportHeader(_)),
            "{error:?}"
        );
    }
    for (text, name) in [("s\0k\0u\0", "UTF-16"), ("PK\u{3}\u{4}", "workbook")] {
        for format in [ImportFormat::Csv, ImportFormat::JsonLines] {
            let error = refused(text, format).await;
            assert!(matches!(error, InventoryError::ImportEncoding(found) if found.contains(name)));
        }
    }
    assert_eq!(
        set(&context, "k", &stock_file([(0, 0, 6)]))
            .await
            .import
            .counts
            .changed,
        1
    );
}

#[tokio::test]
async fn lines_inside_quotes_are_never_rows_even_across_chunks() {
    let (database, mut connection) = store_with(&[&[5, 5, 5]]).await;
    let context = context(&database, 1);
    let row = |p: usize, quantity: i32| format!("SKU-{p},{},{quantity}\n", warehouse(0));
    // The quoted cell begins in the last record of a chunk and spans 200 lines.
    let filler: String = (0..CHUNK - 1).map(|n| format!("NONE-{n},x,1\n")).collect();
    let inside = row(1, 77).repeat(200);
    let file = format!(
        "sku,warehouseId,quantity\n{filler}\"SKU-0\n{inside}\",{},7\n{}\"never closed\n{}",
        warehouse(0),
        row(2, 9),
        row(1, 78)
    );
    let report = set(&context, "k", &file).await;
    let lines: Vec<i32> = report.rejections.iter().map(|r| r.line).collect();
    let smuggler = i32::try_from(CHUNK).unwrap() + 1;
    assert_eq!(lines[CHUNK - 1..], [smuggler, smuggler + 203]);
    assert!(report.rejections[CHUNK].reason.contains("unclosed quote"));
    assert_eq!(report.import.lines_done, smuggler + 204);
    for (p, quantity) in [(0, 5), (1, 5), (2, 9)] {
        assert_eq!(on_hand(&mut connection, 0, p).await, quantity);
    }
}

#[tokio::test]
async fn spreadsheet_dialects_of_csv_are_accepted() {
    let (database, mut connection) = store_with(&[&[5, 5]]).await;
    let context = context(&database, 1);
    let here = warehouse(0);
    for (quantity, file) in [
        (10, format!("sku;warehouseId;quantity\nSKU-0;{here};10\n")),
        (
            11,
            format!("sep=;\r\nsku;warehouseId;quantity\r\nSKU-0;{here};11\r\n"),
        ),
        (
            12,
            format!("\u{FEFF}sku\twarehouseId\tquantity\nSKU-0\t{here}\t12"),
        ),
        (
            13,
            format!(",,,\nsku,warehouseId,quantity,,\n,,,,\nSKU-0,{here},13,,\n,,,,\n\"\",,\n"),
        ),
    ] {
        let report = set(&context, &format!("k{quantity}"), &file).await;
        assert_eq!(report.rejections, [], "{file}");
        assert_eq!(on_hand(&mut connection, 0, 0).await, quantity);
    }
    let blank_rows = format!("sku,warehouseId,quantity\n,,\nSKU-0,{here},20\n , ,\n");
    let request = request(&blank_rows, Acceptance::AllOrNothing).await;
    let taken = import(&context, "all", StockMode::Set, request, &()).await;
    assert!(matches!(taken, Ok(Once::Now(_))), "{taken:?}");
    assert_eq!(on_hand(&mut connection, 0, 0).await, 20);
}

#[tokio::test]
async fn one_invalid_row_prevents_an_all_or_nothing_import() {
    let (database, mut connection) = store_with(&[&[5, 5], &[5, 5]]).await;
    let context = context(&database, 1);
    hold(&mut connection, 4).await;
    let all = async |name: &str, text: &str| {
        let request = request(text, Acceptance::AllOrNothing).await;
        import(&context, name, StockMode::Set, request, &()).await
    };
    let unknown = stock_file([(0, 0, 9), (7, 0, 1), (1, 1, 9)]);
    // This rejection is detected only after the level is locked.
    let held = stock_file([(1, 1, 9), (0, 0, 3), (0, 1, 9)]);
    for (text, line, code) in [
        (&unknown, 3, "row.unknown_product"),
        (&held, 3, "row.below_reserved"),
    ] {
        let refused = all("k", text).await;
        let Err(InventoryError::ImportRejected(rejections)) = refused else {
            panic!("{refused:?}");
        };
        let named: Vec<_> = rejections
            .named
            .iter()
            .map(|r| (r.line, r.code.as_str()))
            .collect();
        assert_eq!((rejections.count, named), (1, vec![(line, code)]));
        for table in ["imports", "import_rejections", "idempotency_keys"] {
            let sql = format!("SELECT count(*) FROM inventory.{table}");
            assert_eq!(number(&mut connection, &sql).await, 0, "{table}");
        }
        let sum = "SELECT sum(on_hand) FROM inventory.stock_levels";
        assert_eq!(number(&mut connection, sum).await, 20);
    }
    let good = stock_file([(1, 1, 9), (0, 0, 4), (0, 1, 9)]);
    let Ok(Once::Now(report)) = all("k", &good).await else {
        panic!("the import was refused");
    };
    assert_eq!(
        (report.import.counts.changed, report.import.lines_done),
        (3, 4)
    );
    let Ok(Once::Before(again)) = all("k", &good).await else {
        panic!("the import was not replayed");
    };
    assert_eq!(again, report);
    assert_eq!(on_hand(&mut connection, 0, 0).await, 4);
    assert_conserved(&mut connection).await;
}

#[tokio::test]
async fn a_key_can_not_be_reused_with_another_file_or_other_settings() {
    let (database, mut connection) = store_with(&[&[5]]).await;
    let context = context(&database, 1);
    let text = stock_file([(0, 0, 6)]);
    let receive = async |mode, text: &str, acceptance| {
        import(&context, "k", mode, request(text, acceptance).await, &()).await
    };
    let (mode, each) = (StockMode::Receive, Acceptance::EachRow);
    assert!(matches!(receive(mode, &text, each).await, Ok(Once::Now(_))));
    assert!(matches!(
        receive(mode, &text, each).await,
        Ok(Once::Before(_))
    ));
    for reused in [
        receive(StockMode::Set, &text, each).await,
        receive(mode, &text, Acceptance::AllOrNothing).await,
        receive(mode, &format!("{text}\n"), each).await,
    ] {
        assert!(
            matches!(reused, Err(InventoryError::KeyReused)),
            "{reused:?}"
        );
    }
    assert_eq!(on_hand(&mut connection, 0, 0).await, 11);
    let stranger: TenantId = Uuid::from_u128(2).into();
    let id = Uuid::from_u128(7).into();
    let unknown = get_import(&context, stranger, id).await;
    assert!(matches!(unknown, Err(InventoryError::ImportNotFound)));
}

/// Panics in the importing task at this line.
struct CutOffAt(i32);

impl ImportObserver for CutOffAt {
    fn progressed(&self, progress: ImportProgress) {
        assert_ne!(progress, ImportProgress::Written(self.0), "interrupted");
    }
}

#[tokio::test]
async fn an_interrupted_import_resumes_where_it_stopped() {
    const PRODUCTS: usize = 5_000;
    let stock = [vec![1; PRODUCTS]];
    let (database, mut connection) = store_with(&[&stock[0]]).await;
    let context: Arc<InventoryContext> = context(&database, 2);
    // A row of the second chunk duplicates one of the first, and the last line is malformed.
    let mut text = stock_file((0..PRODUCTS).map(|p| (p, 0, 10)));
    let repeated = format!("SKU-3000,{},10\n", warehouse(0));
    let again = format!("SKU-7,{},10\n", warehouse(0));
    text = text.replace(&repeated, &again);
    text += "nonsense\n";
    let cut_off = tokio::spawn({
        let (context, text) = (context.clone(), text.clone());
        async move {
            let request = request(&text, Acceptance::EachRow).await;
            let last_line = i32::try_from(CHUNK + 1).unwrap();
            import(
                &context,
                "k",
                StockMode::Receive,
                request,
                &CutOffAt(last_line),
            )
            .await
        }
    });
    assert!(cut_off.await.unwrap_err().is_panic());
    let received = "SELECT count(*) FROM inventory.stock_levels WHERE on_hand = 11";
    assert_eq!(
        number(&mut connection, received).await,
        i64::try_from(CHUNK).unwrap()
    );

    let whole = request(&text, Acceptance::EachRow).await;
    let imported = import(&context, "k", StockMode::Receive, whole, &()).await;
    let Ok(Once::Now(report)) = imported else {
        panic!("{imported:?}");
    };
    let lines = i32::try_from(PRODUCTS).unwrap() + 2;
    assert_eq!(
        named(&report),
        [(3002, "row.duplicate"), (lines, "row.malformed")]
    );
    assert_eq!(report.import.counts.changed, lines - 3);
    assert_eq!(report.import.lines_done, lines);
    assert_eq!(
        number(&mut connection, received).await,
        i64::from(lines - 3)
    );
    let twice = "SELECT count(*) FROM inventory.stock_levels WHERE on_hand > 11";
    assert_eq!(number(&mut connection, twice).await, 0);
    let whole = request(&text, Acceptance::EachRow).await;
    let again = import(&context, "k", StockMode::Receive, whole, &()).await;
    let Ok(Once::Before(again)) = again else {
        panic!("{again:?}");
    };
    assert_eq!(again, report);
    assert_conserved(&mut connection).await;
}

#[tokio::test]
async fn every_rejection_is_counted_and_the_first_ten_thousand_are_listed() {
    let (database, _connection) = store_with(&[&[5]]).await;
    let context = context(&database, 1);
    let rows = 0..MAX_NAMED_REJECTIONS + 1_500;
    let text = stock_file(rows.clone().map(|p| (p, 0, 6)));
    let report = set(&context, "k", &text).await;
    let rejected = i32::try_from(rows.len()).unwrap() - 1;
    assert_eq!(report.import.counts.rejected, rejected);
    assert_eq!(report.rejections.len(), MAX_NAMED_REJECTIONS);
    let lines: Vec<i32> = report.rejections.iter().map(|r| r.line).collect();
    let first_lines: Vec<i32> = (3..).take(MAX_NAMED_REJECTIONS).collect();
    assert_eq!(lines, first_lines);
    assert!(
        report
            .rejections
            .iter()
            .all(|r| r.code.as_str() == "row.unknown_product")
    );
}
