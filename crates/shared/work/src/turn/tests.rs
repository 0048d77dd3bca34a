//! Tests of turns with a list in memory.

use std::sync::Mutex;

use super::*;

#[derive(Debug, thiserror::Error)]
#[error("no answer")]
struct NoAnswer;

/// The entries of each tenant. The entry `panic` panics, and claiming a tenant with the entry `unreadable` fails.
struct Entries {
    /// Whether the search for tenants with due entries fails. The known tenants are still returned.
    is_blind: bool,
    of_tenants: Vec<(TenantId, Vec<&'static str>)>,
    limit: usize,
    worked: Mutex<Vec<&'static str>>,
}

impl Entries {
    fn new(limit: usize, of_tenants: &[&[&'static str]]) -> Self {
        let of_tenants = of_tenants.iter().enumerate();
        let tenant = |number: usize| TenantId::from(uuid::Uuid::from_u128(number as u128 + 1));
        Self {
            is_blind: false,
            of_tenants: of_tenants
                .map(|(number, entries)| (tenant(number), entries.to_vec()))
                .collect(),
            limit,
            worked: Mutex::default(),
        }
    }
}

#[async_trait::async_trait]
impl WorkList for Entries {
    type Entry = &'static str;
    type Outcome = String;
    type Error = NoAnswer;

    const ENTRIES: &'static str = "entries";

    async fn find_due_tenants(&self) -> Result<Vec<TenantId>, NoAnswer> {
        match self.is_blind {
            true => Err(NoAnswer),
            false => Ok(self.of_tenants.iter().map(|(tenant, _)| *tenant).collect()),
        }
    }

    fn tenants_meanwhile(&self) -> Vec<TenantId> {
        self.of_tenants.iter().map(|(tenant, _)| *tenant).collect()
    }

    async fn claim(&self, tenant: TenantId) -> Result<Batch<&'static str>, NoAnswer> {
        let mut of_tenants = self.of_tenants.iter();
        let entries = of_tenants.find(|(other, _)| *other == tenant);
        let entries: Vec<&str> = entries.ok_or(NoAnswer)?.1.clone();
        if entries.contains(&"unreadable") {
            return Err(NoAnswer);
        }
        Ok(Batch {
            is_full: entries.len() >= self.limit,
            entries: entries.into_iter().take(self.limit).collect(),
        })
    }

    async fn work(&self, _: TenantId, entry: &&'static str) -> String {
        self.worked
            .lock()
            .expect("no panic under the lock")
            .push(entry);
        assert_ne!(*entry, "panic");
        format!("{entry} done")
    }

    async fn postpone_panicked(&self, _: TenantId, entry: &&'static str) -> String {
        format!("{entry} postponed")
    }
}

async fn take_turn(entries: &Entries) -> Turn<String> {
    let mut taken = turn(entries, &CancellationToken::new())
        .await
        .expect("the tenants are found");
    taken.outcomes.sort();
    taken
}

#[tokio::test]
async fn an_entry_that_panics_never_affects_the_others() {
    let taken = take_turn(&Entries::new(9, &[&["a", "panic", "b"], &["c"]])).await;
    assert_eq!(
        taken.outcomes,
        ["a done", "b done", "c done", "panic postponed"]
    );
    assert!(!taken.more_due);
}

#[tokio::test]
async fn a_tenant_that_cannot_be_claimed_never_affects_the_others() {
    let taken = take_turn(&Entries::new(9, &[&["unreadable"], &["a"]])).await;
    assert_eq!(taken.outcomes, ["a done"]);
}

#[tokio::test]
async fn known_tenants_are_served_while_due_tenants_cannot_be_found() {
    let mut entries = Entries::new(9, &[&["unreadable"], &["a"]]);
    entries.is_blind = true;
    assert_eq!(take_turn(&entries).await.outcomes, ["a done"]);
    let mut nobody = Entries::new(9, &[]);
    nobody.is_blind = true;
    assert!(turn(&nobody, &CancellationToken::new()).await.is_err());
}

#[tokio::test]
async fn a_full_batch_requests_another_turn() {
    assert!(
        take_turn(&Entries::new(2, &[&["a", "b", "c"], &["d"]]))
            .await
            .more_due
    );
    assert!(
        !take_turn(&Entries::new(2, &[&["a"], &["b"]]))
            .await
            .more_due
    );
}

#[tokio::test]
async fn every_tenant_gets_one_batch_in_a_turn() {
    let backlog = ["a"; 100];
    let taken = take_turn(&Entries::new(3, &[&backlog, &backlog, &["b"]])).await;
    assert_eq!(taken.outcomes.len(), 7);
}

#[tokio::test]
async fn no_batch_is_started_after_the_stop() {
    let (entries, stopping) = (Entries::new(9, &[&["a"]]), CancellationToken::new());
    stopping.cancel();
    let taken = turn(&entries, &stopping)
        .await
        .expect("the tenants are found");
    assert_eq!(taken.outcomes, Vec::<String>::new());
    assert!(
        entries
            .worked
            .lock()
            .expect("no panic under the lock")
            .is_empty()
    );
}
