//! Durations and sizes, written with their unit.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use chatcore::Rate;

/// A length of time such as `30s`, `12h` or `7d`, at most ten years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

/// An amount of memory such as `16KiB` or `64MiB`, at most 1024 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(usize);

/// So many in so long, such as `600/m` or `5/10s`; or `off`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frequency(Option<Rate>);

/// A text that is no [`Period`] or no [`Size`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoUnit;

/// Milliseconds in each unit, the largest first.
const PERIODS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Bytes in each unit, the largest first.
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Far below the point where adding it to a clock overflows.
const LONGEST: u64 = 3_650 * 86_400_000;

const LARGEST: u64 = 1 << 40;

impl Period {
    /// As the standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Whether it has no length.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl Size {
    /// In bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Frequency {
    /// As the engine takes it; none when it is off.
    pub const fn get(self) -> Option<Rate> {
        self.0
    }
}

/// The number before a unit times the unit.
fn amount(text: &str, units: &[(&str, u64)], most: u64) -> Result<u64, NoUnit> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or(NoUnit)?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start()).ok_or(NoUnit)?;
    let number: u64 = number.parse().map_err(|_| NoUnit)?;
    number.checked_mul(*factor).filter(|amount| *amount <= most).ok_or(NoUnit)
}

/// Writes an amount with the largest unit that divides it.
fn write(f: &mut fmt::Formatter<'_>, amount: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fitting = units.iter().find(|(_, factor)| amount > 0 && amount.is_multiple_of(*factor));
    match fitting {
        Some((unit, factor)) => write!(f, "{}{unit}", amount / factor),
        None => write!(f, "0{}", units[units.len() - 1].0),
    }
}

impl FromStr for Period {
    type Err = NoUnit;

    fn from_str(text: &str) -> Result<Self, NoUnit> {
        amount(text, &PERIODS, LONGEST).map(|millis| Self(Duration::from_millis(millis)))
    }
}

impl FromStr for Size {
    type Err = NoUnit;

    fn from_str(text: &str) -> Result<Self, NoUnit> {
        let bytes = amount(text, &SIZES, LARGEST)?;
        usize::try_from(bytes).map(Self).map_err(|_| NoUnit)
    }
}

impl FromStr for Frequency {
    type Err = NoUnit;

    fn from_str(text: &str) -> Result<Self, NoUnit> {
        if text == "off" {
            return Ok(Self(None));
        }
        let (count, per) = text.split_once('/').ok_or(NoUnit)?;
        let count = count.trim().parse().ok().filter(|count: &NonZeroU32| count.get() <= 1_000_000).ok_or(NoUnit)?;
        let per = per.trim();
        let period: Period = per.parse().or_else(|_| format!("1{per}").parse())?;
        let per = Some(period.get()).filter(|per| !per.is_zero()).ok_or(NoUnit)?;
        Ok(Self(Some(Rate { count, per })))
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Rate { count, per }) = self.0 else { return f.write_str("off") };
        let per = Period(per).to_string();
        write!(
            f,
            "{count}/{}",
            per.strip_prefix('1').filter(|unit| !unit.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(&per)
        )
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), &PERIODS)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0 as u64, &SIZES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_and_written() {
        for (text, seconds, shown) in [
            ("30s", 30, "30s"),
            ("12h", 43_200, "12h"),
            ("7d", 604_800, "1w"),
            ("90 m", 5_400, "90m"),
            ("0s", 0, "0ms"),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!(period.get(), Duration::from_secs(seconds), "{text}");
            assert_eq!(period.to_string(), shown);
            assert_eq!(shown.parse(), Ok(period));
        }
        assert_eq!("250ms".parse::<Period>().unwrap().get(), Duration::from_millis(250));
    }

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [("16KiB", 16_384), ("1MiB", 1_048_576), ("3GiB", 3 << 30), ("100B", 100), ("0B", 0)] {
            let size: Size = text.parse().unwrap();
            assert_eq!(size.bytes(), bytes, "{text}");
            assert_eq!(size.to_string(), text);
        }
    }

    #[test]
    fn frequencies_are_read_and_written() {
        for (text, count, seconds, shown) in [
            ("600/m", 600, 60, "600/m"),
            ("5/10s", 5, 10, "5/10s"),
            ("30 / 1h", 30, 3_600, "30/h"),
            ("1/s", 1, 1, "1/s"),
            ("1/60s", 1, 60, "1/m"),
        ] {
            let frequency: Frequency = text.parse().unwrap();
            let rate = frequency.get().unwrap();
            assert_eq!((rate.count.get(), rate.per.as_secs()), (count, seconds), "{text}");
            assert_eq!(frequency.to_string(), shown);
            assert_eq!(shown.parse(), Ok(frequency));
        }
        assert_eq!("off".parse::<Frequency>().unwrap().get(), None);
        assert_eq!(Frequency::default().to_string(), "off");
        for text in ["", "600", "0/m", "600/", "/m", "m/600", "600/0s", "-1/s", "1.5/s", "9999999/s", "1/y", "none"] {
            assert_eq!(text.parse::<Frequency>(), Err(NoUnit), "{text}");
        }
    }

    #[test]
    fn a_number_without_a_unit_and_nonsense_are_refused() {
        for text in ["", "12", "h", "-1h", "1.5h", "1y", "12H", "99999999999999999999d", "3651d", "１s"] {
            assert_eq!(text.parse::<Period>(), Err(NoUnit), "{text}");
        }
        for text in ["", "16", "16KB", "16kib", "KiB", "-1B", "1025GiB", "99999999999GiB"] {
            assert_eq!(text.parse::<Size>(), Err(NoUnit), "{text}");
        }
    }
}
