//! Statements that break the rules, and similar ones that don't.

use super::*;

fn broken(sql: &str) -> Vec<&'static str> {
    let volatilities = Volatilities::from([
        ("now".to_owned(), Volatility::Stable),
        ("clock_timestamp".to_owned(), Volatility::Volatile),
        ("jsonb_build_object".to_owned(), Volatility::Stable),
    ]);
    let statement = Statement::read(sql, &volatilities);
    statement
        .broken()
        .into_iter()
        .map(|(rule, _)| rule)
        .collect()
}

#[test]
fn an_insert_inside_or_after_with_breaks_t1() {
    assert_eq!(
        broken("WITH a AS (INSERT INTO orders.lines VALUES ($1)) SELECT 1"),
        ["T1"]
    );
    assert_eq!(
        broken("WITH a AS (SELECT 1) INSERT INTO orders.lines VALUES ($1)"),
        ["T1"]
    );
    assert!(broken("INSERT INTO orders.lines VALUES ($1)").is_empty());
}

#[test]
fn an_insert_select_without_a_table_of_the_tenant_breaks_t2() {
    assert_eq!(
        broken("INSERT INTO orders.lines SELECT $1, * FROM unnest($2::uuid[])"),
        ["T2"]
    );
    let from_tenant =
        "INSERT INTO orders.lines SELECT t.tenant_id FROM tenancy.tenants t WHERE t.tenant_id = $1";
    assert!(broken(from_tenant).is_empty());
    assert_eq!(broken(&format!("{from_tenant} RETURNING order_id")), ["T2"]);
    let with_alias = from_tenant.replacen("orders.lines", "orders.lines AS l", 1);
    assert!(broken(&format!("{with_alias} RETURNING l.order_id")).is_empty());
}

#[test]
fn a_change_with_a_time_inside_coalesce_or_case_breaks_t3() {
    for sql in [
        "UPDATE orders.orders SET updated_at = coalesce($2, now()) WHERE tenant_id = $1",
        "UPDATE orders.orders SET updated_at = CASE WHEN $2 THEN now() END WHERE tenant_id = $1",
        "INSERT INTO orders.orders VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = coalesce($2, now())",
        "DELETE FROM orders.orders WHERE tenant_id = $1 AND a < coalesce($2, current_timestamp)",
    ] {
        assert_eq!(broken(sql), ["T3"], "{sql}");
    }
    for sql in [
        "UPDATE orders.orders SET updated_at = greatest($2, now()) WHERE tenant_id = $1",
        "INSERT INTO orders.orders VALUES ($1, coalesce($2, now()))",
        "SELECT coalesce($2, now()) FROM orders.orders WHERE tenant_id = $1 FOR UPDATE",
    ] {
        assert!(broken(sql).is_empty(), "{sql}");
    }
}

#[test]
fn returning_more_than_the_row_breaks_t4() {
    for sql in [
        "UPDATE orders.orders SET a = 1 WHERE tenant_id = $1 RETURNING now() AS at",
        "INSERT INTO orders.orders VALUES ($1) RETURNING created_at - interval '1 s'",
        "INSERT INTO orders.orders VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = 1 WHERE orders.a < now()",
        "UPDATE orders.orders SET a = 1 WHERE tenant_id = $1 RETURNING (SELECT 1)",
    ] {
        assert_eq!(broken(sql), ["T4"], "{sql}");
    }
    assert!(
        broken("UPDATE orders.orders SET a = now() WHERE tenant_id = $1 RETURNING a, b").is_empty()
    );
}

#[test]
fn a_change_that_calculates_with_times_of_the_row_breaks_t5() {
    for sql in [
        "UPDATE orders.orders SET due_at = due_at - interval '1 hour' WHERE tenant_id = $1",
        "UPDATE orders.orders SET due_at = o.due_at + make_interval(secs => $2) WHERE tenant_id = $1",
        "UPDATE orders.orders SET due_at = now() + make_interval(secs => tries) WHERE tenant_id = $1",
        "UPDATE orders.orders SET a = jsonb_build_object('b', routing) WHERE tenant_id = $1",
        "UPDATE orders.orders SET a = extract(epoch FROM created_at) WHERE tenant_id = $1",
        "UPDATE orders.orders SET a = clock_timestamp() WHERE tenant_id = $1",
    ] {
        assert_eq!(broken(sql), ["T5"], "{sql}");
    }
    let reckoned = "UPDATE orders.orders SET due_at = greatest($2, now()) + make_interval(secs => $3), tries = tries - 1
                    WHERE tenant_id = $1";
    assert!(broken(reckoned).is_empty());
}

#[test]
fn recursion_or_locks_across_tenants_break_t6() {
    let recursive = "WITH RECURSIVE t (a) AS (SELECT 1) SELECT a FROM t";
    assert_eq!(broken(recursive), ["T6"]);
    assert!(broken(&format!("-- across tenants: lists them\n{recursive}")).is_empty());
    let locks = "-- across tenants: locks them\nSELECT 1 FROM orders.orders FOR UPDATE";
    assert_eq!(broken(locks), ["T6"]);
    let writes = "-- across tenants: why\nUPDATE orders.orders SET a = 1";
    assert_eq!(broken(writes), ["T6"]);
    assert!(broken(&writes.replace("-- across", "-- writes across")).is_empty());
    assert_eq!(
        broken("SELECT set_config('lock_timeout', '10ms', true)"),
        ["T6"]
    );
}

#[test]
fn a_statement_for_plain_postgresql_only_states_why() {
    let volatilities = Volatilities::new();
    let is_plain_only = |sql| Statement::read(sql, &volatilities).is_plain_only();
    assert!(is_plain_only(
        "-- plain PostgreSQL: saves a statement\nSELECT 1"
    ));
    assert!(!is_plain_only("-- plain PostgreSQL: \nSELECT 1"));
    assert!(!is_plain_only("SELECT 1"));
}

#[test]
fn the_rules_know_every_schema_that_migrations_create() {
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations");
    let mut created = Vec::new();
    for entry in std::fs::read_dir(migrations).unwrap() {
        let up = entry.unwrap().path().join("up.sql");
        let text = std::fs::read_to_string(up).unwrap_or_default();
        let names = text.split("CREATE SCHEMA ").skip(1);
        created.extend(names.filter_map(|it| Some(it.split(';').next()?.trim().to_owned())));
    }
    // The only row of `installation` belongs to no tenant.
    created.retain(|name| name != "installation" && !is_schema(name));
    assert_eq!(created, Vec::<String>::new());
}
