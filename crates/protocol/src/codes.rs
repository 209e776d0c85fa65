//! [`codes!`]: kinds of failures, each said once: what it means, and its name in messages.

/// Defines an enum of codes, a constant with all of them, and their names. After `+` may stand one more variant: codes of another
/// enum, which are not among those of the constant.
macro_rules! codes {
    (
        $(#[$about:meta])*
        pub enum $codes:ident {
            $($(#[$about_code:meta])* $code:ident = $name:literal,)+
            $(+ $(#[$about_others:meta])* $others:ident($of:ty),)?
        }
        $(#[$about_all:meta])*
        pub const $all:ident;
    ) => {
        $(#[$about])*
        pub enum $codes {
            $($(#[$about_code])* $code,)+
            $($(#[$about_others])* $others($of),)?
        }

        impl $codes {
            $(#[$about_all])*
            pub const $all: &[$codes] = &[$($codes::$code,)+];

            /// The code's name, as it stands in messages.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($codes::$code => $name,)+
                    $($codes::$others(code) => code.as_str(),)?
                }
            }
        }
    };
}
pub(crate) use codes;
