//! The step `statements` of `cargo xtask test`, which checks every statement that the tests ran against rules. A
//! distributed engine accepts statements that follow them and runs each on one node. On a plain server the rules cost
//! next to nothing.
//!
//! Debug builds log the statements that they run (`crates/shared/database/src/statement_log.rs`). The rules are checked
//! on an empty migrated database. Exceptions are in `xtask/statements.toml`.

mod allowed;
mod call_sites;
mod plan_rules;
mod planner;
mod run_log;
mod text_rules;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::report;
use crate::workspace::Workspace;
use allowed::Allowed;
use planner::Planner;
use run_log::Run;
use text_rules::Statement;

/// The variable that tells the test processes the folder of the log.
pub(crate) const VARIABLE: &str = "OMS_SQL_LOG";

/// A statement that breaks a rule, or that was never run.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: u32,
    rule: &'static str,
    advice: String,
    text: String,
}

/// The finding about a statement for plain PostgreSQL that a distributed engine could run just as well.
const UNNEEDED_SHAPE: &str =
    "it is marked as being for plain PostgreSQL only, but breaks no rule: send it to every engine";

/// Returns the folder of the log.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("statements")
}

/// Empties the folder of the log before a test run.
pub(crate) fn fresh_folder(workspace: &Workspace) -> Result<PathBuf> {
    let folder = folder(workspace);
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("{} can't be removed", folder.display()))?;
    }
    fs::create_dir_all(&folder)
        .with_context(|| format!("{} can't be created", folder.display()))?;
    Ok(folder)
}

/// Checks the statements that the tests ran. `server` is a superuser's URL.
pub(crate) fn check(workspace: &Workspace, folder: &Path, server: &str) -> Result<()> {
    let run = run_log::read(folder)?;
    let mut allowed = Allowed::read(&workspace.root)?;
    let mut findings = never_run(workspace, &run)?;
    let planner = Planner::start(workspace, server)?;
    let planned = planner.explain(&run);
    let volatilities = planner.volatilities(&run);
    let cut = planner.cut().and_then(|()| planner.explain(&run));
    planner.end()?;
    let (planned, volatilities, cut) = (planned?, volatilities?, cut?);
    for ((statement, plan), cut) in run.statements.iter().zip(planned).zip(cut) {
        let read = Statement::read(&statement.text, &volatilities);
        let mut broken = read.broken();
        let of_plan = match plan {
            Ok(plan) => {
                let volatile = plan_rules::volatile(&plan);
                broken.extend(volatile.into_iter().map(|found| ("P4", found)));
                plan_rules::broken(&plan)
            }
            Err(error) => vec![format!("it can't be planned: {error}")],
        };
        match (read.is_across(), of_plan.is_empty()) {
            (false, _) => broken.extend(of_plan.into_iter().map(|found| ("P1", found))),
            (true, true) => broken.push((
                "P2",
                "it is marked as being across tenants, but is for one tenant".to_owned(),
            )),
            (true, false) => {}
        }
        if read.is_plain_only() {
            broken = match broken.is_empty() {
                true => vec![("T0", UNNEEDED_SHAPE.to_owned())],
                false => Vec::new(),
            };
        }
        if !read.is_across() {
            let touched = cut.map_or_else(|error| vec![error], |cut| plan_rules::touched(&cut));
            broken.extend(touched.into_iter().map(|found| ("P3", found)));
        }
        findings.extend(broken.into_iter().map(|(rule, advice)| Finding {
            file: statement.file.clone(),
            line: statement.line,
            rule,
            advice,
            text: statement.text.clone(),
        }));
    }
    findings.retain(|finding| !allowed.allows(finding.rule, &finding.file, &finding.text));
    findings.sort();
    for finding in &findings {
        report::line(&format!(
            "{}:{}: {} {}",
            finding.file, finding.line, finding.rule, finding.advice
        ));
    }
    let stale = allowed.stale();
    for entry in &stale {
        report::line(&format!(
            "xtask/statements.toml: no statement needs the entry {entry}: delete it"
        ));
    }
    if !findings.is_empty() || !stale.is_empty() {
        bail!(
            "{} statements break a rule, {} entries are stale",
            findings.len(),
            stale.len()
        );
    }
    report::line(&format!("✓ {} statements", run.statements.len()));
    Ok(())
}

/// Returns the call sites under `store` that no test reached.
fn never_run(workspace: &Workspace, run: &Run) -> Result<Vec<Finding>> {
    let ran: BTreeSet<(&str, u32)> = run
        .statements
        .iter()
        .flat_map(|statement| &statement.sites)
        .map(|(file, line)| (file.as_str(), *line))
        .collect();
    let sites = call_sites::find(&workspace.root)?;
    let missing = sites
        .into_iter()
        .filter(|site| !ran.contains(&(site.file.as_str(), site.line)));
    let finding = |site: call_sites::CallSite| Finding {
        rule: "R1",
        advice: format!("no test runs the statement in {}", site.function),
        file: site.file,
        line: site.line,
        text: site.function,
    };
    Ok(missing.map(finding).collect())
}
