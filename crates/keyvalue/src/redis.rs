//! Keys in Redis, by the commands of the published provider.

use redis::{
    Client, Cmd, ErrorKind, FromRedisValue, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cmd,
};
use tokio::time::timeout;

use crate::{
    defaults::{ANSWER_LIMIT, CONNECT_LIMIT, CONNECT_PAUSE, CONNECT_RETRIES, OPEN_LIMIT},
    error::{OpenError, Trouble},
    settings::RedisPlace,
    storage::Storage,
};

/// A connection that restores itself, with many commands on their way at once.
pub(crate) struct Redis(ConnectionManager);

impl Redis {
    /// Connects, and is refused if the server does not answer.
    pub(crate) async fn open(place: &RedisPlace) -> Result<Self, OpenError> {
        // What the client says could repeat the URL, and that a password.
        let client = Client::open(place.url.as_str()).map_err(|_| OpenError::RedisUrl)?;
        let place = client.get_connection_info().addr().to_string();
        match timeout(OPEN_LIMIT, ConnectionManager::new_with_config(client, config())).await {
            Err(_) => Err(OpenError::TimedOut { place: format!("Redis at `{place}`"), limit: OPEN_LIMIT }),
            Ok(connected) => connected.map(Self).map_err(|source| OpenError::Redis { place, source }),
        }
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Trouble> {
        command.query_async(&mut self.0.clone()).await.map_err(trouble)
    }
}

fn config() -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_response_timeout(Some(ANSWER_LIMIT))
        .set_connection_timeout(Some(CONNECT_LIMIT))
        .set_number_of_retries(CONNECT_RETRIES)
        .set_max_delay(CONNECT_PAUSE)
}

/// What the client says of an answer that it did not expect repeats the answer, and what the server says of a command that it
/// does not know repeats the arguments: values, both of them.
fn trouble(error: RedisError) -> Trouble {
    if matches!(error.kind(), ErrorKind::UnexpectedReturnType | ErrorKind::Parse) {
        return Trouble::NoText;
    }
    let Some(code) = error.code() else { return Trouble::Unanswered { source: error } };
    let detail = error.detail().and_then(|detail| detail.split(", with args").next());
    Trouble::Refused { reason: format!("{code} {}", detail.unwrap_or_default()).trim_end().to_owned() }
}

impl Storage for Redis {
    async fn get(&self, key: &str) -> Result<Option<String>, Trouble> {
        self.ask(cmd("GET").arg(key)).await
    }

    async fn set(&self, key: &str, value: &str, expires: u32) -> Result<(), Trouble> {
        match expires {
            0 => self.ask(cmd("SET").arg(key).arg(value)).await,
            seconds => self.ask(cmd("SETEX").arg(key).arg(seconds).arg(value)).await,
        }
    }

    async fn contains(&self, key: &str) -> Result<bool, Trouble> {
        self.ask(cmd("EXISTS").arg(key)).await
    }

    async fn remove(&self, key: &str) -> Result<bool, Trouble> {
        self.ask(cmd("DEL").arg(key)).await
    }

    async fn increment(&self, key: &str, by: i32) -> Result<i32, Trouble> {
        let sum: i64 = self.ask(cmd("INCRBY").arg(key).arg(by)).await?;
        i32::try_from(sum).map_err(|_| Trouble::SumStays)
    }

    async fn list_add(&self, key: &str, value: &str) -> Result<u32, Trouble> {
        self.ask(cmd("RPUSH").arg(key).arg(value)).await
    }

    async fn list_remove(&self, key: &str, value: &str) -> Result<bool, Trouble> {
        self.ask(cmd("LREM").arg(key).arg(1).arg(value)).await
    }

    async fn list_range(&self, key: &str, start: i32, stop: i32) -> Result<Vec<String>, Trouble> {
        self.ask(cmd("LRANGE").arg(key).arg(start).arg(stop)).await
    }

    async fn set_add(&self, key: &str, value: &str) -> Result<u32, Trouble> {
        self.ask(cmd("SADD").arg(key).arg(value)).await
    }

    async fn set_remove(&self, key: &str, value: &str) -> Result<u32, Trouble> {
        self.ask(cmd("SREM").arg(key).arg(value)).await
    }

    async fn members(&self, key: &str) -> Result<Vec<String>, Trouble> {
        self.ask(cmd("SMEMBERS").arg(key)).await
    }

    async fn union(&self, keys: &[String]) -> Result<Vec<String>, Trouble> {
        self.ask(cmd("SUNION").arg(keys)).await
    }

    async fn intersection(&self, keys: &[String]) -> Result<Vec<String>, Trouble> {
        self.ask(cmd("SINTER").arg(keys)).await
    }
}
