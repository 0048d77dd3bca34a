//! The database of one test, and direct SQL access.

use oms_testing::{PrivateServer, SilentProxy, TestDatabase};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// The database of one test, with a connection of its own.
pub struct StoreDatabase {
    database: TestDatabase,
    client: Client,
}

impl StoreDatabase {
    /// A database with the schema and no rows.
    pub async fn create() -> Self {
        let database = TestDatabase::create();
        let client = connect(&database.url()).await;
        Self { database, client }
    }

    /// An empty database without a schema.
    pub async fn create_empty() -> Self {
        let database = TestDatabase::create_empty();
        let client = connect(&database.url()).await;
        Self { database, client }
    }

    /// An empty database on a server of its own.
    pub async fn create_on(server: &PrivateServer) -> Self {
        let database = TestDatabase::create_on(server);
        let client = connect(&database.url()).await;
        Self { database, client }
    }

    pub fn url(&self) -> String {
        self.database.url()
    }

    /// Makes the database look like one of Citus to the program.
    pub async fn pretend_to_be_distributed(&self) {
        self.database.pretend_to_be_distributed().await;
    }

    /// The URL for a role with a password.
    pub fn url_as(&self, role: &str, password: &str) -> String {
        let url = self.url();
        let (_, rest) = url.rsplit_once('@').unwrap();
        format!("postgres://{role}:{password}@{rest}")
    }

    /// A proxy of this database that can fall silent, and the URL through it.
    pub async fn behind_proxy(&self) -> (SilentProxy, String) {
        self.database.behind_proxy().await
    }

    pub fn name(&self) -> String {
        let url = self.url();
        let path = url.split('?').next().unwrap();
        path.rsplit_once('/').unwrap().1.to_owned()
    }

    /// A connection to another database of the same server.
    pub async fn maintenance(&self) -> Maintenance {
        let url = self.url().replace(&self.name(), "postgres");
        Maintenance {
            client: connect(&url).await,
            database: self.name(),
        }
    }

    /// Another connection.
    #[cfg(feature = "upgrade")]
    pub async fn another_client(&self) -> Client {
        connect(&self.url()).await
    }

    /// Locks the orders table against reads and writes until the client is dropped.
    pub async fn lock_orders(&self) -> Client {
        let client = connect(&self.url()).await;
        let sql = "BEGIN; LOCK TABLE orders.orders IN ACCESS EXCLUSIVE MODE";
        client.batch_execute(sql).await.unwrap();
        client
    }

    /// Locks an order until the client is dropped.
    pub async fn lock_order(&self, order_id: &str) -> Client {
        let client = connect(&self.url()).await;
        let sql = format!("BEGIN; SELECT FROM orders.orders WHERE id = '{order_id}' FOR UPDATE");
        client.batch_execute(&sql).await.unwrap();
        client
    }

    /// A copy made with `createdb --template`, which closes all connections.
    pub async fn copy(&mut self) -> Self {
        let maintenance = self.maintenance().await;
        maintenance.take_away().await;
        let database = self.database.copy();
        maintenance.give_back().await;
        self.reconnect().await;
        let client = connect(&database.url()).await;
        Self { database, client }
    }

    /// Replaces a connection that was closed by the server.
    pub async fn reconnect(&mut self) {
        self.client = connect(&self.url()).await;
    }

    /// Runs statements.
    pub async fn execute(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    /// The rows as text. NULL is empty.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.client, sql).await
    }

    /// The single number that a query returns.
    pub async fn number(&self, sql: &str) -> i64 {
        self.rows(sql).await[0][0].parse().unwrap()
    }

    /// The number of orders.
    pub async fn orders(&self) -> i64 {
        self.number("SELECT count(*) FROM orders.orders").await
    }

    /// The number of orders that were ever left to an operator.
    pub async fn dead_letters(&self) -> i64 {
        self.number("SELECT count(*) FROM orders.dead_letters")
            .await
    }

    /// The status of an order.
    pub async fn status(&self, order_id: &str) -> String {
        let sql = format!("SELECT status FROM orders.orders WHERE id = '{order_id}'");
        self.rows(&sql).await[0][0].clone()
    }

    /// Makes time pass for the sweeper: every open order is due now.
    pub async fn make_due(&self) {
        self.execute("UPDATE orders.reconciliations SET due_at = now()")
            .await;
    }

    /// Makes another second pass for the sweeper, so that no test waits for a lease or a backoff.
    pub async fn pass_a_second(&self) {
        self.execute("UPDATE orders.reconciliations SET due_at = due_at - interval '1 second'")
            .await;
    }

    /// Makes an hour pass for the orders: their payment deadline is over.
    pub async fn pass_an_hour(&self) {
        self.execute("UPDATE orders.orders SET created_at = created_at - interval '61 minutes'")
            .await;
    }

    /// The states of the other connections to this database.
    pub async fn connections(&self) -> Vec<String> {
        let sql = "SELECT state FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        let rows = self.rows(sql).await;
        rows.into_iter().flatten().collect()
    }
}

/// A connection that outlives the test's database.
pub struct Maintenance {
    client: Client,
    database: String,
}

impl Maintenance {
    /// Refuses new connections and closes all existing ones.
    pub async fn take_away(&self) {
        let name = &self.database;
        let sql = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        self.client.batch_execute(&sql).await.unwrap();
        self.cut_connections().await;
    }

    /// Allows connections again.
    pub async fn give_back(&self) {
        let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.database);
        self.client.batch_execute(&sql).await.unwrap();
    }

    /// Sets a default of new sessions, such as `lock_timeout = 1`.
    pub async fn set(&self, setting: &str) {
        let sql = format!("ALTER DATABASE {} SET {setting}", self.database);
        self.client.batch_execute(&sql).await.unwrap();
    }

    /// Removes a default of new sessions.
    pub async fn reset(&self, setting: &str) {
        let sql = format!("ALTER DATABASE {} RESET {setting}", self.database);
        self.client.batch_execute(&sql).await.unwrap();
    }

    /// Closes all connections to the database, and returns how many there were.
    pub async fn cut_connections(&self) -> usize {
        let sql = format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{}'",
            self.database
        );
        rows(&self.client, &sql).await.len()
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    // The task ends with the client, or when the server closes the connection, as some tests want.
    tokio::spawn(connection);
    client
}

async fn rows(client: &Client, sql: &str) -> Vec<Vec<String>> {
    let messages = client.simple_query(sql).await.unwrap();
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => {
            let text = |column| row.get(column).unwrap_or_default().to_owned();
            Some((0..row.len()).map(text).collect())
        }
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}
