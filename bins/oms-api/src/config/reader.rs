//! Reads variables and collects their problems, so that all of them are reported together.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::Environment;

/// All problems of a configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidConfig(pub(crate) Vec<String>);

impl std::error::Error for InvalidConfig {}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} problem(s):", self.0.len())?;
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// Reads variables. An empty variable counts as not set.
pub(super) struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
    /// The defaults of the variables that were read, for the reference.
    pub(super) defaults: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            variable,
            problems: Vec::new(),
            defaults: BTreeMap::new(),
        }
    }

    fn note_default(&mut self, name: &str, default: impl fmt::Display) {
        self.defaults.insert(name.to_owned(), default.to_string());
    }

    /// The value, unless the variable is not set.
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|text| !text.is_empty())
    }

    /// The value or its default. Without a default the variable is required.
    pub(super) fn text(&mut self, name: &str, default: Option<&str>) -> String {
        self.note_default(name, default.unwrap_or("required"));
        match self.optional(name).or(default.map(str::to_owned)) {
            Some(text) => text,
            None => {
                self.problem(name, "is required");
                String::new()
            }
        }
    }

    /// A value that `parse` accepts, as it must accept `default`.
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        self.note_default(name, default);
        let given = self.optional(name).map(|text| parse(&text));
        match given {
            Some(Ok(value)) => return value,
            Some(Err(message)) => self.problem(name, &message),
            None => {}
        }
        parse(default).expect("the default is a valid value")
    }

    /// A whole number within a range.
    pub(super) fn number<T>(&mut self, name: &str, default: T, range: RangeInclusive<T>) -> T
    where
        T: Copy + FromStr + PartialOrd + fmt::Display,
    {
        self.note_default(name, default);
        let Some(text) = self.optional(name) else {
            return default;
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let (least, most) = (range.start(), range.end());
                self.problem(
                    name,
                    &format!("must be a whole number from {least} to {most}"),
                );
                default
            }
        }
    }

    /// A time in milliseconds within a range.
    pub(super) fn milliseconds(
        &mut self,
        name: &str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Duration {
        Duration::from_millis(self.number(name, default, range))
    }

    /// An http or https URL, unless the variable is not set. Production accepts https only.
    pub(super) fn url(&mut self, name: &str, environment: Environment) -> Option<String> {
        let url = self.optional(name)?;
        match environment {
            Environment::Production if !url.starts_with("https://") => {
                self.problem(name, "must be an https URL in production");
            }
            Environment::Development
                if !(url.starts_with("http://") || url.starts_with("https://")) =>
            {
                self.problem(name, "must be an http or https URL");
            }
            Environment::Development | Environment::Production => {}
        }
        Some(url)
    }

    /// An http or https URL, unless the variable is not set. Production accepts http only on this machine, where nobody
    /// can eavesdrop.
    pub(super) fn url_nearby(&mut self, name: &str, environment: Environment) -> Option<String> {
        let url = self.optional(name)?;
        let is_here = || {
            let authority = url.strip_prefix("http://")?.split(['/', '?', '#']).next()?;
            let host = match authority.strip_prefix('[') {
                Some(address) => address.split(']').next()?,
                None => authority.split(':').next()?,
            };
            let address = host.parse::<std::net::IpAddr>();
            let is_loopback = address.is_ok_and(|address| address.is_loopback());
            // Text before an `@` is a user name, even if it looks like a host.
            Some((host == "localhost" || is_loopback) && !authority.contains('@'))
        };
        match environment {
            Environment::Production if !url.starts_with("https://") && is_here() != Some(true) => {
                self.problem(
                    name,
                    "must be an https URL in production, or http on this machine",
                );
            }
            Environment::Development
                if !(url.starts_with("http://") || url.starts_with("https://")) =>
            {
                self.problem(name, "must be an http or https URL");
            }
            Environment::Development | Environment::Production => {}
        }
        Some(url)
    }

    /// Records a problem of a variable. The value is not repeated, because it may be a secret.
    pub(super) fn problem(&mut self, name: &str, message: &str) {
        self.problems.push(format!("{name} {message}"));
    }

    /// The configuration, if it has no problem.
    pub(super) fn finish<T>(self, config: T) -> Result<T, InvalidConfig> {
        if self.problems.is_empty() {
            Ok(config)
        } else {
            Err(InvalidConfig(self.problems))
        }
    }
}
