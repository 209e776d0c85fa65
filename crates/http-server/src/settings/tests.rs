use super::*;

fn read(values: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::read(&values.iter().copied().collect())
}

fn settings(values: &[(&str, &str)]) -> Settings {
    read(values).expect("settings")
}

#[track_caller]
fn refused(values: &[(&str, &str)], expect: &str) {
    let error = read(values).expect_err("no settings").to_string();
    assert!(error.contains(expect) && !error.contains("secret"), "{error}");
}

#[test]
fn nothing_said_is_as_published() {
    let settings = settings(&[("unknown", "x")]);
    assert_eq!(settings.address.to_string(), "127.0.0.1:8000");
    assert_eq!((settings.max_content, settings.timeout, settings.tls), (10 << 20, None, None));
    assert_eq!(settings.path.shown(), "/");
}

#[test]
fn addresses() {
    let check = |values: &[(&str, &str)], expect| assert_eq!(settings(values).address.to_string(), expect);
    check(&[("address", "0.0.0.0:8080")], "0.0.0.0:8080");
    check(&[("ADDRESS", "[::1]:80")], "[::1]:80");
    check(&[("port", "8081")], "127.0.0.1:8081");
    check(&[("address", "0.0.0.0:8080"), ("PORT", "8081")], "127.0.0.1:8081");
    check(&[("config_json", r#"{"address":"1.2.3.4:5"}"#)], "1.2.3.4:5");
    check(&[("config_json", r#"{"address":"1.2.3.4:5","port":6}"#), ("address", "1.1.1.1:1")], "1.1.1.1:1");
    check(&[("config_json", r#"{"port":6}"#)], "127.0.0.1:6");
    // {"address":"4.3.2.1:5"}, with its padding and without.
    for text in ["eyJhZGRyZXNzIjoiNC4zLjIuMTo1In0=", "eyJhZGRyZXNzIjoiNC4zLjIuMTo1In0"] {
        check(&[("config_b64", text)], "4.3.2.1:5");
        check(&[("config_b64", text), ("config_json", r#"{"address":"1.2.3.4:5"}"#)], "1.2.3.4:5");
        check(&[("config_b64", text), ("config_json", "{}")], "4.3.2.1:5");
    }
}

#[test]
fn limits_and_tls() {
    let json = r#"{"timeout_ms":1500,"max_content_len":"5k","cors":{"allowed_origins":[]},"log":{},
        "tls":{"cert_file":"/c.pem","priv_key_file":"/k.pem"}}"#;
    let all = settings(&[("config_json", json)]);
    assert_eq!((all.timeout, all.max_content), (Some(Duration::from_millis(1500)), 5 << 10));
    assert_eq!(all.tls, Some(TlsFiles { certificate: "/c.pem".into(), key: "/k.pem".into() }));
    let plain =
        settings(&[("config_json", json), ("max_content_len", "7"), ("timeout_ms", "9"), ("max_requests", "3")]);
    assert_eq!((plain.timeout, plain.max_content, plain.max_requests), (Some(Duration::from_millis(9)), 7, 3));
    assert_eq!(settings(&[("config_json", r#"{"tls":{}}"#)]).tls, None);
}

#[test]
fn header_fields_are_set_by_link_values() {
    let fields = settings(&[("request_header.X-Greeting", "Good day"), ("REQUEST_HEADER.b", "2")]).headers;
    let shown: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
    assert_eq!(shown, ["b: 2", "x-greeting: Good day"]);
    for (key, value) in [("request_header.", "x"), ("request_header.a b", "x"), ("request_header.a", "secret\r\nb: c")]
    {
        refused(&[(key, value)], "is not a header field");
    }
    refused(&[("request_header.a", "secret é")], "`request_header.a`");
}

#[test]
fn what_cannot_be_used_is_named() {
    refused(&[("address", "8080")], "`address` must be an IP address and a port");
    refused(&[("address", "localhost:8080")], "`localhost:8080`");
    refused(&[("port", "65536")], "`port` must be a port");
    refused(&[("port", "80"), ("Port", "81")], "`port` is there twice");
    refused(&[("path", "api")], "`path` must be a path");
    for bad in ["up", "", "/up?x=1", "/apix", "/"] {
        refused(&[("path", "/api"), ("health_path", bad)], "lies below the link's `/api`, and not `");
    }
    refused(&[("timeout_ms", "0")], "`timeout_ms`");
    refused(&[("max_requests", "0")], "`max_requests`");
    refused(&[("max_content_len", "lots")], "`max_content_len` must be bytes");
    refused(&[("config_b64", "secret!")], "`config_b64` is not base64");
    refused(&[("config_b64", "c2VjcmV0")], "`config_b64` is not JSON of the right form at line 1");
    refused(&[("config_json", r#"{"address":["secret"]}"#)], "`config_json` is not JSON of the right form");
    refused(&[("config_json", r#"{"tls":{"cert_file":"/c.pem"}}"#)], "both `tls.cert_file` and");
    refused(&[("config_file", "/etc/x.json")], "`config_file` is not supported");
}
