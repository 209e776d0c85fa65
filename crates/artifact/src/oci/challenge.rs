//! How a server asks who asks: the header `WWW-Authenticate` (RFC 9110, section 11.6.1).

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use super::told::shown;

/// One way in which a server lets itself be convinced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token, to be had from the realm for the service.
    Bearer {
        /// A URL.
        realm: String,
        /// As the token server knows the registry.
        service: Option<String>,
    },
}

/// Why a server cannot be convinced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unclear {
    /// It does not say how.
    Nothing,
    /// It names ways, none of which is known here.
    Unknown(String),
    /// It cannot be understood.
    Malformed(String),
}

impl Challenge {
    /// The challenge to answer: by a token, where the server lets one choose.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Unclear> {
        let mut found = Vec::new();
        for value in headers.get_all(WWW_AUTHENTICATE) {
            let text = String::from_utf8_lossy(value.as_bytes());
            found.extend(parse(&text).ok_or_else(|| Unclear::Malformed(shown(&text)))?);
        }
        choose(&found)
    }
}

fn choose(found: &[Named]) -> Result<Challenge, Unclear> {
    let named = |scheme: &str| found.iter().find(|named| named.scheme.eq_ignore_ascii_case(scheme));
    if let Some(bearer) = named("Bearer") {
        let realm = bearer.parameter("realm").ok_or_else(|| Unclear::Malformed(shown("Bearer without a realm")))?;
        return Ok(Challenge::Bearer {
            realm: realm.to_owned(),
            service: bearer.parameter("service").map(str::to_owned),
        });
    }
    match (named("Basic"), found) {
        (Some(_), _) => Ok(Challenge::Basic),
        (None, []) => Err(Unclear::Nothing),
        (None, _) => {
            let schemes: Vec<_> = found.iter().map(|named| format!("`{}`", named.scheme)).collect();
            Err(Unclear::Unknown(shown(&schemes.join(", "))))
        }
    }
}

/// A scheme and its parameters.
#[derive(Debug, Default)]
struct Named {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Named {
    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }
}

/// All challenges in one header; commas separate them as well as their parameters.
fn parse(text: &str) -> Option<Vec<Named>> {
    let (mut rest, mut found) = (text, Vec::<Named>::new());
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(found);
        }
        let word = word(&mut rest)?;
        match rest.trim_start_matches([' ', '\t']).strip_prefix('=') {
            Some(behind) => {
                rest = behind.trim_start_matches([' ', '\t']);
                found.last_mut()?.parameters.push((word, value(&mut rest)?));
            }
            None => found.push(Named { scheme: word, parameters: Vec::new() }),
        }
    }
}

/// Takes a word, which is not empty.
fn word(rest: &mut &str) -> Option<String> {
    let end = rest.find([' ', '\t', ',', '=', '"']).unwrap_or(rest.len());
    let (word, behind) = rest.split_at(end);
    *rest = behind;
    (!word.is_empty()).then(|| word.to_owned())
}

/// Takes a value, quoted or not.
fn value(rest: &mut &str) -> Option<String> {
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find([' ', '\t', ',', '"']).unwrap_or(rest.len());
        let (value, behind) = rest.split_at(end);
        *rest = behind;
        return Some(value.to_owned());
    };
    let (mut value, mut chars) = (String::new(), quoted.chars());
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => value.push(chars.next()?),
            other => value.push(other),
        }
    }
    *rest = chars.as_str();
    Some(value)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Result<Challenge, Unclear> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).expect("the value is one"));
        }
        Challenge::read(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>) -> Result<Challenge, Unclear> {
        Ok(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
    }

    #[test]
    fn what_registries_send() {
        let check = |values: &[&str], expect| assert_eq!(read(values), expect, "{values:?}");
        check(&[r#"Basic realm="Registry""#], Ok(Challenge::Basic));
        check(&["Basic"], Ok(Challenge::Basic));
        let hub =
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull""#;
        check(&[hub], bearer("https://auth.docker.io/token", Some("registry.docker.io")));
        check(&[r#"bearer REALM="https://a/t", error="invalid_token""#], bearer("https://a/t", None));
        check(&["Bearer realm=https://a/t,service=s"], bearer("https://a/t", Some("s")));
        check(&[r#"Bearer realm = "https://a/t" , service="a\"b,c""#], bearer("https://a/t", Some("a\"b,c")));
        check(&[r#"Basic realm="x", Bearer realm="https://a/t""#], bearer("https://a/t", None));
        check(&[r#"Basic realm="x""#, r#"Bearer realm="https://a/t""#], bearer("https://a/t", None));
        check(&["Negotiate abc==, Basic realm=x"], Ok(Challenge::Basic));
        check(&[r#"Bearer realm="https://a/t",service="""#], bearer("https://a/t", None));
    }

    #[test]
    fn what_cannot_be_answered() {
        let check = |values: &[&str], expect| assert_eq!(read(values), Err(expect), "{values:?}");
        let malformed = |text: &str| Unclear::Malformed(text.to_owned());
        check(&[], Unclear::Nothing);
        check(&[""], Unclear::Nothing);
        check(&[r#"Digest realm="x", nonce="y""#, "Negotiate"], Unclear::Unknown("`Digest`, `Negotiate`".to_owned()));
        check(&["Bearer"], malformed("Bearer without a realm"));
        check(&[r#"Bearer realm="""#], malformed("Bearer without a realm"));
        check(&[r#"Bearer realm="https://a"#], malformed(r#"Bearer realm="https://a"#));
        check(&[r#"realm="https://a""#], malformed(r#"realm="https://a""#));
        check(&[r#"="x""#], malformed(r#"="x""#));
        check(&[r#"Bearer realm="a\"#], malformed(r#"Bearer realm="a\"#));
    }
}
