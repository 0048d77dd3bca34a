//! Rules for the plans of statements: each table is read by tenant, and for one tenant only.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::text_rules::is_schema;

/// Returns the parts of a plan, as printed by `EXPLAIN (VERBOSE, FORMAT JSON)`, that break P1. By that rule, every scan
/// of a table of tenants compares `tenant_id` with the same parameter, and the tenant of every inserted row is that
/// parameter or was read from such a table.
pub(super) fn broken(plan: &Value) -> Vec<String> {
    let mut walk = Walk::default();
    walk.node(&plan[0]["Plan"]);
    if walk.parameters.len() > 1 {
        let parameters: Vec<&str> = walk.parameters.iter().map(String::as_str).collect();
        let all = parameters.join(", ");
        walk.found
            .push(format!("several tenants are compared: {all}"));
    }
    walk.found
}

/// Returns the tables of which a plan on partitioned tables reads more than one partition. By P3, a statement for one
/// tenant reads one partition of each table.
pub(super) fn touched(plan: &Value) -> Vec<String> {
    let mut partitions = BTreeMap::new();
    collect(&plan[0]["Plan"], &mut partitions);
    let several = partitions.into_iter().filter(|(_, read)| read.len() > 1);
    let found =
        several.map(|(table, read)| format!("{} partitions of {table} are read", read.len()));
    found.collect()
}

fn collect(node: &Value, partitions: &mut BTreeMap<String, BTreeSet<String>>) {
    let partition = table_of(node).filter(|_| node["Node Type"] != "ModifyTable");
    if let Some((table, number)) = partition.as_ref().and_then(|name| name.rsplit_once('_'))
        && number.len() == 6
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        let read = partitions.entry(table.to_owned()).or_default();
        read.insert(number.to_owned());
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        collect(child, partitions);
    }
}

#[derive(Default)]
struct Walk {
    parameters: BTreeSet<String>,
    found: Vec<String>,
}

impl Walk {
    fn node(&mut self, node: &Value) {
        let table = table_of(node);
        match (node["Node Type"].as_str(), table) {
            (Some("ModifyTable"), Some(table)) if node["Operation"] == "Insert" => {
                self.insert(node, &table);
            }
            (Some("ModifyTable"), _) | (_, None) => {}
            (_, Some(table)) => self.scan(node, &table),
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.node(child);
        }
    }

    fn scan(&mut self, node: &Value, table: &str) {
        let conditions = ["Index Cond", "Recheck Cond", "Filter"];
        let compared = conditions
            .into_iter()
            .filter_map(|name| tenant_in(node[name].as_str()?));
        let compared: Vec<String> = compared.collect();
        if compared.is_empty() && !has_bitmap_condition(node) {
            self.found.push(format!("{table} is read without a tenant"));
        }
        self.parameters.extend(compared);
    }

    fn insert(&mut self, node: &Value, table: &str) {
        let first = node["Plans"][0]["Output"][0].as_str().unwrap_or_default();
        let is_tenant = parameter_in(first).is_some() || first.ends_with("tenant_id");
        if !is_tenant {
            self.found
                .push(format!("a row of {table} has a tenant from {first:?}"));
        }
        self.parameters.extend(parameter_in(first));
    }
}

/// Volatile functions of defaults.
const VOLATILE: [&str; 4] = ["clock_timestamp", "gen_random_uuid", "nextval", "random"];

/// Returns the rows of a plan that break P4: by that rule, a row that is read from a table and inserted into another
/// has no volatile value, such as the default of a column that the statement does not name.
pub(super) fn volatile(plan: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_volatile(&plan[0]["Plan"], &mut found);
    found
}

fn collect_volatile(node: &Value, found: &mut Vec<String>) {
    let source = &node["Plans"][0];
    if let Some(table) = table_of(node).filter(|_| node["Operation"] == "Insert")
        && reads_table(source)
    {
        let values = source["Output"].as_array().into_iter().flatten();
        let function = values.filter_map(Value::as_str).find_map(volatile_in);
        found.extend(function.map(|function| {
            format!("{function}() in a row of {table}, perhaps as the default of a column: name the column")
        }));
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        collect_volatile(child, found);
    }
}

fn volatile_in(expression: &str) -> Option<&'static str> {
    let is_called = |function: &&&str| expression.contains(&format!("{function}("));
    VOLATILE.iter().find(is_called).copied()
}

fn reads_table(node: &Value) -> bool {
    let mut children = node["Plans"].as_array().into_iter().flatten();
    table_of(node).is_some() || children.any(reads_table)
}

/// Returns the table of tenants that a node of the plan reads or changes.
fn table_of(node: &Value) -> Option<String> {
    let schema = node["Schema"].as_str().filter(|schema| is_schema(schema))?;
    Some(format!("{schema}.{}", node["Relation Name"].as_str()?))
}

/// Returns the parameter that a condition compares `tenant_id` with.
fn tenant_in(condition: &str) -> Option<String> {
    let mut places = condition.match_indices("tenant_id = ");
    places.find_map(|(place, text)| parameter_in(&condition[place + text.len()..]))
}

/// Returns the parameter at the beginning of a text, with or without parentheses.
fn parameter_in(text: &str) -> Option<String> {
    let digits = text.trim_start_matches('(').strip_prefix('$')?;
    let end = digits.find(|c: char| !c.is_ascii_digit());
    let digits = &digits[..end.unwrap_or(digits.len())];
    (!digits.is_empty()).then(|| format!("${digits}"))
}

/// Returns whether the bitmap below a heap scan has the condition, which the scan itself need not repeat.
fn has_bitmap_condition(node: &Value) -> bool {
    let mut children = node["Plans"].as_array().into_iter().flatten();
    children.any(|child| {
        child["Index Cond"]
            .as_str()
            .is_some_and(|it| tenant_in(it).is_some())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scan(condition: &str) -> Value {
        json!({"Node Type": "Index Scan", "Schema": "orders", "Relation Name": "orders", "Index Cond": condition})
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a plan is built from its root"
    )]
    fn plan(root: Value) -> Value {
        json!([{"Plan": root}])
    }

    #[test]
    fn a_scan_compares_the_tenant_with_one_parameter() {
        assert!(broken(&plan(scan("((o.tenant_id = $1) AND (o.id = $2))"))).is_empty());
        for condition in [
            "(o.id = $2)",
            "(o.tenant_id > $1)",
            "(o.tenant_id = t.tenant_id)",
        ] {
            assert_eq!(
                broken(&plan(scan(condition))),
                ["orders.orders is read without a tenant"]
            );
        }
        let two = json!({"Node Type": "Nested Loop",
                         "Plans": [scan("(o.tenant_id = $1)"), scan("(o.tenant_id = $2)")]});
        assert_eq!(broken(&plan(two)), ["several tenants are compared: $1, $2"]);
    }

    #[test]
    fn scans_are_checked_at_every_depth_of_a_plan() {
        let deep = json!({"Node Type": "Limit", "Plans": [{"Node Type": "Sort", "Plans": [scan("(o.id = $2)")]}]});
        assert_eq!(broken(&plan(deep)).len(), 1);
        let elsewhere =
            json!({"Node Type": "Seq Scan", "Schema": "pg_catalog", "Relation Name": "pg_class"});
        assert!(broken(&plan(elsewhere)).is_empty());
    }

    #[test]
    fn a_statement_reads_one_partition_of_each_table() {
        let partition = |name: &str| json!({"Node Type": "Index Scan", "Schema": "orders", "Relation Name": name});
        let append = |names: &[&str]| {
            let plans: Vec<Value> = names.iter().map(|name| partition(name)).collect();
            plan(json!({"Node Type": "Append", "Plans": plans}))
        };
        assert!(touched(&append(&["orders_100001", "orders_100001", "lines_100001"])).is_empty());
        assert_eq!(
            touched(&append(&["orders_100001", "orders_100002"])),
            ["2 partitions of orders.orders are read"]
        );
    }

    #[test]
    fn the_tenant_of_an_inserted_row_is_a_parameter_or_was_read_from_a_table() {
        let insert = |tenant: &str| {
            json!({"Node Type": "ModifyTable", "Operation": "Insert", "Schema": "orders", "Relation Name": "lines",
                   "Plans": [{"Node Type": "Result", "Output": [tenant, "$2"]}]})
        };
        for tenant in ["$1", "t.tenant_id", "\"*SELECT*\".tenant_id"] {
            assert!(broken(&plan(insert(tenant))).is_empty(), "{tenant}");
        }
        assert_eq!(broken(&plan(insert("gen_random_uuid()"))).len(), 1);
    }

    #[test]
    fn a_row_from_a_table_has_no_volatile_value() {
        let insert = |source: Value| {
            plan(
                json!({"Node Type": "ModifyTable", "Operation": "Insert", "Schema": "orders", "Relation Name": "lines",
                        "Plans": [source]}),
            )
        };
        let output = json!(["$1", "(EXTRACT(epoch FROM clock_timestamp()))::bigint"]);
        let values = json!({"Node Type": "Result", "Output": output});
        assert!(volatile(&insert(values)).is_empty());
        let mut from_table = scan("(o.tenant_id = $1)");
        from_table["Output"] = output;
        let found = volatile(&insert(from_table));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("clock_timestamp() in a row of orders.lines"));
    }

    #[test]
    fn the_scan_below_an_update_is_checked() {
        let update = json!({"Node Type": "ModifyTable", "Operation": "Update", "Schema": "orders", "Relation Name": "orders",
                            "Plans": [scan("(orders.tenant_id = $1)")]});
        assert!(broken(&plan(update)).is_empty());
    }
}
