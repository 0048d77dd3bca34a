//! TLS to real servers: which servers are trusted, and the error messages for the others.

use oms_database::{Database, DatabaseConfig, DbError, migrations};
use oms_testing::certificates::{Authority, KeyKind, Signed, Validity};
use oms_testing::{PATIENCE, PrivateServer, Setup};
use tokio_postgres::NoTls;

/// The superuser of the test may log in without TLS and password; `oms` needs both, `plain` must not use TLS, and
/// `certified` needs a client certificate.
const HBA: &str = "
host      all postgres  127.0.0.1/32 trust
hostssl   all oms       127.0.0.1/32 scram-sha-256
hostnossl all plain     127.0.0.1/32 trust
hostssl   all certified 127.0.0.1/32 cert
";

const LOCAL: [&str; 2] = ["DNS:localhost", "IP:127.0.0.1"];

struct Network {
    server: PrivateServer,
}

impl Network {
    async fn start(authority: &Authority, of_server: &Signed) -> Self {
        let server = PrivateServer::start_with(Setup {
            settings: &["ssl=on", "ssl_ca_file=ca.crt"],
            files: &[
                ("pg_hba.conf", HBA),
                ("ca.crt", &authority.certificate()),
                ("server.crt", &of_server.certificate),
                ("server.key", &of_server.key),
            ],
        })
        .await;
        let (client, connection) = tokio_postgres::connect(server.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        let roles = "CREATE ROLE oms LOGIN PASSWORD 'hunter2'; CREATE ROLE plain LOGIN; CREATE ROLE certified LOGIN";
        client.batch_execute(roles).await.unwrap();
        Self { server }
    }

    /// Replaces the certificate of the server.
    async fn present(&self, signed: &Signed) {
        let files = [
            ("server.crt", signed.certificate.as_str()),
            ("server.key", &signed.key),
        ];
        self.server.reload_with(&files).await;
    }

    fn url(&self, host: &str, user: &str, parameters: &str) -> String {
        let (_, port) = self.server.url().rsplit_once(':').unwrap();
        let (port, _) = port.split_once('/').unwrap();
        format!("postgres://{user}:hunter2@{host}:{port}/postgres?{parameters}")
    }
}

/// Whether the connection of a pool is encrypted.
async fn connect(url: &str) -> Result<bool, String> {
    let config = DatabaseConfig {
        max_connections: 1,
        acquire_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        answer_timeout: PATIENCE * 2,
        ..DatabaseConfig::new(url)
    };
    let text = |error: DbError| error.to_string();
    let pool = Database::new(&config).map_err(text)?;
    let mut connection = pool.acquire().await.map_err(text)?;
    let statement = "DO $$ BEGIN
        IF NOT (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) THEN RAISE 'plaintext'; END IF;
    END $$";
    let asked = diesel_async::SimpleAsyncConnection::batch_execute(&mut *connection, statement);
    Ok(asked.await.is_ok())
}

async fn refused(url: &str) -> String {
    let refused = connect(url).await.unwrap_err();
    assert!(!refused.contains("hunter2"), "{refused}");
    assert_eq!(refused.lines().count(), 1, "{refused}");
    refused
}

#[tokio::test]
async fn a_password_is_bound_to_the_certificate_whatever_its_kind() {
    let authorities = [KeyKind::Rsa, KeyKind::P256, KeyKind::P384].map(Authority::new);
    let mut network = None;
    for authority in &authorities {
        let signed = authority.sign("server", &LOCAL, Validity::Current);
        let network = match &network {
            None => network.insert(Network::start(authority, &signed).await),
            Some(network) => network,
        };
        network.present(&signed).await;
        for host in ["localhost", "127.0.0.1"] {
            let parameters = format!(
                "sslmode=verify-full&sslrootcert={}&channel_binding=require",
                authority.file()
            );
            assert_eq!(
                connect(&network.url(host, "oms", &parameters)).await,
                Ok(true)
            );
        }
    }
}

#[tokio::test]
async fn an_untrusted_server_is_refused_with_a_clear_message() {
    let ours = Authority::new(KeyKind::P256);
    let signed = ours.sign("server", &LOCAL, Validity::Current);
    let network = Network::start(&ours, &signed).await;
    let file = ours.file();
    let full = format!("sslmode=verify-full&sslrootcert={file}");
    let ca = format!("sslmode=verify-ca&sslrootcert={file}");
    let url = |parameters: &str| network.url("localhost", "oms", parameters);
    assert_eq!(connect(&url(&full)).await, Ok(true));
    assert_eq!(connect(&url(&ca)).await, Ok(true));
    assert_eq!(connect(&url("sslmode=require")).await, Ok(true));

    let other = ours.sign("server", &["DNS:db.example"], Validity::Current);
    network.present(&other).await;
    let wrong_host = refused(&url(&full)).await;
    assert!(wrong_host.contains("the certificate of the server is not for localhost, but for"));
    assert!(wrong_host.contains("db.example"), "{wrong_host}");
    assert_eq!(connect(&url(&ca)).await, Ok(true));

    let theirs = Authority::new(KeyKind::P256);
    network
        .present(&theirs.sign("server", &LOCAL, Validity::Current))
        .await;
    let unknown = format!(
        "no TLS connection: the certificate of localhost is not signed by a certificate authority of {file}"
    );
    for parameters in [
        full.clone(),
        ca.clone(),
        format!("sslmode=require&sslrootcert={file}"),
    ] {
        let refused = refused(&url(&parameters)).await;
        assert!(refused.ends_with(&unknown), "{refused}");
    }
    let of_system = refused(&url("sslmode=verify-full")).await;
    assert!(of_system.ends_with("not signed by a certificate authority of this machine"));
    assert_eq!(connect(&url("sslmode=require")).await, Ok(true));

    network
        .present(&ours.sign("server", &LOCAL, Validity::Expired))
        .await;
    for parameters in [full, ca] {
        let expired = refused(&url(&parameters)).await;
        assert!(
            expired.ends_with("the certificate of localhost has expired"),
            "{expired}"
        );
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_and_never_receives_the_password() {
    let server = PrivateServer::start().await;
    let (_, address) = server.url().rsplit_once('@').unwrap();
    for mode in ["require", "verify-full"] {
        let url = format!("postgres://oms:hunter2@{address}?sslmode={mode}");
        let refused = refused(&url).await;
        assert!(
            refused.contains("127.0.0.1 does not offer TLS"),
            "{refused}"
        );
        let migrating = migrations::migrate(&url).await.unwrap_err().to_string();
        assert!(
            migrating.contains("127.0.0.1 does not offer TLS"),
            "{migrating}"
        );
    }
    let plain = server.url().to_owned() + "?sslmode=disable";
    assert_eq!(connect(&plain).await, Ok(false));
}

#[tokio::test]
async fn a_login_that_the_server_rejects_is_reported_with_its_own_message() {
    let authority = Authority::new(KeyKind::P256);
    let signed = authority.sign("server", &LOCAL, Validity::Current);
    let network = Network::start(&authority, &signed).await;
    let tls = format!("sslmode=verify-full&sslrootcert={}", authority.file());
    let encrypted = refused(&network.url("localhost", "plain", &tls)).await;
    assert!(encrypted.contains("no pg_hba.conf entry"), "{encrypted}");
    assert!(encrypted.contains("SSL encryption"), "{encrypted}");
    let plain = network.url("127.0.0.1", "plain", "sslmode=disable");
    assert_eq!(connect(&plain).await, Ok(false));
    let plain = refused(&network.url("127.0.0.1", "oms", "sslmode=disable")).await;
    assert!(plain.contains("no encryption"), "{plain}");
}

#[tokio::test]
async fn a_client_can_authenticate_with_a_certificate() {
    let authority = Authority::new(KeyKind::Rsa);
    let of_server = authority.sign("server", &LOCAL, Validity::Current);
    let network = Network::start(&authority, &of_server).await;
    let root = authority.file();
    let as_client = |signed: &Signed| {
        let Signed {
            certificate_file,
            key_file,
            ..
        } = signed;
        let parameters = format!(
            "sslmode=verify-full&sslrootcert={root}&sslcert={certificate_file}&sslkey={key_file}"
        );
        network.url("localhost", "certified", &parameters)
    };
    let certified = authority.sign("certified", &[], Validity::Current);
    assert_eq!(connect(&as_client(&certified)).await, Ok(true));

    let somebody = authority.sign("somebody", &[], Validity::Current);
    let mismatch = refused(&as_client(&somebody)).await;
    assert!(
        mismatch.contains("certificate authentication failed"),
        "{mismatch}"
    );
    let bare = format!("sslmode=verify-full&sslrootcert={root}");
    let bare = refused(&network.url("localhost", "certified", &bare)).await;
    assert!(bare.contains("client certificate"), "{bare}");
}
