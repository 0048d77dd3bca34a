//! Prices of orders: base prices, and prices of lists.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use oms_database::Connection;
use oms_inventory::{
    Acceptance, ImportReport, InventoryContext, InventoryError, PriceListCode, PriceQuote,
    PriceRequest, Quotes, import_prices, quote_prices,
};
use oms_validation::{Currency, Money, Once, TenantId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use crate::fixture::*;
use crate::importing::{key, request};

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn code(text: &str) -> PriceListCode {
    PriceListCode::parse(text).unwrap()
}

fn usd(amount_minor: i64) -> PriceQuote {
    PriceQuote::UnitPrice(Money {
        amount_minor,
        currency: currency("USD"),
    })
}

/// Creates a list without limits.
async fn create_list(connection: &mut Connection, list: &str, currency: &str) {
    let sql = format!(
        "INSERT INTO inventory.price_lists (tenant_id, id, code, currency)
         VALUES ('{}', gen_random_uuid(), '{list}', '{currency}')",
        tenant()
    );
    run(connection, &sql).await;
}

async fn set_price(connection: &mut Connection, list: &str, p: usize, from: i32, amount: i64) {
    let sql = format!(
        "INSERT INTO inventory.list_prices (tenant_id, price_list_id, product_id, min_quantity, unit_price_minor)
         SELECT tenant_id, id, '{}', {from}, {amount} FROM inventory.price_lists WHERE code = '{list}'",
        product(p)
    );
    run(connection, &sql).await;
}

async fn quote(
    connection: &mut Connection,
    now: Option<DateTime<Utc>>,
    requests: &[PriceRequest<'_>],
) -> Quotes {
    let quotes = quote_prices(tenant(), now, requests).run(connection).await;
    quotes.unwrap()
}

#[tokio::test]
async fn base_prices_are_quoted_by_product_and_currency() {
    let (_database, mut connection) = store_with(&[&[1, 1]]).await;
    let request = |code| PriceRequest {
        currency: currency(code),
        price_list: None,
        lines: vec![(product(1), 1), (product(99), 1), (product(0), 7)],
    };
    let quotes = quote(&mut connection, None, &[request("USD"), request("EUR")]).await;
    let of = |p, code| quotes.of((product(p), 1), currency(code), None);
    assert_eq!((of(0, "USD"), of(1, "USD")), (usd(100), usd(100)));
    assert_eq!(of(99, "USD"), PriceQuote::UnknownProduct);
    assert_eq!(of(0, "EUR"), PriceQuote::NotSoldIn(currency("EUR")));
}

#[tokio::test]
async fn a_list_prices_what_it_has_and_the_base_price_the_rest() {
    let (_database, mut connection) = store_with(&[&[1, 1, 1]]).await;
    create_list(&mut connection, "retail", "USD").await;
    create_list(&mut connection, "wholesale", "USD").await;
    create_list(&mut connection, "euro", "EUR").await;
    set_price(&mut connection, "retail", 0, 1, 95).await;
    set_price(&mut connection, "wholesale", 0, 10, 90).await;
    set_price(&mut connection, "wholesale", 0, 100, 80).await;
    set_price(&mut connection, "euro", 0, 1, 70).await;
    run(&mut connection, "DELETE FROM inventory.prices WHERE product_id = (SELECT id FROM inventory.products WHERE sku = 'SKU-2')").await;
    set_price(&mut connection, "wholesale", 2, 5, 50).await;
    let (retail, wholesale, euro, other) = (
        code("retail"),
        code("wholesale"),
        code("euro"),
        code("Wholesale"),
    );
    let request = |list, lines: &[(usize, i32)], of| PriceRequest {
        currency: currency(of),
        price_list: Some(list),
        lines: lines.iter().map(|(p, n)| (product(*p), *n)).collect(),
    };
    // Orders of several lists and quantities are priced together.
    let requests = [
        request(&retail, &[(0, 9), (1, 9)], "USD"),
        request(&wholesale, &[(0, 9), (1, 1), (2, 4)], "USD"),
        request(&wholesale, &[(0, 10), (2, 5)], "USD"),
        request(&wholesale, &[(0, 99), (99, 1)], "USD"),
        request(&wholesale, &[(0, 100)], "USD"),
        request(&euro, &[(0, 1)], "EUR"),
        request(&other, &[(0, 100)], "USD"),
    ];
    let quotes = quote(&mut connection, None, &requests).await;
    let of = |list, p, quantity| quotes.of((product(p), quantity), currency("USD"), list);
    let unsold = PriceQuote::NotSoldIn(currency("USD"));
    for (list, p, quantity, expected) in [
        (&retail, 0, 9, usd(95)),
        (&retail, 1, 9, usd(100)),
        (&wholesale, 0, 9, usd(100)),
        (&wholesale, 0, 10, usd(90)),
        (&wholesale, 0, 99, usd(90)),
        (&wholesale, 0, 100, usd(80)),
        (&wholesale, 1, 1, usd(100)),
        // It has no base price.
        (&wholesale, 2, 4, unsold),
        (&wholesale, 2, 5, usd(50)),
        (&wholesale, 99, 1, PriceQuote::UnknownProduct),
        // A price in another currency is not converted.
        (&euro, 0, 1, usd(100)),
    ] {
        assert_eq!(
            of(Some(list), p, quantity),
            expected,
            "{list} {p} {quantity}"
        );
    }
    assert_eq!(of(None, 0, 100), usd(100));
    assert_eq!(quotes.list_currency(&euro), Some(currency("EUR")));
    assert_eq!(quotes.list_currency(&other), None);

    // Another tenant has none of these lists.
    let stranger: TenantId = Uuid::from_u128(2).into();
    let quotes = quote_prices(stranger, None, &requests).run(&mut connection);
    let quotes = quotes.await.unwrap();
    assert_eq!(quotes.list_currency(&wholesale), None);
    let elsewhere = quotes.of((product(0), 100), currency("USD"), Some(&wholesale));
    assert_eq!(elsewhere, PriceQuote::UnknownProduct);
}

#[tokio::test]
async fn a_list_applies_from_its_first_instant_until_before_its_last() {
    let (_database, mut connection) = store_with(&[&[1]]).await;
    create_list(&mut connection, "w", "USD").await;
    set_price(&mut connection, "w", 0, 1, 90).await;
    let list = code("w");
    let at: DateTime<Utc> = "2100-01-01T00:00:00Z".parse().unwrap();
    let (tick, day) = (TimeDelta::microseconds(1), TimeDelta::days(1));
    for (from, until, active, expected) in [
        (None, None, true, 90),
        (None, None, false, 100),
        (Some(at), None, true, 90),
        (Some(at + tick), None, true, 100),
        (None, Some(at), true, 100),
        (None, Some(at + tick), true, 90),
        (Some(at - day), Some(at + day), true, 90),
        (Some(at - day), Some(at + day), false, 100),
        (Some(at - day), Some(at - tick), true, 100),
        (Some(at + tick), Some(at + day), true, 100),
    ] {
        let text = |time: Option<DateTime<Utc>>| {
            time.map_or("NULL".to_owned(), |it| format!("'{}'", it.to_rfc3339()))
        };
        let set = format!(
            "UPDATE inventory.price_lists SET valid_from = {}, valid_until = {}, active = {active}",
            text(from),
            text(until)
        );
        run(&mut connection, &set).await;
        let wanted = [PriceRequest {
            currency: currency("USD"),
            price_list: Some(&list),
            lines: vec![(product(0), 1)],
        }];
        let quotes = quote(&mut connection, Some(at), &wanted).await;
        let price = quotes.of((product(0), 1), currency("USD"), Some(&list));
        assert_eq!(price, usd(expected), "{from:?} {until:?} {active}");
        // Also an inactive list is known.
        assert_eq!(quotes.list_currency(&list), Some(currency("USD")));
    }
    // Without a given time, the database's counts.
    let past =
        "UPDATE inventory.price_lists SET active = true, valid_from = NULL, valid_until = now()";
    run(&mut connection, past).await;
    let wanted = [PriceRequest {
        currency: currency("USD"),
        price_list: Some(&list),
        lines: vec![(product(0), 1)],
    }];
    let quotes = quote(&mut connection, None, &wanted).await;
    let price = quotes.of((product(0), 1), currency("USD"), Some(&list));
    assert_eq!(price, usd(100));
}

/// The rule, written down once more.
fn chosen(
    lists: &BTreeMap<(usize, usize, i32), i64>,
    list: usize,
    p: usize,
    quantity: i32,
) -> Option<i64> {
    let mut best: Option<(i32, i64)> = None;
    for ((of, product, from), amount) in lists {
        let fits = *of == list && *product == p && *from <= quantity;
        if fits && best.is_none_or(|(least, _)| *from > least) {
            best = Some((*from, *amount));
        }
    }
    best.map(|(_, amount)| amount)
}

#[tokio::test]
async fn the_price_of_any_quantity_is_that_of_the_largest_quantity_not_above_it() {
    const LISTS: usize = 3;
    const PRODUCTS: usize = 4;
    let (database, mut connection) = store_with(&[&[1; PRODUCTS]]).await;
    let mut random = StdRng::seed_from_u64(20_261_129);
    for round in 0..20 {
        let codes: Vec<PriceListCode> = (0..LISTS)
            .map(|list| code(&format!("list-{round}-{list}")))
            .collect();
        let mut prices = BTreeMap::new();
        for _ in 0..random.random_range(0..40) {
            let from = match random.random_range(0..3) {
                0 => 1,
                1 => random.random_range(1..20),
                _ => random.random_range(1..=1_000_000),
            };
            let place = (
                random.random_range(0..LISTS),
                random.random_range(0..PRODUCTS),
                from,
            );
            prices.insert(place, random.random_range(1..1_000_000));
        }
        for list in &codes {
            create_list(&mut connection, list.as_str(), "USD").await;
        }
        let mut file = "priceList,sku,minQuantity,amountMinor,currency\n".to_owned();
        for ((list, p, from), amount) in &prices {
            writeln!(file, "{},SKU-{p},{from},{amount},USD", codes[*list]).unwrap();
        }
        let context = context(&database, 1);
        if !prices.is_empty() {
            done(&context, &format!("round {round}"), &file).await;
        }
        let quantities = prices
            .keys()
            .flat_map(|(.., from)| [*from, *from - 1, *from + 1]);
        let quantities = quantities.filter(|it| (1..=1_000_000).contains(it));
        let quantities: Vec<i32> = quantities.chain([1, 1_000_000]).collect();
        let lines = |quantity: i32| (0..PRODUCTS).map(move |p| (product(p), quantity));
        let requests: Vec<PriceRequest<'_>> = codes
            .iter()
            .map(|list| PriceRequest {
                currency: currency("USD"),
                price_list: Some(list),
                lines: quantities.iter().flat_map(|it| lines(*it)).collect(),
            })
            .collect();
        let quotes = quote(&mut connection, None, &requests).await;
        for (list, code) in codes.iter().enumerate() {
            for quantity in &quantities {
                for p in 0..PRODUCTS {
                    let expected = chosen(&prices, list, p, *quantity).unwrap_or(100);
                    let line = (product(p), *quantity);
                    let price = quotes.of(line, currency("USD"), Some(code));
                    assert_eq!(price, usd(expected), "{code} {p} {quantity} {prices:?}");
                }
            }
        }
    }
}

async fn import(
    context: &InventoryContext,
    name: &str,
    text: &str,
    acceptance: Acceptance,
) -> Result<Once<ImportReport>, InventoryError> {
    let request = request(text, acceptance).await;
    import_prices(context, tenant(), &key(name), request, &()).await
}

async fn done(context: &InventoryContext, name: &str, text: &str) -> ImportReport {
    match import(context, name, text, Acceptance::EachRow).await {
        Ok(Once::Now(report)) => report,
        other => panic!("{other:?}"),
    }
}

/// The prices of all lists.
async fn stored(connection: &mut Connection) -> Vec<String> {
    let sql =
        "SELECT l.code || ' ' || p.sku || ' ' || lp.min_quantity || ' ' || lp.unit_price_minor
               FROM inventory.list_prices lp
               JOIN inventory.price_lists l ON l.id = lp.price_list_id
               JOIN inventory.products p ON p.id = lp.product_id
               ORDER BY l.code, p.sku, lp.min_quantity";
    texts(connection, sql).await
}

const VERSIONS: &str =
    "SELECT string_agg(code || version, ' ' ORDER BY code) FROM inventory.price_lists";

#[tokio::test]
async fn imported_rows_set_and_remove_prices_and_leave_the_others() {
    let (database, mut connection) = store_with(&[&[1, 1]]).await;
    let context = context(&database, 1);
    create_list(&mut connection, "a", "USD").await;
    create_list(&mut connection, "b", "EUR").await;
    create_list(&mut connection, "c", "USD").await;
    let text = "priceList,sku,minQuantity,amountMinor,currency\n\
                b,SKU-0,,80,EUR\n\
                a,SKU-0,1,95,USD\n\
                a,SKU-0,10,90,USD\n\
                a,SKU-1,10,70,USD\n";
    let report = done(&context, "first", text).await;
    assert_eq!(
        (report.import.counts.changed, report.import.counts.rejected),
        (4, 0)
    );
    let text = "priceList,sku,minQuantity,amountMinor,currency\n\
                a,SKU-0,1,95,USD\n\
                a,SKU-0,10,89,USD\n\
                a,SKU-1,10,,\n\
                a,SKU-1,11,,\n";
    let report = done(&context, "second", text).await;
    assert_eq!(
        (report.import.counts.changed, report.import.counts.unchanged),
        (2, 2)
    );
    assert_eq!(
        stored(&mut connection).await,
        ["a SKU-0 1 95", "a SKU-0 10 89", "b SKU-0 1 80"]
    );
    // Each change of prices is a new version of their list, and of no other.
    assert_eq!(texts(&mut connection, VERSIONS).await, ["a3 b2 c1"]);
    let again = import(&context, "second", text, Acceptance::EachRow).await;
    assert!(matches!(again, Ok(Once::Before(before)) if before == report));
    assert_eq!(texts(&mut connection, VERSIONS).await, ["a3 b2 c1"]);
}

#[tokio::test]
async fn a_rejected_row_is_named_and_imports_nothing_of_all_or_nothing() {
    let (database, mut connection) = store_with(&[&[1, 1]]).await;
    let context = context(&database, 1);
    create_list(&mut connection, "a", "USD").await;
    let text = "priceList,sku,minQuantity,amountMinor,currency\n\
                a,SKU-0,1,95,USD\n\
                b,SKU-0,1,95,USD\n\
                a,SKU-9,1,95,USD\n\
                a,SKU-0,2,95,EUR\n\
                a,SKU-0,0,95,USD\n\
                a,SKU-0,1,94,USD\n\
                ä,SKU-0,1,94,USD\n";
    let expected = [
        (3, "row.unknown_price_list"),
        (4, "row.unknown_product"),
        (5, "row.invalid_currency"),
        (6, "row.invalid_quantity"),
        (7, "row.duplicate"),
        (8, "row.invalid_price_list"),
    ];
    match import(&context, "all", text, Acceptance::AllOrNothing).await {
        Err(InventoryError::ImportRejected(rejections)) => {
            let named = rejections.named.iter();
            let named: Vec<_> = named.map(|it| (it.line, it.code.as_str())).collect();
            assert_eq!(named, expected);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stored(&mut connection).await, [""; 0]);
    assert_eq!(texts(&mut connection, VERSIONS).await, ["a1"]);

    let report = done(&context, "each", text).await;
    let named = report.rejections.iter();
    let named: Vec<_> = named.map(|it| (it.line, it.code.as_str())).collect();
    assert_eq!(named, expected);
    assert_eq!(stored(&mut connection).await, ["a SKU-0 1 95"]);

    let good = "priceList,sku,minQuantity,amountMinor,currency\na,SKU-1,3,90,USD\n";
    let imported = import(&context, "good", good, Acceptance::AllOrNothing).await;
    assert!(matches!(imported, Ok(Once::Now(_))), "{imported:?}");
    assert_eq!(
        stored(&mut connection).await,
        ["a SKU-0 1 95", "a SKU-1 3 90"]
    );
}
