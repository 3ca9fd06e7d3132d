//! The data directory of the private Redis: `up` writes it, other commands find the server by it.

use std::path::PathBuf;

use clap::Args;

use super::SettingError;

#[derive(Debug, Clone, Args)]
pub struct DataDir {
    /// Data directory of the private Redis of `up`; `energy-pipeline` in the user's data directory if unset
    #[arg(long, env, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

impl DataDir {
    /// The directory, whether it exists or not.
    ///
    /// # Errors
    /// When it is unset and the user has no home directory.
    pub fn path(&self) -> Result<PathBuf, SettingError> {
        let standard = || dirs::data_dir().map(|path| path.join("energy-pipeline"));
        let rule = "must be set, as there is no home directory";
        self.data_dir.clone().or_else(standard).ok_or_else(|| SettingError::new("DATA_DIR", rule))
    }
}
