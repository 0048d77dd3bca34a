//! A COMMIT that the server executes only when the test allows it. Its sender may be gone by then.

use crate::eventually::until;
use crate::store_database::StoreDatabase;

/// The change that a transaction makes to an order.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// Places the order.
    Insert,
    /// Ends the order.
    Update,
}

/// The key of the lock that the server waits for. Any number would work.
const LOCK: u32 = 4711;

impl StoreDatabase {
    /// Holds the next COMMIT of a transaction that makes this change to an order: the server has received it and has
    /// written all changes. The session's lock time-out does not apply; its statement time-out does.
    pub async fn hold_commit(&self, change: Change) {
        let event = match change {
            Change::Insert => "INSERT",
            Change::Update => "UPDATE",
        };
        self.hold_commit_of(event, "orders.orders").await;
    }

    /// Holds the next COMMIT of a transaction that does this to a table.
    pub async fn hold_commit_of(&self, event: &str, table: &str) {
        self.execute(&format!(
            "SELECT pg_advisory_lock({LOCK});
             CREATE FUNCTION public.hold_commit() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$
             BEGIN
                 PERFORM pg_advisory_xact_lock_shared({LOCK});
                 RETURN NULL;
             END $$;
             CREATE CONSTRAINT TRIGGER hold_commit AFTER {event} ON {table}
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.hold_commit()"
        ))
        .await;
    }

    /// Returns once the server has received the COMMIT.
    pub async fn commit_held(&self) {
        let sql = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                   WHERE d.datname = current_database() AND locktype = 'advisory' AND NOT granted";
        until("a COMMIT is held", async || self.number(sql).await == 1).await;
    }

    /// Ends the session whose COMMIT is held. It is not executed, and its sender can't know that.
    pub async fn cut_held_commit(&self) {
        let cut = "SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                   WHERE d.datname = current_database() AND locktype = 'advisory' AND NOT granted";
        assert_eq!(self.rows(cut).await.len(), 1);
        self.execute(&format!("SELECT pg_advisory_unlock({LOCK})"))
            .await;
    }

    /// Lets the server continue, and returns once all sessions have ended, so that the COMMIT has happened.
    pub async fn let_commit_go(&self) {
        self.execute(&format!("SELECT pg_advisory_unlock({LOCK})"))
            .await;
        until("the sessions of the killed process end", async || {
            self.connections().await.is_empty()
        })
        .await;
    }
}
