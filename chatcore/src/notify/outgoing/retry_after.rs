//! How long an answer asks to wait (RFC 9110, 10.2.3).

use std::time::Duration;

use chat_proto::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// Nobody is waited for longer.
const LONGEST: Duration = Duration::from_hours(24);

/// Whether the day of the week is the right one is nobody's concern.
const DATES: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

/// Seconds, or a date.
pub(super) fn read(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // What is no number any more is very long.
        return Some(text.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    let date = DATES.parse_timestamp(text).ok()?.as_millisecond();
    Some(Duration::from_millis(u64::try_from(date - now.as_millis()).unwrap_or(0)).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood() {
        let now = Timestamp::from_millis(784_111_700_000);
        for (text, wait) in [
            ("120", Some(Duration::from_mins(2))),
            (" 0 ", Some(Duration::ZERO)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(Duration::from_secs(77))),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(Duration::ZERO)),
            ("Sun, 06 Nov 2094 08:00:00 GMT", Some(LONGEST)),
            ("99999999999999999999999", Some(LONGEST)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(read(text, now), wait, "{text:?}");
        }
    }
}
