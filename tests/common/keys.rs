//! API keys, created as an operator creates them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::process::Ended;
use super::product::{Launch, launch};

/// A keys file of its test.
pub struct KeysFile {
    directory: TempDir,
}

impl KeysFile {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("keys.json")
    }

    /// A file with a key of this name and each scope, and their tokens.
    pub async fn with_scopes<const N: usize>(scopes: [&str; N]) -> (Self, [String; N]) {
        let keys = Self::new();
        let mut tokens = Vec::new();
        for scope in scopes {
            tokens.push(keys.create(&["--name", scope, "--scope", scope]).await);
        }
        (keys, tokens.try_into().unwrap())
    }

    /// Creates a key, and returns its token.
    pub async fn create(&self, arguments: &[&str]) -> String {
        let ended = keys_command("create", &self.path(), arguments).run().await;
        assert!(ended.status.success(), "{ended:?}");
        ended.stdout.trim_end().to_owned()
    }

    pub async fn revoke(&self, name: &str) -> Ended {
        keys_command("revoke", &self.path(), &[name]).run().await
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path()).unwrap()).unwrap()
    }

    /// Changes a member of a key, as an editor does.
    pub fn change(&self, name: &str, member: &str, value: Value) {
        let mut file = self.json();
        let keys = file["keys"].as_array_mut().unwrap();
        keys.iter_mut().find(|key| key["name"] == name).unwrap()[member] = value;
        self.write(&file.to_string());
    }

    pub fn write(&self, content: &str) {
        fs::write(self.path(), content).unwrap();
    }
}

/// `keys ACTION --keys-file FILE …`
pub fn keys_command(action: &str, file: &Path, arguments: &[&str]) -> Launch {
    let command = launch(&["keys", action, "--keys-file"]).arg(file);
    arguments.iter().fold(command, Launch::arg)
}

/// The secret of a token: all that follows the key's id. A secret may contain `_` as well.
pub fn secret_of(token: &str) -> &str {
    token.trim().splitn(3, '_').nth(2).unwrap()
}
