//! Keys and signed claims: modules and invocations, signing and verifying.
