//! Imports of products.

use oms_database::Connection;
use oms_inventory::{
    Acceptance, ImportFormat, ImportReport, ImportRequest, InventoryContext, InventoryError,
    Product, get_product, import_products,
};
use oms_validation::{Currency, Money, Once};

use crate::fixture::*;
use crate::importing::{file, key, request};

async fn import(
    context: &InventoryContext,
    name: &str,
    text: &str,
    acceptance: Acceptance,
) -> Result<Once<ImportReport>, InventoryError> {
    let request = request(text, acceptance).await;
    import_products(context, tenant(), &key(name), request, &()).await
}

async fn done(context: &InventoryContext, name: &str, text: &str) -> ImportReport {
    match import(context, name, text, Acceptance::EachRow).await {
        Ok(Once::Now(report)) => report,
        other => panic!("{other:?}"),
    }
}

async fn known(context: &InventoryContext, p: usize) -> Product {
    get_product(context, tenant(), product(p)).await.unwrap()
}

fn price(amount_minor: i64, currency: &str) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse(currency).unwrap(),
    }
}

fn counts(report: &ImportReport) -> (i32, i32, i32, i32) {
    let counts = report.import.counts;
    (
        counts.created,
        counts.changed,
        counts.unchanged,
        counts.rejected,
    )
}

async fn products(connection: &mut Connection) -> i64 {
    number(connection, "SELECT count(*) FROM inventory.products").await
}

#[tokio::test]
async fn new_products_are_created_and_existing_ones_are_updated() {
    let (database, mut connection) = store_with(&[&[1, 1, 1]]).await;
    let context = context(&database, 1);
    let text = "sku,name,amountMinor,currency\n\
                SKU-0,product 0,100,USD\n\
                SKU-1,product 1,90,EUR\n\
                SKU-2,Lamp,,\n\
                NEW-1,\"Lamp, large\",2500,USD\n\
                NEW-2,Lamp,,\n";
    let report = done(&context, "k", text).await;
    assert_eq!(counts(&report), (2, 2, 1, 0));
    assert_eq!(products(&mut connection).await, 5);
    let versions = [
        known(&context, 0).await.version,
        known(&context, 1).await.version,
        known(&context, 2).await.version,
    ];
    assert_eq!(versions, [1, 2, 2]);
    let prices: Vec<Money> = known(&context, 1).await.prices.iter().collect();
    assert_eq!(prices, [price(90, "EUR"), price(100, "USD")]);
    let renamed = known(&context, 2).await;
    assert_eq!(renamed.name.as_str(), "Lamp");
    assert_eq!(
        renamed.prices.iter().collect::<Vec<_>>(),
        [price(100, "USD")]
    );
    let versions = "SELECT max(version) FROM inventory.products WHERE sku LIKE 'NEW%'";
    assert_eq!(number(&mut connection, versions).await, 1);

    // The same content as JSON lines changes nothing.
    let lines = r#"{"sku":"NEW-1","name":"Lamp, large","prices":[{"amountMinor":2500,"currency":"USD"}]}
                   {"sku":"NEW-2","name":"Lamp"}"#;
    let request = ImportRequest {
        file: file(lines.as_bytes()).await,
        format: ImportFormat::JsonLines,
        acceptance: Acceptance::AllOrNothing,
        actor: "test".to_owned(),
    };
    let again = import_products(&context, tenant(), &key("l"), request, &()).await;
    let Ok(Once::Now(again)) = again else {
        panic!("{again:?}");
    };
    assert_eq!(counts(&again), (0, 0, 2, 0));
}

#[tokio::test]
async fn invalid_products_are_reported_by_line() {
    let (database, mut connection) = store_with(&[&[1]]).await;
    let context = context(&database, 1);
    let long = "x".repeat(101);
    let text = format!(
        "name,sku,currency,amountMinor\n\
         Lamp,A,usd,5\n\
         Lamp,A,USD,0\n\
         Lamp,{long},USD,5\n\
         ,A,USD,5\n\
         Lamp,A,USD,5\n\
         Lamp,A,USD,6\n\
         Lamp"
    );
    let report = done(&context, "k", &text).await;
    let named: Vec<_> = report
        .rejections
        .iter()
        .map(|r| (r.line, r.code.as_str()))
        .collect();
    assert_eq!(
        named,
        [
            (2, "row.invalid_currency"),
            (3, "row.invalid_price"),
            (4, "row.invalid_sku"),
            (5, "row.invalid_name"),
            (7, "row.duplicate"),
            (8, "row.malformed"),
        ]
    );
    assert_eq!(counts(&report), (1, 0, 0, 6));
    let refused = import(&context, "l", &text, Acceptance::AllOrNothing).await;
    let Err(InventoryError::ImportRejected(rejections)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(rejections.named, report.rejections);
    assert_eq!(products(&mut connection).await, 2);
}

#[tokio::test]
async fn an_import_can_not_exceed_the_number_of_prices_per_product() {
    let (database, mut connection) = store_with(&[&[1]]).await;
    let context = context(&database, 1);
    // The product already has a price in USD.
    run(
        &mut connection,
        "INSERT INTO inventory.prices (tenant_id, product_id, currency, unit_price_minor)
         SELECT tenant_id, product_id, 'A' || chr(65 + n / 26) || chr(65 + n % 26), 5
         FROM inventory.prices, generate_series(0, 48) n",
    )
    .await;
    let row = |currency| format!("sku,name,amountMinor,currency\nSKU-0,product 0,7,{currency}\n");
    let report = done(&context, "k", &row("EUR")).await;
    assert_eq!(counts(&report), (0, 0, 0, 1));
    assert_eq!(report.rejections[0].code.as_str(), "row.invalid_price");
    assert_eq!(
        counts(&done(&context, "l", &row("USD")).await),
        (0, 1, 0, 0)
    );
    assert_eq!(known(&context, 0).await.prices.iter().count(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_imports_of_the_same_products_create_each_once() {
    const IMPORTS: usize = 8;
    const PRODUCTS: usize = 300;
    let (database, mut connection) = store_with(&[&[1]]).await;
    let context = context(&database, IMPORTS);
    let mut imports = tokio::task::JoinSet::new();
    for number in 0..IMPORTS {
        let context = context.clone();
        imports.spawn(async move {
            let mut rows: Vec<String> = (0..PRODUCTS)
                .map(|p| format!("P-{p},name {},{},USD", p % 3, number + 1))
                .collect();
            rows.rotate_left(number * 37);
            if number % 3 == 0 {
                rows.reverse();
            }
            let text = format!("sku,name,amountMinor,currency\n{}\n", rows.join("\n"));
            let acceptance = match number % 2 {
                0 => Acceptance::EachRow,
                _ => Acceptance::AllOrNothing,
            };
            let imported = import(&context, &number.to_string(), &text, acceptance).await;
            match imported {
                Ok(Once::Now(report)) => report.import.counts.created,
                other => panic!("{other:?}"),
            }
        });
    }
    let created: i32 = imports.join_all().await.into_iter().sum();
    assert_eq!(created, i32::try_from(PRODUCTS).unwrap());
    let priced = "SELECT count(*) FROM inventory.prices p JOIN inventory.products USING (tenant_id)
                  WHERE p.product_id = id AND sku LIKE 'P-%'";
    assert_eq!(number(&mut connection, priced).await, i64::from(created));
    assert_conserved(&mut connection).await;
}
