//! Certificate authorities of a test's own, made with the program `openssl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use uuid::Uuid;

/// The kind of a key, and the hash that certificates are signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 2,048 bits, SHA-256.
    Rsa,
    /// ECDSA on P-256, SHA-256.
    P256,
    /// ECDSA on P-384, SHA-384.
    P384,
}

/// How old a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It can be used.
    Current,
    /// It could be used, a long time ago.
    Expired,
}

/// A certificate authority. Its files end with the value.
pub struct Authority {
    folder: PathBuf,
    kind: KeyKind,
}

/// A certificate and its key, as PEM, and where they are while the authority is.
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
    /// The file of the certificate.
    pub certificate_file: String,
    /// The file of the key.
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
    /// Makes one.
    ///
    /// # Panics
    /// When `openssl` does not work.
    pub fn new(kind: KeyKind) -> Self {
        Self::try_new(kind).unwrap_or_else(|error| panic!("can't make an authority: {error:#}"))
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

    /// The file of its certificate.
    pub fn file(&self) -> String {
        self.path("authority.pem").display().to_string()
    }

    /// Its certificate, as PEM.
    ///
    /// # Panics
    /// When the file is gone.
    pub fn certificate(&self) -> String {
        fs::read_to_string(self.path("authority.pem")).expect("it was written")
    }

    /// Signs a new key for names, such as `DNS:localhost`; `subject` is the common name.
    ///
    /// # Panics
    /// When `openssl` does not work.
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
