//! TLS to PostgreSQL, configured by libpq's URL parameters.

mod handshake;
mod parameters;
mod protected;
mod verifiers;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(crate) use handshake::Refused;
pub(crate) use parameters::Parameters;
pub(crate) use protected::Protected;
use verifiers::{AnyName, Anybody};

use crate::connect::InvalidUrl;

/// What the server must prove before data is sent to it: `sslmode` of the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsMode {
    /// The connection is not encrypted.
    Disable,
    /// The connection is encrypted, but the server's identity is not verified.
    Require,
    /// The server needs a certificate of a trusted authority, for any name.
    VerifyCa,
    /// The server needs a certificate of a trusted authority for the host of the URL.
    VerifyFull,
}

/// The trusted certificate authorities: `sslrootcert` of the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authorities {
    /// The authorities of the operating system.
    System,
    /// The authorities in a file.
    File(PathBuf),
}

/// Encrypts connections.
pub(crate) struct Tls {
    connector: MakeRustlsConnect,
    /// The trusted authorities, as text for error messages.
    authorities: String,
}

impl Tls {
    /// Reads the files that the parameters name. `None` if the connection is not to be encrypted.
    pub(crate) fn of(parameters: &Parameters) -> Result<Option<Arc<Self>>, InvalidUrl> {
        let mode = parameters.mode()?;
        if mode == TlsMode::Disable {
            return Ok(None);
        }
        let provider = Arc::new(default_provider());
        let authorities = parameters.authorities(mode)?;
        let verifier = verifier(mode, authorities.as_ref(), &provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| InvalidUrl(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match parameters.client()? {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates("sslcert", certificate)?;
                let private = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| unreadable("sslkey", key, &error))?;
                builder
                    .with_client_auth_cert(chain, private)
                    .map_err(|error| {
                        InvalidUrl(format!("sslcert and sslkey can't be used: {error}"))
                    })?
            }
        };
        Ok(Some(Arc::new(Self {
            connector: MakeRustlsConnect::new(config),
            authorities: match authorities {
                Some(Authorities::File(path)) => path.display().to_string(),
                Some(Authorities::System) | None => "this machine".to_owned(),
            },
        })))
    }
}

fn verifier(
    mode: TlsMode,
    authorities: Option<&Authorities>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, InvalidUrl> {
    let Some(authorities) = authorities else {
        return Ok(Arc::new(Anybody(provider.clone())));
    };
    let roots = Arc::new(roots(authorities)?);
    let strict = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
    let strict = strict
        .build()
        .map_err(|error| InvalidUrl(error.to_string()))?;
    match mode {
        TlsMode::VerifyFull => Ok(strict),
        TlsMode::Disable | TlsMode::Require | TlsMode::VerifyCa => Ok(Arc::new(AnyName(strict))),
    }
}

fn roots(authorities: &Authorities) -> Result<RootCertStore, InvalidUrl> {
    let mut store = RootCertStore::empty();
    match authorities {
        Authorities::File(path) => {
            for certificate in certificates("sslrootcert", path)? {
                store
                    .add(certificate)
                    .map_err(|error| unreadable("sslrootcert", path, &error))?;
            }
        }
        Authorities::System => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                return Err(InvalidUrl(
                    "this machine has no certificate authorities (Debian: the package ca-certificates): name a file with \
                     sslrootcert"
                        .to_owned(),
                ));
            }
        }
    }
    Ok(store)
}

fn certificates(parameter: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, InvalidUrl> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unreadable(parameter, path, &error))?;
    match certificates.is_empty() {
        true => Err(unreadable(parameter, path, &"it has no certificate")),
        false => Ok(certificates),
    }
}

fn unreadable(parameter: &str, path: &Path, cause: &dyn std::fmt::Display) -> InvalidUrl {
    InvalidUrl(format!(
        "{parameter}={} can't be read: {cause}",
        path.display()
    ))
}
