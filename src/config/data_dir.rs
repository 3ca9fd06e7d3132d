//! Where `up` keeps the data of its private Redis, and other commands find it.

use std::path::PathBuf;

use clap::Args;

use super::SettingFault;

#[derive(Debug, Clone, Args)]
pub struct DataDir {
    /// Where the private Redis of `up` keeps its data; in the user's data directory if unset
    #[arg(long, env, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

impl DataDir {
    /// The directory, which need not exist.
    pub fn path(&self) -> Result<PathBuf, SettingFault> {
        let standard = || dirs::data_dir().map(|path| path.join("energy-pipeline"));
        let rule = "must be set, as there is no home directory";
        self.data_dir.clone().or_else(standard).ok_or_else(|| SettingFault::new("DATA_DIR", rule))
    }
}
