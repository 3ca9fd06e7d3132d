//! A password that is set by its text or by its file.

use std::path::{Path, PathBuf};

use readings::store::Password;

use super::SettingError;

/// The password of one of two variables, the latter of which names a file.
pub(super) fn password(
    [inline, from_file]: [&'static str; 2],
    password: Option<&String>,
    file: Option<&Path>,
) -> Result<Password, SettingError> {
    match (password, file) {
        (None, None) => Ok(Password::FromUrl),
        (Some(password), None) => Ok(Password::Inline(password.clone())),
        (None, Some(file)) => Ok(Password::FromFile(readable(from_file, file)?)),
        (Some(_), Some(_)) => {
            Err(SettingError::new(inline, format!("and {from_file} must not both be set")))
        }
    }
}

/// The file of a variable, if it can be read.
pub(super) fn readable(variable: &'static str, file: &Path) -> Result<PathBuf, SettingError> {
    std::fs::File::open(file).map(|_| file.to_owned()).map_err(|error| {
        let rule = format!("must be a file that can be read: {}: {error}", file.display());
        SettingError::new(variable, rule)
    })
}
