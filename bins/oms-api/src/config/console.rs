//! The settings of the console.

use super::Environment;
use super::reader::Reader;

/// The settings of a console that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConsoleConfig {
    /// The origin under which operators open it, such as `https://oms.example.com`.
    pub(crate) origin: String,
}

impl ConsoleConfig {
    /// Reads the settings. Without `OMS_CONSOLE` the console is served in development, and in production if its URL is
    /// set: a cookie over plain http must be meant.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        environment: Environment,
        host: &str,
        port: u16,
    ) -> Option<Self> {
        const URL: &str = "OMS_CONSOLE_URL";
        let url = reader.url_nearby(URL, environment);
        let default = match (environment, &url) {
            (Environment::Production, None) => "off",
            _ => "on",
        };
        let is_served = reader.parsed("OMS_CONSOLE", default, |text| match text {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err("must be on or off".to_owned()),
        });
        let origin = match url.as_deref().map(origin_of) {
            Some(Some(origin)) => origin,
            Some(None) => {
                reader.problem(URL, "must be an origin, such as https://oms.example.com");
                return None;
            }
            None if environment == Environment::Development => format!("http://{host}:{port}"),
            None => {
                if is_served {
                    reader.problem(URL, "is required with OMS_CONSOLE=on in production");
                }
                return None;
            }
        };
        is_served.then_some(Self { origin })
    }
}

/// The origin that a URL is, without the slash at its end. `None` if it has a path, or anything else.
fn origin_of(url: &str) -> Option<String> {
    let origin = url.strip_suffix('/').unwrap_or(url);
    let (scheme, authority) = origin.split_once("://")?;
    let is_plain = !authority.is_empty() && !authority.contains(['/', '?', '#', '@']);
    // Browsers write the host of an origin in lower case, and leave out the usual port.
    let usual = match scheme {
        "https" => ":443",
        _ => ":80",
    };
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(usual).unwrap_or(&authority);
    is_plain.then(|| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        environment: Environment,
        given: &[(&str, &str)],
    ) -> Result<Option<String>, Vec<String>> {
        let variable = |name: &str| {
            let found = given.iter().find(|(given, _)| *given == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut reader = Reader::new(&variable);
        let config = ConsoleConfig::read(&mut reader, environment, "127.0.0.1", 3000);
        let finished = reader.finish(config.map(|config| config.origin));
        finished.map_err(|invalid| invalid.0)
    }

    #[test]
    fn development_has_a_console_and_production_one_with_a_url() {
        use Environment::{Development, Production};
        let here = Ok(Some("http://127.0.0.1:3000".to_owned()));
        assert_eq!(read(Development, &[]), here);
        assert_eq!(read(Development, &[("OMS_CONSOLE", "off")]), Ok(None));
        assert_eq!(read(Production, &[]), Ok(None));
        let url = ("OMS_CONSOLE_URL", "https://OMS.example.com:443/");
        let origin = Ok(Some("https://oms.example.com".to_owned()));
        assert_eq!(read(Production, &[url]), origin);
        assert_eq!(read(Production, &[url, ("OMS_CONSOLE", "off")]), Ok(None));
        let refused = read(Production, &[("OMS_CONSOLE", "on")]).unwrap_err();
        assert!(
            refused[0].contains("OMS_CONSOLE_URL is required"),
            "{refused:?}"
        );
    }

    #[test]
    fn the_url_is_an_origin_over_tls_or_on_this_machine() {
        use Environment::Production;
        for url in [
            "http://oms.example.com",
            "https://oms.example.com/console",
            "https://ann@oms.example.com",
            "https://",
            "oms.example.com",
        ] {
            assert!(
                read(Production, &[("OMS_CONSOLE_URL", url)]).is_err(),
                "{url}"
            );
        }
        let here = ("OMS_CONSOLE_URL", "http://localhost:3000");
        let origin = Ok(Some("http://localhost:3000".to_owned()));
        assert_eq!(read(Production, &[here]), origin);
        assert!(read(Production, &[("OMS_CONSOLE", "yes")]).is_err());
    }
}
