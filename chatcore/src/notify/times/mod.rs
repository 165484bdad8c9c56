//! When somebody may be told of what waits for them: pure, so that a year of it can be tried in a second.

use std::time::Duration;

use chat_proto::model::{Digest, NotificationPreferences, QuietHours};
use chat_proto::{TimeOfDay, Timestamp};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};

use super::Channel;

/// When a daily digest comes, local time.
const MORNING: Time = Time::constant(9, 0, 0, 0);

/// The wishes of one person, as far as they concern time.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    zone: TimeZone,
    digest: Digest,
    quiet: Option<QuietHours>,
}

/// When something may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    /// With everything else that waits for them, as one.
    pub(crate) together: bool,
}

impl Times {
    /// A time zone that is not known any more counts as UTC: better at the wrong hour than never.
    pub(crate) fn of(wishes: &NotificationPreferences) -> Self {
        let zone = zone(&wishes.time_zone).unwrap_or(TimeZone::UTC);
        Self { zone, digest: wishes.digest, quiet: wishes.quiet_hours }
    }

    /// The earliest moment to tell of what has waited since `since`, by a channel that waits `delay` at least. Who waits
    /// longer is never told earlier, and all that waits through the same quiet hours, or for the same digest, is due at once.
    pub(crate) fn due(&self, channel: Channel, since: Timestamp, delay: Duration) -> Due {
        let soon = since.after(delay);
        let digest = if channel == Channel::Mail { self.digest } else { Digest::Off };
        let at = match digest {
            Digest::Off => soon,
            Digest::Hourly => self.next_hour(soon),
            Digest::Daily => self.next_morning(soon),
        };
        let calm = self.after_quiet_hours(at);
        Due { at: calm, together: digest != Digest::Off || calm != at }
    }

    /// The next full hour by the clock on the wall, or this moment if it is one.
    fn next_hour(&self, at: Timestamp) -> Timestamp {
        const HOUR: i64 = 60 * 60 * 1_000;
        let offset = i64::from(self.local(at).offset().seconds()) * 1_000;
        let into_hour = (at.as_millis() + offset).rem_euclid(HOUR);
        if into_hour == 0 { at } else { Timestamp::from_millis(at.as_millis() + HOUR - into_hour) }
    }

    /// The next morning, or this moment if it is one.
    fn next_morning(&self, at: Timestamp) -> Timestamp {
        let today = self.local(at).date();
        // The day after tomorrow for those who left out a day when they went over the date line.
        let mornings = (0..3).filter_map(|days| self.moment(today.checked_add(days.days()).ok()?, MORNING));
        mornings.into_iter().find(|morning| *morning >= at).unwrap_or(at)
    }

    /// When it is quiet no more, at this moment or after it.
    fn after_quiet_hours(&self, at: Timestamp) -> Timestamp {
        let mut calm = at;
        // Where a day loses an hour, quiet hours that leave out less than that reach into the next ones.
        for _ in 0..4 {
            match self.quiet_until(calm) {
                Some(end) => calm = end,
                None => break,
            }
        }
        calm
    }

    /// When the quiet hours end in which this moment lies. They are one stretch of time from their beginning to their end
    /// by the clock on the wall, so an hour that comes twice at the end of summer neither ends nor begins them twice.
    fn quiet_until(&self, at: Timestamp) -> Option<Timestamp> {
        let QuietHours { from, to } = self.quiet?;
        let today = self.local(at).date();
        let over_midnight = i32::from(to <= from);
        let stretch = |days: i32| {
            let first = today.checked_add(days.days()).ok()?;
            let last = first.checked_add(over_midnight.days()).ok()?;
            Some((self.moment(first, clock(from))?, self.moment(last, clock(to))?))
        };
        let around = (-2..=1).filter_map(stretch);
        around.filter(|(begins, ends)| (*begins..*ends).contains(&at)).map(|(_, ends)| ends).max()
    }

    fn local(&self, at: Timestamp) -> Zoned {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::MAX);
        at.to_zoned(self.zone.clone())
    }

    /// A time that a day leaves out is as much later as the clock was set forward; of one that comes twice it is the first.
    fn moment(&self, date: Date, time: Time) -> Option<Timestamp> {
        let moment = date.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp::from_millis(moment.timestamp().as_millisecond()))
    }
}

fn clock(time: TimeOfDay) -> Time {
    let part = |number: u16| i8::try_from(number).unwrap_or_default();
    Time::constant(part(time.minutes() / 60), part(time.minutes() % 60), 0, 0)
}

/// The time zone of this name.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

#[cfg(test)]
mod tests;
