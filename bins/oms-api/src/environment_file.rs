//! The file `.env` of a developer's working folder.

use std::io::ErrorKind;

use anyhow::Context;

/// The one setting that the file can't make: it decides whether the file is read.
const ENVIRONMENT: &str = "OMS_ENV";

/// Sets what the file says and the environment does not, in development only. No other folder is searched.
///
/// # Errors
/// When the file can't be read, or sets `OMS_ENV`.
pub(crate) fn load() -> anyhow::Result<()> {
    if std::env::var_os(ENVIRONMENT).is_some_and(|set| !set.is_empty() && set != "development") {
        return Ok(());
    }
    let variables = match dotenvy::from_path_iter(".env") {
        Ok(variables) => variables,
        Err(dotenvy::Error::Io(error)) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context("can't read .env"),
    };
    for variable in variables {
        let (name, _) = variable.context("can't read .env")?;
        anyhow::ensure!(
            name != ENVIRONMENT,
            ".env must not set OMS_ENV: it is read in development only, so set OMS_ENV in the environment"
        );
    }
    dotenvy::from_path(".env").context("can't read .env")
}
