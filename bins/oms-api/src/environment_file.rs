//! The file `.env` in a developer's working directory.

use std::io::ErrorKind;

use anyhow::Context;

/// The only setting that the file can't contain, because it decides whether the file is read.
const ENVIRONMENT: &str = "OMS_ENV";

/// Sets the variables of the file that the environment does not set. Development only. No other directory is searched.
///
/// # Errors
/// If the file can't be read, or sets `OMS_ENV`.
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
            ".env must not set OMS_ENV: the file is read in development only, so set OMS_ENV in the environment"
        );
    }
    dotenvy::from_path(".env").context("can't read .env")
}
