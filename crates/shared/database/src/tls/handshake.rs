//! The TLS handshake, and error messages that explain why it failed.

use std::io;

use rustls::CertificateError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};

use super::Tls;
use super::protected::{Encrypted, Protected};

/// PostgreSQL's SSLRequest message: its length and a code that is no protocol version.
const REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// The connection can't be encrypted, and a retry would not help.
#[derive(Debug, thiserror::Error)]
#[error("no TLS connection: {0}")]
pub(crate) struct Refused(String);

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Tls {
    /// Requests TLS from the server and verifies its certificate.
    pub(crate) async fn protect<S>(
        &self,
        mut stream: S,
        host: &str,
    ) -> Result<Protected<S>, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        stream.write_all(&REQUEST).await?;
        stream.flush().await?;
        match stream.read_u8().await? {
            b'S' => {}
            b'N' => return Err(Refused(plaintext(host)).into()),
            _ => return Err(io::Error::other("the server rejected the TLS request").into()),
        }
        let connected = self.connector_for::<S>(host).connect(stream).await;
        let encrypted: Encrypted<S> = connected.map_err(|error| self.explain(error, host))?;
        Ok(Protected::Encrypted(Box::new(encrypted)))
    }

    fn connector_for<S>(
        &self,
        host: &str,
    ) -> <tokio_postgres_rustls::MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut connector = self.connector.clone();
        let Ok(connector) = MakeTlsConnect::<S>::make_tls_connect(&mut connector, host);
        connector
    }

    /// Explains a failed handshake. Network errors may be transient; errors that rustls reports about the server are
    /// not.
    fn explain(&self, error: io::Error, host: &str) -> Failure {
        let authorities = &self.authorities;
        let Some(cause) = error.get_ref().and_then(|it| it.downcast_ref()) else {
            return match error.kind() {
                io::ErrorKind::InvalidInput => {
                    Refused(format!("{host} is not a valid host name for a certificate")).into()
                }
                _ => error.into(),
            };
        };
        let rustls::Error::InvalidCertificate(certificate) = cause else {
            return Refused(format!("the handshake with {host} failed: {cause}")).into();
        };
        let text = match certificate {
            // The signature is wrong if another authority with the same name signed the certificate.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
                "the certificate of {host} is not signed by a certificate authority of {authorities}"
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("the certificate of {host} has expired")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                format!("the certificate of {host} is not valid yet")
            }
            CertificateError::NotValidForName => {
                format!("the certificate of the server is not for {host}")
            }
            CertificateError::NotValidForNameContext { presented, .. } => format!(
                "the certificate of the server is not for {host}, but for {}",
                presented.join(", ")
            ),
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => format!(
                "the certificate of {host} belongs to a certificate authority: use a server certificate that it signed"
            ),
            other => format!("the certificate of {host} is not valid: {other}"),
        };
        Refused(text).into()
    }
}

fn plaintext(host: &str) -> String {
    format!(
        "{host} does not offer TLS: enable it on the server (ssl = on), or set sslmode=disable on a trusted network"
    )
}
