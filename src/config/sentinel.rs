//! User and password of the Sentinels.

use std::path::PathBuf;

use clap::Args;
use readings::store::{Password, SentinelLogin};

use super::SettingError;
use super::password::password;

const USER: &str = "REDIS_SENTINEL_USER";
const PASSWORD: &str = "REDIS_SENTINEL_PASSWORD";
const PASSWORD_FILE: &str = "REDIS_SENTINEL_PASSWORD_FILE";

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "the flags are named after them")]
pub struct SentinelSettings {
    /// ACL user of the Sentinels, with `REDIS_SENTINEL_PASSWORD_FILE`; their default user if unset. The user in the URL
    /// is that of the master
    #[arg(long, env, value_name = "USER")]
    redis_sentinel_user: Option<String>,
    /// Password of the Sentinels, which are sent none if unset; the one in the URL is that of the master. In the flag it
    /// is visible in the list of processes; use `REDIS_SENTINEL_PASSWORD_FILE`
    #[arg(long, env, value_name = "PASSWORD", hide_env_values = true)]
    redis_sentinel_password: Option<String>,
    /// File with the password of the Sentinels, read again for each connection, so that the password can be rotated
    #[arg(long, env, value_name = "FILE")]
    redis_sentinel_password_file: Option<PathBuf>,
}

impl SentinelSettings {
    /// What the Sentinels are sent.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub(super) fn login(&self) -> Result<Option<SentinelLogin>, SettingError> {
        let inline = self.redis_sentinel_password.as_ref();
        let file = self.redis_sentinel_password_file.as_deref();
        let user = self.redis_sentinel_user.clone();
        match password([PASSWORD, PASSWORD_FILE], inline, file)? {
            Password::FromUrl if user.is_some() => {
                Err(SettingError::new(USER, format!("needs {PASSWORD} or {PASSWORD_FILE}")))
            }
            Password::FromUrl => Ok(None),
            password => Ok(Some(SentinelLogin { user, password })),
        }
    }

    /// Checks that none is set for a server without Sentinels.
    ///
    /// # Errors
    /// Names a setting that is.
    pub(super) fn check_unused(&self) -> Result<(), SettingError> {
        let set = [
            (USER, self.redis_sentinel_user.is_some()),
            (PASSWORD, self.redis_sentinel_password.is_some()),
            (PASSWORD_FILE, self.redis_sentinel_password_file.is_some()),
        ];
        match set.into_iter().find(|(_, is_set)| *is_set) {
            Some((variable, _)) => Err(SettingError::new(
                variable,
                "needs a REDIS_URL that begins with redis+sentinel:// or rediss+sentinel://",
            )),
            None => Ok(()),
        }
    }
}
