//! Statements that are sent in one round trip.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer};
use diesel_async::SimpleAsyncConnection;
use oms_database::{
    CachedStatement, Connection, Database, DatabaseConfig, DbError, Engine, LockWait,
    PooledConnection, Statement, Transaction, cached_sql, expect_sql, in_transaction_sql,
    send_in_transaction, send_together, transaction,
};
use oms_testing::{SilentProxy, TestDatabase};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::pool::RETIRING;

/// Much longer than any time limit in these tests.
const TOO_LONG: Duration = Duration::from_secs(60);

struct Notes {
    pool: Database,
    proxy: SilentProxy,
    database: TestDatabase,
}

impl Notes {
    async fn open() -> Self {
        let database = TestDatabase::create();
        let table = "CREATE TABLE public.notes (id integer PRIMARY KEY)";
        let mut connection = database.connect().await;
        connection.batch_execute(table).await.unwrap();
        let (proxy, url) = database.behind_proxy().await;
        let pool = Database::new(&DatabaseConfig {
            max_connections: 1,
            answer_timeout: Duration::from_secs(3),
            fresh: TOO_LONG,
            ..DatabaseConfig::new(url)
        });
        Self {
            pool: pool.unwrap(),
            proxy,
            database,
        }
    }

    async fn acquire(&self) -> PooledConnection {
        self.pool.acquire().await.unwrap()
    }

    /// Returns the committed IDs, read through another connection.
    async fn ids(&self) -> Vec<i32> {
        read()
            .run(&mut self.database.connect().await)
            .await
            .unwrap()
    }
}

fn insert<'q>(id: i32) -> Statement<'q, usize> {
    cached_sql("INSERT INTO public.notes VALUES ($1)")
        .bind::<Integer, _>(id)
        .affected()
}

/// Inserts only inside a transaction, as the first statement of a transaction must.
fn insert_guarded<'q>(id: i32) -> Statement<'q, usize> {
    let text = concat!(
        "INSERT INTO public.notes SELECT $1 WHERE ",
        in_transaction_sql!()
    );
    cached_sql(text).bind::<Integer, _>(id).affected()
}

fn delete_all<'q>() -> Statement<'q, usize> {
    cached_sql("DELETE FROM public.notes").affected()
}

fn read<'q>() -> Statement<'q, Vec<i32>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Array<Integer>)]
        ids: Vec<i32>,
    }

    let text = "SELECT coalesce(array_agg(id ORDER BY id), '{}') AS ids FROM public.notes";
    let rows = cached_sql(text).rows::<Row>();
    rows.map(|rows| rows.into_iter().flat_map(|row| row.ids).collect())
}

fn expect_notes<'q>(count: i64) -> Statement<'q, usize> {
    let text = concat!(
        "SELECT ",
        expect_sql!("count(*) = $1"),
        " FROM public.notes"
    );
    cached_sql(text).bind::<BigInt, _>(count).affected()
}

/// Asserts that each statement sees the effects of the earlier ones, and that the COMMIT comes last.
async fn place_and_remove(connection: &mut Connection) {
    let mut transaction = Transaction::new(connection, LockWait::Session);
    let sent = transaction.send((insert_guarded(1), read(), insert(2), read()));
    let sent = sent.await.unwrap();
    assert_eq!(sent, (1, vec![1], 1, vec![1, 2]));
    let committed = transaction.commit_with((insert(3), read())).await;
    assert_eq!(committed.unwrap(), (1, vec![1, 2, 3]));
    let seen = send_together(connection, (read(), delete_all(), read())).await;
    assert_eq!(seen.unwrap(), (vec![1, 2, 3], 3, vec![]));
}

#[tokio::test]
async fn statements_are_executed_in_order_on_new_and_on_used_connections() {
    let notes = Notes::open().await;
    let mut connection = notes.acquire().await;
    for _ in 0..100 {
        place_and_remove(&mut connection).await;
    }
}

#[tokio::test]
async fn statements_of_an_open_transaction_are_sent_together_and_rolled_back_with_it() {
    let notes = Notes::open().await;
    let mut connection = notes.database.connect().await;
    for round in 0..3 {
        let outside = send_in_transaction(&mut connection, (insert(9), read())).await;
        assert!(matches!(outside, Err(DbError::Other(_))), "{outside:?}");
        let inside = transaction(&mut connection, async |connection| {
            let sent = send_in_transaction(connection, (insert(round), read())).await?;
            assert_eq!(sent.1.last(), Some(&round));
            send_in_transaction(connection, (insert(9), insert(9))).await
        });
        let violated = inside.await;
        assert!(
            matches!(violated, Err(DbError::UniqueViolation { .. })),
            "{violated:?}"
        );
        let kept = transaction(&mut connection, async |connection| {
            send_in_transaction(connection, (insert(round), read())).await
        });
        assert_eq!(kept.await.unwrap().1, (0..=round).collect::<Vec<_>>());
    }
    assert_eq!(notes.ids().await, [0, 1, 2]);
}

/// Tokio makes a task that has used up its cooperative budget wait at its next lock.
#[tokio::test]
async fn the_order_of_statements_does_not_depend_on_the_cooperative_budget_of_the_task() {
    let notes = Notes::open().await;
    let mut connection = notes.acquire().await;
    place_and_remove(&mut connection).await;
    let busy = Semaphore::new(1);
    for done in 0..200 {
        tokio::task::yield_now().await;
        for _ in 0..done {
            drop(busy.acquire().await);
        }
        place_and_remove(&mut connection).await;
    }
}

#[tokio::test]
async fn statements_are_sent_before_earlier_ones_are_answered() {
    let notes = Notes::open().await;
    let mut connection = notes.acquire().await;
    place_and_remove(&mut connection).await;
    let transaction = Transaction::new(&mut connection, LockWait::Session);
    let warmed = transaction
        .commit_with((insert_guarded(1), insert(2)))
        .await;
    warmed.unwrap();
    delete_all().run(&mut connection).await.unwrap();
    // The proxy holds back the server's answers, so the transaction is committed only if nothing waits for an answer.
    notes.proxy.hold_answers();
    let transaction = Transaction::new(&mut connection, LockWait::Session);
    let committing = transaction.commit_with((insert_guarded(1), insert(2)));
    let watching = async {
        while notes.ids().await != [1, 2] {
            tokio::task::yield_now().await;
        }
        notes.proxy.let_answers_go();
    };
    let (committed, ()) = futures_util::future::join(committing, watching).await;
    assert_eq!(committed.unwrap(), (1, 1));
}

#[tokio::test]
async fn a_failing_statement_rolls_back_its_transaction_and_the_connection_remains_usable() {
    let _kept = RETIRING.read().await;
    let notes = Notes::open().await;
    let mut connection = notes.acquire().await;
    // The first round sends the statements one by one, the others together.
    for _ in 0..3 {
        let transaction = Transaction::new(&mut connection, LockWait::Session);
        let failed = transaction
            .commit_with((insert_guarded(1), insert(1), insert(2)))
            .await;
        assert!(
            matches!(&failed, Err(DbError::UniqueViolation { constraint }) if constraint == "notes_pkey"),
            "{failed:?}"
        );
        assert!(notes.ids().await.is_empty());
        place_and_remove(&mut connection).await;
    }
    drop(connection);
    let mut connection = notes.acquire().await;
    place_and_remove(&mut connection).await;
    assert_eq!(notes.proxy.accepted(), 1, "the connection was kept");
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_changes_nothing() {
    let _kept = RETIRING.read().await;
    let notes = Notes::open().await;
    let mut connection = notes.acquire().await;
    for _ in 0..3 {
        let mut transaction = Transaction::new(&mut connection, LockWait::Session);
        transaction.send((insert_guarded(1),)).await.unwrap();
        transaction.roll_back().await;
        assert!(notes.ids().await.is_empty());
        Transaction::new(&mut connection, LockWait::Session)
            .roll_back()
            .await;
    }
    drop(connection);
    drop(notes.acquire().await);
    assert_eq!(notes.proxy.accepted(), 1);
}

#[tokio::test]
async fn a_transaction_is_rolled_back_if_an_expectation_fails() {
    let notes = Notes::open().await;
    let mut connection = notes.acquire().await;
    for _ in 0..3 {
        let transaction = Transaction::new(&mut connection, LockWait::Session);
        let refused = transaction
            .commit_with((insert_guarded(1), expect_notes(2)))
            .await;
        assert!(
            matches!(refused, Err(DbError::NotAsExpected)),
            "{refused:?}"
        );
        assert!(notes.ids().await.is_empty());
        let transaction = Transaction::new(&mut connection, LockWait::Session);
        let committed = transaction.commit_with((insert_guarded(1), expect_notes(1)));
        committed.await.unwrap();
        assert_eq!(notes.ids().await, [1]);
        delete_all().run(&mut connection).await.unwrap();
    }
}

/// Simulates a transaction whose BEGIN was cancelled.
#[tokio::test]
async fn a_guarded_statement_outside_a_transaction_does_nothing() {
    let notes = Notes::open().await;
    let mut connection = notes.acquire().await;
    assert_eq!(insert_guarded(1).run(&mut connection).await.unwrap(), 0);
    assert!(notes.ids().await.is_empty());
}

#[tokio::test]
async fn a_brief_lock_timeout_applies_only_to_its_transaction() {
    let notes = Notes::open().await;
    let mut connection = notes.acquire().await;
    insert(1).run(&mut connection).await.unwrap();
    let mut other = notes.database.connect().await;
    let lock = "BEGIN; SELECT FROM public.notes FOR UPDATE";
    other.batch_execute(lock).await.unwrap();
    for _ in 0..2 {
        let transaction = Transaction::new(&mut connection, LockWait::Brief);
        let refused = transaction.commit_with((read(), delete_all())).await;
        assert!(matches!(refused, Err(DbError::LockTimeout)), "{refused:?}");
    }
    let waiting = delete_all().run(&mut connection);
    let releasing = async {
        let blocked = "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted) LOOP END LOOP; END $$";
        notes
            .database
            .connect()
            .await
            .batch_execute(blocked)
            .await
            .unwrap();
        other.batch_execute("ROLLBACK").await.unwrap();
    };
    let (deleted, ()) = futures_util::future::join(waiting, releasing).await;
    assert_eq!(deleted.unwrap(), 1);
}

#[tokio::test]
async fn the_connection_of_an_abandoned_transaction_is_closed() {
    let _kept = RETIRING.read().await;
    let notes = Notes::open().await;
    let sleep = || cached_sql("SELECT pg_sleep(0.2)").affected();
    for times in 1..=2 {
        let mut connection = notes.acquire().await;
        place_and_remove(&mut connection).await;
        let known = send_together(&mut connection, (sleep(), expect_notes(0)));
        known.await.unwrap();
        let transaction = Transaction::new(&mut connection, LockWait::Session);
        // The server still executes it, and its failing expectation keeps it from committing the row of the next round.
        let sent = transaction.commit_with((insert_guarded(1), sleep(), expect_notes(9)));
        let given_up = timeout(Duration::from_millis(1), sent);
        assert!(given_up.await.is_err());
        drop(connection);
        let mut connection = notes.acquire().await;
        delete_all().run(&mut connection).await.unwrap();
        assert_eq!(notes.proxy.accepted(), times + 1);
    }
}

#[tokio::test]
async fn the_outcome_of_a_commit_is_unknown_if_the_server_stops_answering() {
    let notes = Notes::open().await;
    let mut connection = notes.acquire().await;
    place_and_remove(&mut connection).await;
    let mut transaction = Transaction::new(&mut connection, LockWait::Session);
    transaction.send((insert_guarded(1),)).await.unwrap();
    notes.proxy.swallow_existing();
    let committed = timeout(TOO_LONG, transaction.commit_with((insert(3), read())));
    let unknown = committed.await.unwrap();
    assert!(
        matches!(unknown, Err(DbError::CommitOutcomeUnknown(_))),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_transaction_that_was_not_answered_before_its_commit_is_known_to_have_changed_nothing() {
    let notes = Notes::open().await;
    let mut connection = notes.acquire().await;
    place_and_remove(&mut connection).await;
    notes.proxy.swallow_existing();
    let mut transaction = Transaction::new(&mut connection, LockWait::Session);
    let sent = transaction.send((insert_guarded(1), read(), insert(2), read()));
    let unanswered = timeout(TOO_LONG, sent).await.unwrap();
    assert!(
        matches!(unanswered, Err(DbError::Unavailable(_))),
        "{unanswered:?}"
    );
    transaction.roll_back().await;
    drop(connection);
    let mut connection = notes.acquire().await;
    place_and_remove(&mut connection).await;
}

#[tokio::test]
async fn a_transaction_whose_session_ends_before_the_commit_is_known_to_have_changed_nothing() {
    let notes = Notes::open().await;
    let mut connection = notes.acquire().await;
    let end = || cached_sql("SELECT pg_terminate_backend(pg_backend_pid())").affected();
    place_and_remove(&mut connection).await;
    let transaction = Transaction::new(&mut connection, LockWait::Session);
    let ended = transaction
        .commit_with((insert_guarded(1), end(), insert(2)))
        .await;
    assert!(matches!(ended, Err(DbError::Unavailable(_))), "{ended:?}");
    assert!(notes.ids().await.is_empty());
    drop(connection);
    let mut connection = notes.acquire().await;
    place_and_remove(&mut connection).await;
}

/// Inserts in another way on each engine.
fn insert_two<'q>() -> Statement<'q, Engine> {
    Statement::for_engine(|engine| {
        let first = match engine {
            Engine::Plain => insert_guarded(1),
            Engine::Distributed => insert_guarded(3),
        };
        first.and(insert(2)).map(move |_| engine)
    })
}

#[tokio::test]
async fn a_connection_gets_the_statements_for_its_engine_in_their_order() {
    for (engine, ids) in [
        (Engine::Plain, vec![1, 2]),
        (Engine::Distributed, vec![2, 3]),
    ] {
        let notes = Notes::open().await;
        if engine == Engine::Distributed {
            notes.database.pretend_to_be_distributed().await;
        }
        let mut connection = notes.acquire().await;
        for _ in 0..10 {
            let transaction = Transaction::new(&mut connection, LockWait::Session);
            let sent = transaction.commit_with((insert_two(), read(), delete_all()));
            assert_eq!(sent.await.unwrap(), (engine, ids.clone(), 2));
        }
    }
}

#[tokio::test]
async fn a_statement_for_plain_postgresql_is_not_sent_to_a_distributed_engine() {
    let delete = || cached_sql("-- plain PostgreSQL: a test\nDELETE FROM public.notes").affected();
    let notes = Notes::open().await;
    let mut plain = notes.acquire().await;
    insert(1).run(&mut plain).await.unwrap();
    assert_eq!(delete().run(&mut plain).await.unwrap(), 1);
    insert(1).run(&mut plain).await.unwrap();
    notes.database.pretend_to_be_distributed().await;
    let mut distributed = notes.database.connect().await;
    let refused = delete().run(&mut distributed).await.unwrap_err();
    assert!(
        refused.to_string().contains("not for a distributed engine"),
        "{refused}"
    );
    assert_eq!(notes.ids().await, [1]);
}
