use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// A day in UTC. As text its date: `2026-11-26`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The day of a moment.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(i32::try_from(at.as_millis().div_euclid(DAY_MILLIS)).unwrap_or(i32::MAX))
    }

    /// The day that is so many days after 1970-01-01.
    #[must_use]
    pub const fn from_number(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Years beyond 9999 have no such form; such a day shows the last one that has.
        let first = jiff::civil::Date::constant(1970, 1, 1);
        let date = jiff::Span::new().try_days(self.0).and_then(|days| first.checked_add(days));
        write!(f, "{}", date.unwrap_or(jiff::civil::Date::MAX))
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        let date: jiff::civil::Date = text.parse()?;
        let days = date.since((jiff::Unit::Day, jiff::civil::Date::constant(1970, 1, 1)))?.get_days();
        Ok(Self(days))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
crate::wire::schema::text_schema!(Day, "A day in UTC.", "2026-11-22");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_utc() {
        let midnight: Timestamp = "2026-11-26T00:00:00.000Z".parse().unwrap();
        assert_eq!(Day::of(midnight).to_string(), "2026-11-26");
        assert_eq!(Day::of(Timestamp::from_millis(midnight.as_millis() - 1)).to_string(), "2026-11-25");
        assert_eq!(Day::of(Timestamp::from_millis(-1)).to_string(), "1969-12-31");
    }

    #[test]
    fn a_day_is_read_as_it_is_written() {
        for number in [-719_528, -1, 0, 20_783, 2_932_896] {
            let day = Day::from_number(number);
            assert_eq!(day.to_string().parse::<Day>().unwrap(), day);
        }
        assert_eq!(Day::from_number(i32::MAX).to_string(), "9999-12-31");
        assert!("2026-02-30".parse::<Day>().is_err() && "yesterday".parse::<Day>().is_err());
    }
}
