//! References to modules, fetching them, checking their claims, and the cache keyed by digest.
