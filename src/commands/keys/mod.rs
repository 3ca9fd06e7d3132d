//! `keys`: creates, lists and revokes API keys.

mod editable_file;
mod table;

use std::io::{self, Write};

use anyhow::{Context, bail, ensure};
use api::access::{ApiKey, KeyId, Secret, Token};

use self::editable_file::EditableFile;
use crate::config::{KeysAction, KeysArguments, NewKey};
use crate::console;

/// Creates, lists or revokes.
///
/// # Errors
/// When the file cannot be read or written or is invalid, the name exists, or the key to revoke does not.
pub fn run(arguments: KeysArguments) -> anyhow::Result<()> {
    match arguments.action {
        KeysAction::Create(key) => create(*key),
        KeysAction::List { file } => {
            let keys = EditableFile::read(&file.path)?;
            table::lines(&keys).iter().for_each(console::print);
            Ok(())
        }
        KeysAction::Revoke { key, file } => {
            let mut file = EditableFile::open(&file.path)?;
            let removed = file.remove(&key);
            let Some(removed) = removed else {
                bail!("there is no key with the name or id {key} in {}", file.shown())
            };
            file.write()?;
            console::eprint(format_args!("revoked key {} ({})", removed.name, removed.id));
            Ok(())
        }
    }
}

fn create(new: NewKey) -> anyhow::Result<()> {
    let mut file = EditableFile::open_or_create(&new.file.path)?;
    let is_known = |key: &ApiKey| key.name == new.name;
    ensure!(!file.keys().iter().any(is_known), "a key named {} exists already", new.name);
    let secret = Secret::generate().context("the system has no random source")?;
    let key = ApiKey {
        id: KeyId::generate().context("the system has no random source")?,
        name: new.name,
        secret: Some(secret.digest()),
        certificate_name: new.certificate_name,
        scopes: new.scopes.into_iter().collect(),
        sites: new.sites,
        expires: new.expires,
        rate: new.rate,
    };
    let (id, name) = (key.id.clone(), key.name.clone());
    file.add(key);
    file.write()?;
    let token = Token { id: id.as_str(), secret };
    // Not `console::print`, which ignores a closed output: the secret would be lost.
    writeln!(io::stdout(), "{token}").with_context(|| {
        format!("cannot print the secret of key {name}: revoke it, and create another")
    })?;
    let shown = file.shown();
    console::eprint(format_args!(
        "created key {name} ({id}) in {shown}; its secret is displayed this once"
    ));
    Ok(())
}
