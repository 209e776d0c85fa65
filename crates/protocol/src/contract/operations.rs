//! The operations of a contract, as an enum that knows their names.

/// Defines `Operation`: the operations of the interface whose name is given first.
macro_rules! operations {
    ($interface:literal; $($(#[$doc:meta])* $name:ident,)*) => {
        /// An operation of the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $($(#[$doc])* $name,)*
        }

        impl Operation {
            /// Every operation, in the interface file's order.
            pub const ALL: &[Operation] = &[$(Operation::$name,)*];

            /// The operation's name without its interface.
            pub fn name(self) -> &'static str {
                match self {
                    $(Operation::$name => stringify!($name),)*
                }
            }

            /// The operation as it stands in an invocation, behind its interface and a point.
            pub fn wire_name(self) -> String {
                format!("{}.{}", $interface, self.name())
            }

            /// The operation that an invocation names; a name without its interface is understood too.
            pub fn from_wire_name(name: &str) -> Option<Self> {
                let name = match name.rsplit_once('.') {
                    Some(($interface, name)) => name,
                    Some(_) => return None,
                    None => name,
                };
                Self::ALL.iter().copied().find(|operation| operation.name() == name)
            }
        }
    };
}
