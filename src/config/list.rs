//! Lists of values in one setting.

use std::str::FromStr;

/// Values with commas between them. Not a list of Clap's: of an invalid value it would show that item only, which is not
/// the value of the variable.
#[derive(Debug, Clone)]
pub struct List<T>(Vec<T>);

impl<T: Clone> List<T> {
    /// The values of a setting; empty if it is unset.
    pub fn items(list: Option<&Self>) -> Vec<T> {
        list.map(|list| list.0.clone()).unwrap_or_default()
    }
}

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}
