//! Placing orders through PgBouncer in transaction mode. `cargo xtask test --pgbouncer PATH` passes the path in
//! `OMS_TEST_PGBOUNCER`.

use std::path::PathBuf;

use futures_util::future::join_all;
use oms_testing::process::{Process, program_at};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_postgres::NoTls;

use crate::api::{Settings, command};
use crate::eventually::until;
use crate::giving_back::all;
use crate::operating::{Roles, drop_roles};
use crate::process::Exit;
use crate::request::{new_key, small_order};
use crate::shop::Shop;

/// PostgreSQL sessions of PgBouncer, far fewer than the connections of oms-api.
const SESSIONS: usize = 3;

/// The oldest version that tracks prepared statements per client.
const KEEPS_STATEMENTS: (u32, u32) = (1, 21);

struct PgBouncer {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl PgBouncer {
    /// Starts PgBouncer in front of the server of a URL. It accepts the URL's user.
    async fn start(url: &str) -> Self {
        let (user, rest) = url.split_once("://").unwrap().1.split_once(':').unwrap();
        let (password, rest) = rest.split_once('@').unwrap();
        let (address, _) = rest.split_once('/').unwrap();
        let (host, server_port) = address.split_once(':').unwrap();
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let users = folder.path().join("users");
        std::fs::write(&users, format!("\"{user}\" \"{password}\"\n")).unwrap();
        let keeps = match version().await >= KEEPS_STATEMENTS {
            true => "max_prepared_statements = 300\n",
            false => "",
        };
        let configuration = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={server_port}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = plain\nauth_file = {}\nadmin_users = {user}\n\
             pool_mode = transaction\ndefault_pool_size = {SESSIONS}\n{keeps}",
            users.display()
        );
        std::fs::write(&configuration, text).unwrap();
        readable_by_all(folder.path());
        let mut command = program_at(&program());
        command.arg("-q").arg(&configuration);
        if nix::unistd::Uid::effective().is_root() {
            // PgBouncer refuses to run as root.
            command.args(["-u", "nobody"]);
        }
        let mut process = Process::start(command);
        until("PgBouncer listens", async || {
            assert!(process.is_running(), "PgBouncer has exited");
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Self {
            _process: process,
            _folder: folder,
            port,
        }
    }

    /// Rewrites a URL of the server to go through PgBouncer.
    fn through(&self, url: &str) -> String {
        let (before, rest) = url.split_once('@').unwrap();
        let (_, path) = rest.split_once('/').unwrap();
        format!("{before}@127.0.0.1:{}/{path}", self.port)
    }

    /// Makes PgBouncer reconnect to the server.
    async fn reconnect(&self, url: &str) {
        let through = self.through(url);
        let (before, _) = through.rsplit_once('/').unwrap();
        let console = format!("{before}/pgbouncer");
        let (client, connection) = tokio_postgres::connect(&console, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.simple_query("RECONNECT").await.unwrap();
    }
}

fn program() -> PathBuf {
    let path = std::env::var_os("OMS_TEST_PGBOUNCER");
    path.expect("`cargo xtask test --pgbouncer PATH` sets it")
        .into()
}

/// Parses the version from output such as `PgBouncer 1.24.1`.
async fn version() -> (u32, u32) {
    let mut command = program_at(&program());
    command.arg("--version");
    let said = Process::start(command).ended().await.stdout;
    let numbers = said.split_whitespace().nth(1).unwrap().split('.');
    let numbers: Vec<u32> = numbers.map_while(|it| it.parse().ok()).collect();
    (numbers[0], numbers[1])
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn readable_by_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

async fn run(url: &str, settings: Settings<'_>, subcommand: &str) -> Exit {
    let mut command = command(url, "http://127.0.0.1:1", settings);
    command.arg(subcommand);
    Process::start(command).ended().await
}

#[tokio::test]
async fn orders_are_placed_through_pgbouncer_and_a_version_without_prepared_statements_is_rejected()
{
    let roles = Roles::create().await;
    roles.grant().await;
    let (owner, direct) = (roles.url_of_owner(), roles.url_of_server());
    let pooler = PgBouncer::start(&direct).await;
    let url = pooler.through(&direct);
    let settings = [
        ("OMS_DATABASE_POOLER", "transaction"),
        ("OMS_MIGRATION_DATABASE_URL", owner.as_str()),
    ];
    let refused = run(&url, &[], "serve").await;
    assert!(
        refused.stderr.contains("OMS_DATABASE_POOLER=transaction"),
        "{refused:?}"
    );
    if version().await < KEEPS_STATEMENTS {
        let refused = run(&url, &settings, "serve").await;
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(
            refused.stderr.contains("PgBouncer 1.21 or newer"),
            "{refused:?}"
        );
        return drop_roles(&roles.database, [&roles.server, &roles.owner]).await;
    }
    let refused = run(&url, &settings, "serve").await;
    assert!(
        refused.stderr.contains("run `oms-api migrate`"),
        "{refused:?}"
    );
    let migrated = run(&url, &settings, "migrate").await;
    assert!(migrated.status.success(), "{migrated:?}");
    assert!(migrated.stdout.contains("lock_timeout"), "{migrated:?}");
    pooler.reconnect(&direct).await;

    let names = [roles.server.clone(), roles.owner.clone()];
    let mut shop = Shop::open_as(roles.database, &url, &settings).await;
    let customers = (0..16).map(async |_| {
        let customer = shop.customer();
        let mut orders = Vec::new();
        for _ in 0..4 {
            let placed = customer.place(&new_key(), &small_order()).await;
            placed.assert_created();
            orders.push(placed.order_id());
        }
        let cancelled = customer.cancel(&orders[0]).await;
        assert!(matches!(cancelled.status, 200 | 202), "{cancelled:?}");
        let refunded = customer.refund(&orders[1], &new_key(), &all()).await;
        assert!(matches!(refunded.status, 201 | 202), "{refunded:?}");
        let read = customer
            .get(&format!("/orders/{}/timeline", orders[2]))
            .await;
        assert_eq!(read.status, 200, "{read:?}");
    });
    join_all(customers).await;
    let sessions = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = '{}'",
        names[0]
    );
    let sessions = shop.database.number(&sessions).await;
    assert!(
        (1..=SESSIONS).contains(&usize::try_from(sessions).unwrap()),
        "{sessions}"
    );
    assert_eq!(shop.database.orders().await, 64);
    shop.assert_consistent().await;
    shop.api.process.terminate();
    shop.api.process.ended().await;
    drop(pooler);
    drop_roles(&shop.database, names.each_ref().map(String::as_str)).await;
}
