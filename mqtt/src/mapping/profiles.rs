//! The built-in profiles: each file of `mqtt/profiles` is one, named after the file.

use rust_embed::RustEmbed;

use super::error::ProfileError;

/// The files, in the program.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/profiles"]
struct Files;

const EXTENSION: &str = ".toml";

/// The names of all built-in profiles.
#[must_use]
pub fn profile_names() -> Vec<String> {
    let mut names: Vec<_> =
        Files::iter().filter_map(|file| file.strip_suffix(EXTENSION).map(str::to_owned)).collect();
    names.sort();
    names
}

/// The text of a profile.
pub(super) fn text(name: &str) -> Result<String, ProfileError> {
    let file = Files::get(&format!("{name}{EXTENSION}"));
    let unknown =
        || ProfileError::Unknown { name: name.to_owned(), known: profile_names().join(", ") };
    let file = file.ok_or_else(unknown)?;
    Ok(String::from_utf8_lossy(&file.data).into_owned())
}
