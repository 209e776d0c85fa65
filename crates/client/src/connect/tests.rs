use super::*;

fn check_servers(url: &str, addresses: &[&str], login: Login) {
    let (servers, found) = servers(url).expect("a NATS URL");
    let shown: Vec<_> = servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
    assert_eq!(shown, addresses);
    assert_eq!(found, login);
    assert!(!format!("{servers:?}").contains("secret"), "{servers:?}");
}

#[test]
fn urls_give_addresses_and_login() {
    check_servers("127.0.0.1", &["127.0.0.1:4222"], Login::Nobody);
    check_servers("nats://a.example:7422, tls://[::1]", &["a.example:7422", "::1:4222"], Login::Nobody);
    check_servers("nats://secret-token@a", &["a:4222"], Login::Token("secret-token".to_owned().into()));
    let user = Login::User { name: "me".to_owned(), password: "secret@:%/é".to_owned().into() };
    check_servers("nats://me:secret%40%3a%25%2F%C3%A9@a:1,nats://b", &["a:1", "b:4222"], user);
}

#[test]
fn malformed_urls_are_refused_without_their_secrets() {
    for url in
        ["", "http://bob:secret@a", "nats://bob:secret@", "nats://bob:secret@a:port", "nats://bob:se@cret@a b", "a,"]
    {
        let error = servers(url).map(drop).expect_err(url);
        assert!(matches!(error, ConnectError::Url { .. }), "{error:?}");
        let shown = format!("{error} {error:?} {:?}", ConnectSettings::new(url));
        assert!(!shown.contains("cret") && !shown.contains("bob"), "{shown}");
    }
}

#[test]
fn percent_signs_that_escape_nothing_stay() {
    assert_eq!(percent_decoded("100%"), "100%");
    assert_eq!(percent_decoded("%zz%4"), "%zz%4");
}
