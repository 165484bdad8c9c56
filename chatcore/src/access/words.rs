//! The words of the policy.

use std::fmt;

/// An enum of plain words, with the list of all of them, so that none can be missing in it.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$case_doc])* $case,)+
        }

        impl $name {
            /// Every one, in the order of the policy.
            pub const ALL: &'static [Self] = &[$(Self::$case),+];

            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::access::UnknownWord;

            fn from_str(word: &str) -> Result<Self, crate::access::UnknownWord> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word).ok_or(crate::access::UnknownWord)
            }
        }
    };
}
pub(crate) use words;

/// A word that names no action, relation or scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownWord;

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the policy does not know this word")
    }
}

impl std::error::Error for UnknownWord {}
