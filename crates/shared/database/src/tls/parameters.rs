//! The TLS parameters of a URL. The driver knows only `sslmode`, and not all of its values, so they are removed from
//! the URL before the driver sees it.

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::{Authorities, TlsMode};
use crate::connect::InvalidUrl;

/// The TLS parameters of a URL.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// `sslmode`.
    pub(crate) mode: Option<TlsMode>,
    authorities: Option<Authorities>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Parameters {
    /// Removes the parameters from a URL, and returns the rest of it. If a parameter is given twice, the last one
    /// applies.
    pub(crate) fn take(url: &str) -> Result<(String, Self), InvalidUrl> {
        // A password may contain a question mark.
        let credentials = url.find('@').unwrap_or(0);
        let Some(query) = url[credentials..].find('?') else {
            return Ok((url.to_owned(), Self::default()));
        };
        let (server, query) = url.split_at(credentials + query);
        let (mut taken, mut left) = (Self::default(), Vec::new());
        for parameter in query[1..].split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if !taken.set(name, value)? {
                left.push(parameter);
            }
        }
        let left = left.join("&");
        let separator = if left.is_empty() { "" } else { "?" };
        Ok((format!("{server}{separator}{left}"), taken))
    }

    /// Sets a parameter. Returns `false` if it isn't about TLS.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, InvalidUrl> {
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_| InvalidUrl(format!("the parameter {name} is not UTF-8")))?;
        match name {
            "sslmode" => self.mode = Some(parse_mode(&value)?),
            "sslrootcert" => {
                self.authorities = Some(match value.as_ref() {
                    "system" => Authorities::System,
                    path => Authorities::File(path.into()),
                });
            }
            "sslcert" => self.certificate = Some(value.as_ref().into()),
            "sslkey" => self.key = Some(value.as_ref().into()),
            "sslnegotiation" if value != "postgres" => {
                return Err(InvalidUrl("sslnegotiation must be postgres".to_owned()));
            }
            "sslnegotiation" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns what the server must prove. Without `sslmode` the connection is not encrypted, and the other parameters
    /// are errors.
    pub(super) fn mode(&self) -> Result<TlsMode, InvalidUrl> {
        let mode = self.mode.unwrap_or(TlsMode::Disable);
        let others = [
            ("sslrootcert", self.authorities.is_some()),
            ("sslcert", self.certificate.is_some()),
            ("sslkey", self.key.is_some()),
        ];
        match others.into_iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) if mode == TlsMode::Disable => Err(InvalidUrl(format!(
                "{name} needs sslmode=verify-full, verify-ca or require"
            ))),
            _ => Ok(mode),
        }
    }

    /// Returns the trusted authorities. As in libpq, `require` verifies the certificate if a file is named. The
    /// authorities of the operating system need `verify-full`, because they sign certificates for anybody, so that only
    /// the name identifies the server.
    pub(super) fn authorities(&self, mode: TlsMode) -> Result<Option<Authorities>, InvalidUrl> {
        match (mode, &self.authorities) {
            (TlsMode::Disable, _) | (TlsMode::Require, None) => Ok(None),
            (TlsMode::VerifyFull, None) => Ok(Some(Authorities::System)),
            (TlsMode::VerifyFull, given) => Ok(given.clone()),
            (_, Some(Authorities::File(path))) => Ok(Some(Authorities::File(path.clone()))),
            (TlsMode::Require | TlsMode::VerifyCa, _) => Err(InvalidUrl(
                "the authorities of the operating system need sslmode=verify-full: name a file with sslrootcert, or use \
                 verify-full"
                    .to_owned(),
            )),
        }
    }

    /// Returns the files of the client certificate and its key.
    pub(super) fn client(&self) -> Result<Option<(&Path, &Path)>, InvalidUrl> {
        match (&self.certificate, &self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            _ => Err(InvalidUrl(
                "sslcert and sslkey must be given together".to_owned(),
            )),
        }
    }
}

fn parse_mode(value: &str) -> Result<TlsMode, InvalidUrl> {
    match value {
        "disable" => Ok(TlsMode::Disable),
        "require" => Ok(TlsMode::Require),
        "verify-ca" => Ok(TlsMode::VerifyCa),
        "verify-full" => Ok(TlsMode::VerifyFull),
        _ => Err(InvalidUrl(
            "sslmode must be disable, require, verify-ca or verify-full".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(url: &str) -> (String, Parameters) {
        Parameters::take(url).unwrap()
    }

    #[test]
    fn tls_parameters_are_removed_from_the_url() {
        let (rest, taken) = take(
            "postgres://oms:a?b@db/oms?connect_timeout=3&sslmode=verify-full&sslrootcert=%2Fetc%2Fmy%20ca.pem&options=-c%20a%3Db",
        );
        assert_eq!(
            rest,
            "postgres://oms:a?b@db/oms?connect_timeout=3&options=-c%20a%3Db"
        );
        assert_eq!(taken.mode, Some(TlsMode::VerifyFull));
        let file = Authorities::File("/etc/my ca.pem".into());
        assert_eq!(taken.authorities, Some(file));
        let (rest, _) = take("postgres://db/oms?sslmode=disable");
        assert_eq!(rest, "postgres://db/oms");
        let (rest, taken) = take("postgres://oms:a?sslmode=b@db/oms");
        assert_eq!(rest, "postgres://oms:a?sslmode=b@db/oms");
        assert_eq!(taken, Parameters::default());
    }

    #[test]
    fn the_authorities_of_the_system_are_trusted_only_if_the_name_is_verified() {
        let authorities = |query: &str| {
            let (_, taken) = take(&format!("postgres://db/oms?{query}"));
            taken.mode().and_then(|mode| taken.authorities(mode))
        };
        let file = Authorities::File("a.pem".into());
        assert_eq!(
            authorities("sslmode=verify-full"),
            Ok(Some(Authorities::System))
        );
        assert_eq!(
            authorities("sslmode=verify-full&sslrootcert=system"),
            Ok(Some(Authorities::System))
        );
        for mode in ["verify-full", "verify-ca", "require"] {
            let query = format!("sslmode={mode}&sslrootcert=a.pem");
            assert_eq!(authorities(&query), Ok(Some(file.clone())));
        }
        assert_eq!(authorities("sslmode=require"), Ok(None));
        for refused in [
            "sslmode=verify-ca",
            "sslmode=verify-ca&sslrootcert=system",
            "sslmode=require&sslrootcert=system",
        ] {
            let error = authorities(refused).unwrap_err();
            assert!(error.to_string().contains("verify-full"), "{error}");
        }
    }

    #[test]
    fn invalid_parameters_are_rejected() {
        for (query, name) in [
            ("sslmode=prefer", "sslmode must be"),
            ("sslmode=", "sslmode must be"),
            ("sslnegotiation=direct", "sslnegotiation must be"),
        ] {
            let error = Parameters::take(&format!("postgres://db/oms?{query}")).unwrap_err();
            assert!(error.to_string().starts_with(name), "{query}: {error}");
        }
        for query in [
            "sslrootcert=a.pem",
            "sslmode=disable&sslrootcert=system",
            "sslcert=a",
            "sslkey=a",
        ] {
            let (_, taken) = take(&format!("postgres://db/oms?{query}"));
            let error = taken.mode().unwrap_err().to_string();
            assert!(error.contains("needs sslmode="), "{query}: {error}");
        }
        let (_, taken) = take("postgres://db/oms?sslmode=require&sslcert=a");
        assert!(taken.client().is_err());
    }
}
