//! Invocations between actors and providers: entities, signing, serving and calling.
