//! Times as claims write them: whole seconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second that a date with a four digit year can name.
const LAST_DATE: u64 = 253_402_300_799;

/// Seconds since 1970, 0 for every time before.
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A date and time in UTC as RFC 3339 writes it; a time too far off for that in seconds.
pub(crate) fn date(seconds: u64) -> String {
    if seconds > LAST_DATE {
        return format!("{seconds} s after 1970");
    }
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}

/// What people read for an expiry: `never`, or the time that is left or has passed, in its two largest units.
pub(crate) fn expiry_text(expires: Option<u64>, now: SystemTime) -> String {
    let now = unix_seconds(now);
    match expires {
        None => "never".to_owned(),
        Some(end) if end < now => format!("expired {} ago", span(now - end)),
        Some(end) => format!("in {}", span(end - now)),
    }
}

/// What people read for a begin of validity: `immediately`, or the time still to wait.
pub(crate) fn begin_text(not_before: Option<u64>, now: SystemTime) -> String {
    match not_before.and_then(|begin| begin.checked_sub(unix_seconds(now))) {
        None | Some(0) => "immediately".to_owned(),
        Some(wait) => format!("in {}", span(wait)),
    }
}

fn span(seconds: u64) -> String {
    let text = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn expiry_as_people_read_it() {
        assert_eq!(expiry_text(None, at(0)), "never");
        assert_eq!(expiry_text(Some(3 * 86400 + 7200 + 5), at(0)), "in 3days 2h");
        assert_eq!(expiry_text(Some(10), at(10)), "in 0s");
        assert_eq!(expiry_text(Some(10), at(75)), "expired 1m 5s ago");
    }

    #[test]
    fn begin_as_people_read_it() {
        assert_eq!(begin_text(None, at(5)), "immediately");
        assert_eq!(begin_text(Some(4), at(5)), "immediately");
        assert_eq!(begin_text(Some(65), at(5)), "in 1m");
    }

    #[test]
    fn dates_beyond_the_calendar_do_not_panic() {
        assert_eq!(date(1_700_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(date(LAST_DATE), "9999-12-31T23:59:59Z");
        assert_eq!(date(u64::MAX), "18446744073709551615 s after 1970");
        assert!(expiry_text(Some(u64::MAX), at(0)).starts_with("in "));
        assert_eq!(unix_seconds(UNIX_EPOCH - Duration::from_secs(9)), 0);
    }
}
