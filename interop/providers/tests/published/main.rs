//! Providers of published SDKs, packed with the published tool, started and linked by a published client: they find in this
//! host what they were written for.

mod links;
mod process;
mod service;
mod stage;

/// Tests of these scenarios for every SDK, each with a lattice of its own on which the provider is packed and an actor runs.
macro_rules! scenarios {
    ($($of:ident: $($scenario:ident)+;)+) => {
        scenarios!(@ rpc_0_15 env!("CARGO_BIN_EXE_rpc_0_15"), $($of: $($scenario)+;)+);
        scenarios!(@ sdk_0_2 env!("CARGO_BIN_EXE_sdk_0_2"), $($of: $($scenario)+;)+);
    };
    (@ $sdk:ident $program:expr, $($of:ident: $($scenario:ident)+;)+) => {
        mod $sdk {
            $($(
                #[tokio::test]
                async fn $scenario() {
                    crate::$of::$scenario(&crate::stage::Stage::of($program).await).await;
                }
            )+)+
        }
    };
}

scenarios! {
    service: gets_a_bid is_started_and_listed answers_and_calls_back carries_large_payloads fails_with_reasons
        is_told_its_configuration;
    links: one_from_before_the_start_is_there changed_values_arrive a_deleted_one_is_gone_and_comes_back;
    process: ends_when_it_is_asked_to ends_with_its_host serves_again_when_it_is_killed;
}
