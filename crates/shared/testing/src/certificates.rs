//! Certificate authorities for single tests, created with the program `openssl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use uuid::Uuid;

/// The kind of an authority's keys, and the hash of its signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 2,048 bits, SHA-256.
    Rsa,
    /// ECDSA on P-256, SHA-256.
    P256,
    /// ECDSA on P-384, SHA-384.
    P384,
}

/// Whether a certificate is still valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Valid now.
    Current,
    /// Expired long ago.
    Expired,
}

/// A certificate authority. Dropping it deletes its files.
pub struct Authority {
    folder: PathBuf,
    kind: KeyKind,
}

/// A certificate and its key, as PEM, and their files, which exist until the authority is dropped.
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
    /// The path of the certificate's file.
    pub certificate_file: String,
    /// The path of the key's file.
    pub key_file: String,
}

const CONFIGURATION: &str = "
[ca]
default_ca = test
[test]
database = index
serial = serial
new_certs_dir = .
unique_subject = no
policy = any
[any]
commonName = supplied
";

impl Authority {
    /// Creates an authority.
    ///
    /// # Panics
    /// If `openssl` fails.
    pub fn new(kind: KeyKind) -> Self {
        Self::try_new(kind)
            .unwrap_or_else(|error| panic!("can't create a certificate authority: {error:#}"))
    }

    fn try_new(kind: KeyKind) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("oms-ca-{}", Uuid::now_v7().simple()));
        fs::create_dir(&folder)?;
        let authority = Self { folder, kind };
        for (name, text) in [
            ("configuration", CONFIGURATION),
            ("index", ""),
            ("serial", "01"),
        ] {
            fs::write(authority.path(name), text)?;
        }
        authority.make_key("authority.key")?;
        authority.openssl(
            "req -x509 -new -config /dev/null -subj /CN=authority -days 30 -key authority.key -out authority.pem \
             -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign",
        )?;
        Ok(authority)
    }

    /// Returns the path of its certificate's file.
    pub fn file(&self) -> String {
        self.path("authority.pem").display().to_string()
    }

    /// Returns its certificate, as PEM.
    ///
    /// # Panics
    /// If the file was deleted.
    pub fn certificate(&self) -> String {
        fs::read_to_string(self.path("authority.pem")).expect("it was written")
    }

    /// Creates a key, and signs a certificate for it with names such as `DNS:localhost`. `subject` is the common name.
    ///
    /// # Panics
    /// If `openssl` fails.
    pub fn sign(&self, subject: &str, names: &[&str], validity: Validity) -> Signed {
        self.try_to_sign(subject, names, validity)
            .unwrap_or_else(|error| panic!("can't sign a certificate: {error:#}"))
    }

    fn try_to_sign(
        &self,
        subject: &str,
        names: &[&str],
        validity: Validity,
    ) -> anyhow::Result<Signed> {
        let id = Uuid::now_v7().simple();
        let [key, request, certificate, extensions] =
            ["key", "csr", "pem", "ext"].map(|kind| format!("{id}.{kind}"));
        self.make_key(&key)?;
        let extension = match names {
            [] => String::new(),
            names => format!("subjectAltName = {}", names.join(",")),
        };
        fs::write(
            self.path(&extensions),
            format!("basicConstraints = CA:FALSE\n{extension}\n"),
        )?;
        self.openssl(&format!(
            "req -new -config /dev/null -subj /CN={subject} -key {key} -out {request}"
        ))?;
        let dates = match validity {
            Validity::Current => "-days 30",
            Validity::Expired => "-startdate 20200101000000Z -enddate 20200201000000Z",
        };
        let hash = match self.kind {
            KeyKind::Rsa | KeyKind::P256 => "sha256",
            KeyKind::P384 => "sha384",
        };
        self.openssl(&format!(
            "ca -batch -notext -config configuration -cert authority.pem -keyfile authority.key -md {hash} {dates} \
             -extfile {extensions} -in {request} -out {certificate}"
        ))?;
        let [certificate, key] = [certificate, key].map(|name| self.path(&name));
        Ok(Signed {
            certificate: fs::read_to_string(&certificate)?,
            key: fs::read_to_string(&key)?,
            certificate_file: certificate.display().to_string(),
            key_file: key.display().to_string(),
        })
    }

    fn make_key(&self, file: &str) -> anyhow::Result<()> {
        let kind = match self.kind {
            KeyKind::Rsa => "RSA -pkeyopt rsa_keygen_bits:2048",
            KeyKind::P256 => "EC -pkeyopt ec_paramgen_curve:P-256",
            KeyKind::P384 => "EC -pkeyopt ec_paramgen_curve:P-384",
        };
        self.openssl(&format!("genpkey -algorithm {kind} -out {file}"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn openssl(&self, arguments: &str) -> anyhow::Result<()> {
        let mut command = Command::new("openssl");
        command
            .args(arguments.split_whitespace())
            .current_dir(Path::new(&self.folder));
        let done = command.output().context("openssl can't be started")?;
        if !done.status.success() {
            bail!(
                "openssl {arguments}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        Ok(())
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
