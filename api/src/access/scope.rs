//! What a key permits.

use std::str::FromStr;

/// A set of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Send readings.
    Write,
    /// Read the sites and their readings.
    Read,
    /// See and change the inside of the pipeline: its state, dead letters, metrics.
    Operate,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Write, Self::Read, Self::Operate];

    /// The name in the keys file and in the OpenAPI document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::Operate => "operate",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl FromStr for Scope {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let scope = Self::ALL.into_iter().find(|scope| scope.name() == text);
        scope.ok_or("must be write, read or operate")
    }
}

/// The scopes of a key. No scope includes another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Whether the key has this scope.
    #[must_use]
    pub const fn contain(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether the key has none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the scopes.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Scope::ALL.into_iter().filter(move |scope| self.contain(*scope)).map(Scope::name)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scope_includes_another() {
        for granted in Scope::ALL {
            let scopes = Scopes::from_iter([granted]);
            let contained = Scope::ALL.into_iter().filter(|scope| scopes.contain(*scope));
            assert_eq!(contained.collect::<Vec<_>>(), [granted]);
            assert_eq!(scopes.names().collect::<Vec<_>>(), [granted.name()]);
        }
        assert!(Scopes::default().is_empty());
    }
}
