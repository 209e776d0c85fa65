//! Reading the file.
//!
//! Its values are looked at one by one and not by a derived reader, whose errors would repeat what they found.

use std::path::Path;

use data_encoding::{BASE64, BASE64_NOPAD};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use super::{
    super::{Credential, Place, Places, RegistryKind},
    DockerConfig, DockerError, Helper,
};

/// What is wrong, and where.
type Problem = (String, &'static str);

/// Reads what a file holds.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<DockerConfig, DockerError> {
    let root: Value = serde_json::from_slice(bytes)
        .map_err(|error| DockerError::NotJson { path: path.to_owned(), line: error.line() })?;
    let root = Wiped(root);
    let malformed = |(key, problem)| DockerError::Malformed { path: path.to_owned(), key, problem };
    read(path, &root.0).map_err(malformed)
}

/// A value whose texts are overwritten when it goes.
struct Wiped(Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(entries) => entries.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn read(path: &Path, root: &Value) -> Result<DockerConfig, Problem> {
    let root = root.as_object().ok_or_else(|| ("its content".to_owned(), "is no map"))?;
    let helpers = map(root, "credHelpers")?.into_iter().flatten();
    let helpers = helpers.map(|(name, helper)| named_helper("credHelpers", name, helper));
    let store = text(root, "credsStore").map_err(|problem| ("`credsStore`".to_owned(), problem))?;
    let store = store.map(|name| Helper::new(name).map_err(|problem| ("`credsStore`".to_owned(), problem)));
    Ok(DockerConfig {
        path: path.to_owned(),
        places: auths(root)?,
        helpers: helpers.collect::<Result<_, _>>()?,
        store: store.transpose()?,
    })
}

fn named_helper(section: &str, name: &str, helper: &Value) -> Result<(Place, Helper), Problem> {
    let place = place(section, name)?;
    let at = |problem| (format!("`{section}` of {place}"), problem);
    let helper = helper.as_str().ok_or("is no text").and_then(Helper::new).map_err(at)?;
    Ok((place, helper))
}

/// What stands in the file itself. Of several names of one place the first counts, those without a scheme coming first.
fn auths(root: &Map<String, Value>) -> Result<Places, Problem> {
    let mut entries: Vec<_> = map(root, "auths")?.into_iter().flatten().collect();
    entries.sort_by_key(|(name, _)| name.contains("://"));
    let mut places = Places::default();
    for (name, entry) in entries {
        let place = place("auths", name)?;
        let credential = credential(entry).map_err(|problem| (format!("`auths` of {place}"), problem))?;
        if let Some(credential) = credential {
            places.add_missing(RegistryKind::Oci, place, credential);
        }
    }
    Ok(places)
}

fn place(section: &str, name: &str) -> Result<Place, Problem> {
    name.parse().map_err(|error| (format!("a key of `{section}` ({error})"), "is no registry"))
}

/// The credential of an entry; none in one that only says that a program keeps it.
fn credential(entry: &Value) -> Result<Option<Credential>, &'static str> {
    let entry = match entry {
        Value::Null => return Ok(None),
        entry => entry.as_object().ok_or("is no map")?,
    };
    if let Some(token) = text(entry, "identitytoken")? {
        return Ok(Some(Credential::Identity(token.to_owned())));
    }
    if let Some(token) = text(entry, "registrytoken")? {
        return Ok(Some(Credential::Token(token.to_owned())));
    }
    match (text(entry, "auth")?, text(entry, "username")?, text(entry, "password")?) {
        (Some(auth), _, _) => decoded(auth).map(Some),
        (None, Some(username), Some(password)) => {
            Ok(Some(Credential::Basic { username: username.to_owned(), password: password.to_owned() }))
        }
        _ => Ok(None),
    }
}

/// `user:password` in base 64.
fn decoded(auth: &str) -> Result<Credential, &'static str> {
    const NOT_ENCODED: &str = "has an `auth` that is not in base 64";
    let auth = auth.trim().as_bytes();
    let decoded = BASE64.decode(auth).or_else(|_| BASE64_NOPAD.decode(auth)).map(Zeroizing::new);
    let decoded = decoded.map_err(|_| NOT_ENCODED)?;
    let decoded = std::str::from_utf8(&decoded).map_err(|_| "has an `auth` that is no text")?;
    let (username, password) = decoded.split_once(':').ok_or("has an `auth` without a colon after the user's name")?;
    // Some tools pad it with zeros.
    let password = password.trim_end_matches('\0');
    Ok(Credential::Basic { username: username.to_owned(), password: password.to_owned() })
}

fn map<'a>(root: &'a Map<String, Value>, key: &str) -> Result<Option<&'a Map<String, Value>>, Problem> {
    match root.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_object().map(Some).ok_or_else(|| (format!("`{key}`"), "is no map")),
    }
}

/// A text that is there and not empty.
fn text<'a>(entry: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, &'static str> {
    match entry.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err("is or holds something that is no text where a text has to be"),
    }
}
