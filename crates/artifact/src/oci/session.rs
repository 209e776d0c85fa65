//! Asking one server about one repository: authentication, which is answered when it is asked for.

use std::time::Duration;

use data_encoding::BASE64;
use reqwest::{
    Response, StatusCode,
    header::{HeaderMap, HeaderValue},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Shared,
    ask::Ask,
    body,
    challenge::{Challenge, Unclear},
    error::OciError,
    exchange::{Answer, follow},
    patience::Tries,
    place::OciPlace,
    realm::Realm,
    refusal::{Asker, check},
    site::Site,
    tokens::{Access, Authorization},
};
use crate::{
    credentials::Credential,
    defaults::{LONGEST_TOKEN_LIFETIME, MAX_TOKEN_ANSWER, TOKEN_LIFETIME},
};

/// One server that is asked about one repository.
#[derive(Clone, Copy)]
pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    pub(super) site: &'a Site,
    pub(super) access: Access,
}

/// The answer of a token server (Docker Registry, "Token Authentication Specification"; `access_token` is OAuth's name).
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<Value>,
}

impl Session<'_> {
    /// The tries that one question has.
    pub(super) fn tries(&self) -> Tries {
        Tries::new(self.shared.patience, self.site.is_mirror)
    }

    /// The answer to one question, if it is a success; asked once, or twice if the server wants to know who asks.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Response, OciError> {
        let credential = self.site.credential(&self.shared.credentials).await;
        let known = self.shared.tokens.get(self.site.key(), self.access, credential.as_ref());
        let answer = self.follow(ask, known.as_ref()).await?;
        let shown = known.is_some() || credential.is_none();
        let Some(asking) = self.who_asks(&answer, shown).await? else {
            return self.check(answer, ask, credential.as_ref(), known.as_ref()).await;
        };
        self.shared.tokens.forget(self.site.key(), self.access);
        let Some(authorization) = self.authorize(&asking, credential.as_ref()).await? else {
            return self.check(answer, ask, None, known.as_ref()).await;
        };
        let header = authorization.header.clone();
        let answer = self.follow(ask, Some(&header)).await?;
        if !asks_who(&answer) {
            self.shared.tokens.put(self.site.key(), self.access, credential.clone(), authorization);
        }
        self.check(answer, ask, credential.as_ref(), Some(&header)).await
    }

    /// How the server asks who asks, if it does. Some say that there is nothing where they do not know who asks: such a one is
    /// asked for nothing in particular if there is something to show that was not `shown` yet, which is where the distribution
    /// specification has clients begin.
    async fn who_asks(&self, answer: &Answer, shown: bool) -> Result<Option<HeaderMap>, OciError> {
        if asks_who(answer) {
            return Ok(Some(answer.response.headers().clone()));
        }
        let hides = matches!(answer.response.status(), StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
        if shown || !answer.is_home || !hides {
            return Ok(None);
        }
        let answer = self.follow(&Ask::version(self.site.root()), None).await?;
        Ok(asks_who(&answer).then(|| answer.response.headers().clone()))
    }

    async fn follow(&self, ask: &Ask, authorization: Option<&HeaderValue>) -> Result<Answer, OciError> {
        follow(&self.shared.web, &self.site.place, ask, authorization).await
    }

    async fn check(
        &self,
        answer: Answer,
        ask: &Ask,
        credential: Option<&Credential>,
        header: Option<&HeaderValue>,
    ) -> Result<Response, OciError> {
        let asker = Asker { secrets: secrets(credential, header), has_credential: credential.is_some() };
        check(answer, ask.subject, &asker, self.shared.web.silence()).await
    }

    /// What convinces the server that wants to know who asks; none, if there is nothing to show that it would take.
    async fn authorize(
        &self,
        asking: &HeaderMap,
        credential: Option<&Credential>,
    ) -> Result<Option<Authorization>, OciError> {
        let challenge = Challenge::read(asking).map_err(|unclear| self.unclear(unclear))?;
        match (challenge, credential) {
            (_, Some(Credential::Token(token))) => self.standing(bearer(token)).map(Some),
            (Challenge::Basic, Some(Credential::Basic { username, password })) => {
                self.standing(basic(username, password)).map(Some)
            }
            (Challenge::Basic, None | Some(Credential::Identity(_))) => Ok(None),
            (Challenge::Bearer { realm, service }, credential) => {
                self.token(&realm, service.as_deref(), credential).await.map(Some)
            }
        }
    }

    /// Credentials hold until they are replaced.
    fn standing(&self, header: Option<HeaderValue>) -> Result<Authorization, OciError> {
        let header = header.ok_or_else(|| OciError::BadCredentials { place: self.site.place.clone() })?;
        Ok(Authorization { header, lifetime: LONGEST_TOKEN_LIFETIME })
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        credential: Option<&Credential>,
    ) -> Result<Authorization, OciError> {
        let realm = Realm::parse(realm).ok_or_else(|| self.unclear(Unclear::Malformed(super::told::shown(realm))))?;
        let login = self.login(&realm, credential)?;
        let place = self.site.place.at(&realm.server());
        let url = realm.url(service, &self.access.scope(&self.site.repository));
        let ask = match credential {
            Some(Credential::Identity(token)) => Ask::refresh(url, token),
            _ => Ask::token(url),
        };
        let answer = follow(&self.shared.web, &place, &ask, login.as_ref()).await?;
        let response = self.check(answer, &ask, credential, login.as_ref()).await?;
        let answer =
            body::read(&self.shared.web, &place, response, MAX_TOKEN_ANSWER, "the token server's answer").await?;
        read_token(&answer, place)
    }

    /// What the token server is shown, if it may be shown that.
    fn login(&self, realm: &Realm, credential: Option<&Credential>) -> Result<Option<HeaderValue>, OciError> {
        let place = || self.site.place.clone();
        if !realm.is_allowed(&self.shared.web) {
            return Err(OciError::InsecureRealm { place: place(), realm: realm.server() });
        }
        if !matches!(credential, Some(Credential::Basic { .. } | Credential::Identity(_))) {
            return Ok(None);
        }
        if !realm.belongs_to(self.site, &self.shared.settings.token_servers) {
            return Err(OciError::ForeignRealm { place: place(), realm: realm.server() });
        }
        let Some(Credential::Basic { username, password }) = credential else {
            return Ok(None);
        };
        basic(username, password).map(Some).ok_or_else(|| OciError::BadCredentials { place: place() })
    }

    fn unclear(&self, unclear: Unclear) -> OciError {
        let place = self.site.place.clone();
        match unclear {
            Unclear::Nothing => OciError::NoChallenge { place },
            Unclear::Unknown(schemes) => OciError::UnknownChallenge { place, schemes },
            Unclear::Malformed(challenge) => OciError::MalformedChallenge { place, challenge },
        }
    }
}

/// Only who was asked may ask back.
fn asks_who(answer: &Answer) -> bool {
    answer.is_home && answer.response.status() == StatusCode::UNAUTHORIZED
}

fn read_token(answer: &[u8], place: OciPlace) -> Result<Authorization, OciError> {
    // What serde says of it could repeat the token.
    let answer = serde_json::from_slice(answer)
        .ok()
        .and_then(|TokenAnswer { token, access_token, expires_in }| Some((token.or(access_token)?, expires_in)));
    let (token, expires_in) = answer.ok_or_else(|| OciError::MalformedToken { place: place.clone() })?;
    let header = bearer(&token).ok_or(OciError::BadToken { place })?;
    let lifetime = expires_in.and_then(|seconds| seconds.as_u64()).map_or(TOKEN_LIFETIME, Duration::from_secs);
    Ok(Authorization { header, lifetime })
}

fn bearer(token: &str) -> Option<HeaderValue> {
    (!token.is_empty()).then(|| sensitive(&format!("Bearer {token}")))?
}

/// A colon in the name would move the border to the password (RFC 7617, section 2).
fn basic(username: &str, password: &str) -> Option<HeaderValue> {
    let pair = BASE64.encode(format!("{username}:{password}").as_bytes());
    (!username.contains(':')).then(|| sensitive(&format!("Basic {pair}")))?
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What no error may repeat.
fn secrets<'a>(credential: Option<&'a Credential>, header: Option<&'a HeaderValue>) -> Vec<&'a str> {
    let secret = credential.map(|credential| match credential {
        Credential::Basic { password, .. } => password.as_str(),
        Credential::Token(token) | Credential::Identity(token) => token.as_str(),
    });
    let sent = header.and_then(|header| header.to_str().ok()?.split_once(' ')).map(|(_, secret)| secret);
    secret.into_iter().chain(sent).collect()
}
