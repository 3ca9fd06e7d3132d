//! The API key of `import`. It is in no flag: every user of the machine can list the arguments of a process.

use std::ffi::OsString;
use std::path::Path;

use import::{ApiKey, ImportArguments};

use super::SettingError;

/// The file with the key, also a flag.
const FILE: &str = "IMPORT_API_KEY_FILE";
/// The key itself, for jobs that get their secrets as variables.
const KEY: &str = "IMPORT_API_KEY";

/// The key in the file, else the one in `IMPORT_API_KEY`; `None` without either.
///
/// # Errors
/// When the file cannot be read or has no key in it, or the URL has a password: both need the same header.
pub fn import_api_key(arguments: &ImportArguments) -> Result<Option<ApiKey>, SettingError> {
    let (variable, key) = match arguments.api_key_file() {
        Some(file) => (FILE, Some(in_file(file)?)),
        None => (KEY, in_variable(std::env::var_os(KEY))?),
    };
    if key.is_some() && arguments.has_url_credentials() {
        let rule =
            "and a password in the URL must not both be set: one header, Authorization, has either";
        return Err(SettingError::new(variable, rule));
    }
    Ok(key)
}

fn in_file(file: &Path) -> Result<ApiKey, SettingError> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let rule = format!("must be a file that can be read: {}: {error}", file.display());
        SettingError::new(FILE, rule)
    })?;
    ApiKey::parse(&text)
        .map_err(|rule| SettingError::new(FILE, format!("{}: {rule}", file.display())))
}

/// An empty variable counts as unset, as every setting.
fn in_variable(value: Option<OsString>) -> Result<Option<ApiKey>, SettingError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let key = ApiKey::parse(&value.to_string_lossy());
    key.map(Some).map_err(|rule| SettingError::new(KEY, rule))
}
