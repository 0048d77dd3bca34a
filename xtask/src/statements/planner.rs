//! An empty migrated database that plans statements and looks up functions in its catalogue.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::run_log::{Ran, Run};
use super::text_rules::{Volatilities, Volatility};
use super::tokens::read;
use crate::command;
use crate::database;
use crate::workspace::Workspace;

/// The dollar quote around a statement in the script. No statement contains it.
const QUOTE: &str = "$statement_text$";

/// The SQL function that plans a statement as oms does, independently of the values of its parameters.
const PLAN: &str = "
CREATE FUNCTION pg_temp.plan(number integer, types text, parameters text, body text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'PREPARE s' || number || types || ' AS ' || body;
    EXECUTE 'EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE s' || number || parameters INTO plan;
    RETURN plan::jsonb::text;
EXCEPTION WHEN OTHERS THEN RETURN 'ERROR ' || replace(SQLERRM, E'\\n', ' ');
END $$;";

/// The script that partitions all tables by tenant.
const PARTITIONS: &str = "crates/shared/testing/partitions.sql";

/// The tenant in statements that are planned on partitions.
const TENANT: &str = "''00000000-0000-4000-8000-000000000001''";

/// A temporary database on the server of the tests.
pub(super) struct Planner<'a> {
    workspace: &'a Workspace,
    server: &'a str,
    name: String,
}

impl<'a> Planner<'a> {
    /// Creates the database and applies the migrations.
    pub(super) fn start(workspace: &'a Workspace, server: &'a str) -> Result<Self> {
        let planner = Self {
            workspace,
            server,
            name: format!("oms_statements_{}", uuid::Uuid::new_v4().simple()),
        };
        planner.on_server(&format!("CREATE DATABASE {}", planner.name))?;
        let mut migrate = Command::new(workspace.program("oms-api"));
        migrate.arg("migrate").env("DATABASE_URL", planner.url());
        command::capture(&mut migrate).context("can't migrate the database for the rules")?;
        Ok(planner)
    }

    /// Drops the database.
    pub(super) fn end(self) -> Result<()> {
        self.on_server(&format!("DROP DATABASE {} WITH (FORCE)", self.name))
    }

    /// Partitions the tables.
    pub(super) fn cut(&self) -> Result<()> {
        let path = self.workspace.root.join(PARTITIONS);
        let script = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        self.psql(&script).map(drop)
    }

    /// Returns the plan of each statement, or why it can't be planned.
    pub(super) fn explain(&self, run: &Run) -> Result<Vec<Result<Value, String>>> {
        let mut script = format!(
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off;{PLAN}\n"
        );
        for (number, statement) in run.statements.iter().enumerate() {
            script.push_str(&call(number, statement)?);
        }
        let said = self.psql(&script)?;
        let plans: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
        ensure!(
            plans.len() == run.statements.len(),
            "psql answered {} of {} statements",
            plans.len(),
            run.statements.len()
        );
        let plan = |line: &str| match line.strip_prefix("ERROR ") {
            Some(error) => Err(error.to_owned()),
            None => serde_json::from_str(line).map_err(|error| error.to_string()),
        };
        Ok(plans.into_iter().map(plan).collect())
    }

    /// Returns the volatility of every function that a statement may call.
    pub(super) fn volatilities(&self, run: &Run) -> Result<Volatilities> {
        let mut names: Vec<String> = run
            .statements
            .iter()
            .flat_map(|statement| read(&statement.text))
            .filter_map(|placed| placed.token.word().map(|word| word.replace('\'', "")))
            .collect();
        names.sort();
        names.dedup();
        let sql = format!(
            "SELECT proname, max(CASE provolatile WHEN 'v' THEN 2 WHEN 's' THEN 1 ELSE 0 END) FROM pg_proc
             WHERE proname IN ('{}') GROUP BY proname;",
            names.join("', '")
        );
        let mut volatilities = Volatilities::new();
        for line in self.psql(&sql)?.lines() {
            let Some((name, volatility)) = line.split_once('|') else {
                bail!("psql answered {line:?}");
            };
            let volatility = match volatility {
                "0" => Volatility::Immutable,
                "1" => Volatility::Stable,
                _ => Volatility::Volatile,
            };
            volatilities.insert(name.to_owned(), volatility);
        }
        Ok(volatilities)
    }

    fn url(&self) -> String {
        database::url_of(self.server, &self.name)
    }

    fn on_server(&self, statement: &str) -> Result<()> {
        let mut psql = database::psql_at(self.workspace, self.server)?;
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement]);
        command::capture(&mut psql).map(drop)
    }

    fn psql(&self, script: &str) -> Result<String> {
        let mut psql = database::psql_at(self.workspace, &self.url())?;
        psql.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-f", "-"]);
        psql.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = psql
            .spawn()
            .map_err(|error| command::not_started(&psql, error))?;
        let mut stdin = child.stdin.take().context("psql has no standard input")?;
        let script = script.to_owned();
        // Written while the output is read, because both pipes have limited buffers.
        let writing = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
        let output = child.wait_with_output().context("waiting for psql")?;
        let written = writing.join();
        ensure!(
            output.status.success() && written.is_ok(),
            "psql ended with {}",
            command::describe(output.status)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Returns the line of the script that plans a statement.
fn call(number: usize, statement: &Ran) -> Result<String> {
    ensure!(
        !statement.text.contains(QUOTE),
        "a statement contains {QUOTE}"
    );
    let types = match statement.types.is_empty() {
        true => String::new(),
        false => format!(" ({})", statement.types.join(", ")),
    };
    let most = read(&statement.text)
        .into_iter()
        .filter_map(|placed| match placed.token {
            super::tokens::Token::Parameter(number) => Some(number as usize),
            _ => None,
        });
    let count = most.max().unwrap_or(0).max(statement.types.len());
    let parameters = match count {
        0 => String::new(),
        count => {
            let mut values = vec!["NULL"; count];
            if statement.types.first().is_some_and(|first| first == "uuid") {
                values[0] = TENANT;
            }
            format!(" ({})", values.join(", "))
        }
    };
    let text = &statement.text;
    Ok(format!(
        "SELECT pg_temp.plan({number}, '{types}', '{parameters}', {QUOTE}{text}{QUOTE});\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_planned_with_its_types_and_without_values() {
        let statement = Ran {
            text: "SELECT $2, $1".to_owned(),
            file: String::new(),
            line: 1,
            sites: [].into(),
            types: vec!["uuid".to_owned(), "text[]".to_owned()],
        };
        assert_eq!(
            call(3, &statement).unwrap(),
            "SELECT pg_temp.plan(3, ' (uuid, text[])', ' (''00000000-0000-4000-8000-000000000001'', NULL)', $statement_text$SELECT $2, $1$statement_text$);\n"
        );
    }
}
