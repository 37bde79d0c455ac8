//! The things of the service and their rules, without HTTP, without a database and without a clock.

/// An enum whose values have names, as stored and as shown.
macro_rules! named {
    ($(#[$about:meta])* $type:ident { $($(#[$doc:meta])* $value:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $type {
            $($(#[$doc])* #[serde(rename = $name)] $value,)+
        }

        impl $type {
            /// All values.
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// As stored and as shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }

            /// The value of this name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == name)
            }
        }
    };
}

pub mod attempts;
pub mod bucket;
pub mod change;
pub mod event;
pub mod hint;
pub mod idempotency;
pub mod listing;
pub mod mail;
pub mod password;
pub mod relation;
pub mod result;
pub mod run;
pub mod session;
pub mod state;
pub mod task;
pub mod timestamp;
pub mod usage;
pub mod user;
