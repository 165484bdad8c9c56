use proptest::prelude::*;

use super::*;

const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo"];
const MINUTE: i64 = 60_000;
/// A year that begins with January 2027: summer time comes and goes in it on both sides of the equator.
const YEAR: std::ops::Range<i64> = 1_798_761_600_000..1_830_297_600_000;

fn wishes(zone: &str, digest: Digest, quiet: Option<(u16, u16)>) -> NotificationPreferences {
    let time = |minutes| TimeOfDay::from_minutes(minutes).expect("a time of day");
    let quiet_hours = quiet.map(|(from, to)| QuietHours { from: time(from), to: time(to) });
    NotificationPreferences { digest, quiet_hours, time_zone: zone.to_owned(), ..NotificationPreferences::default() }
}

fn at(text: &str) -> Timestamp {
    let zoned: Zoned = text.parse().expect("a moment");
    Timestamp::from_millis(zoned.timestamp().as_millisecond())
}

fn due(zone: &str, digest: Digest, quiet: Option<(u16, u16)>, since: &str) -> String {
    let times = Times::of(&wishes(zone, digest, quiet));
    let due = times.due(Channel::Mail, at(since), Duration::from_mins(1));
    let local = times.local(due.at);
    format!("{}{}", local.strftime("%F %H:%M"), if due.together { " together" } else { "" })
}

const NIGHT: Option<(u16, u16)> = Some((22 * 60, 7 * 60));

#[test]
fn quiet_hours_go_over_midnight_and_over_daylight_saving() {
    let berlin = |since: &str| due("Europe/Berlin", Digest::Off, NIGHT, &format!("{since}[Europe/Berlin]"));
    assert_eq!(berlin("2027-01-15T21:58"), "2027-01-15 21:59");
    assert_eq!(berlin("2027-01-15T21:59"), "2027-01-16 07:00 together");
    assert_eq!(berlin("2027-01-16T03:00"), "2027-01-16 07:00 together");
    assert_eq!(berlin("2027-01-16T06:59"), "2027-01-16 07:00");
    // On the night of 28 March it is 3 o'clock after 2, on that of 31 October 2 o'clock again after 3.
    assert_eq!(berlin("2027-03-28T01:30"), "2027-03-28 07:00 together");
    assert_eq!(berlin("2027-10-31T00:30"), "2027-10-31 07:00 together");
    // An end that is left out is an hour later; one that comes twice is the first, and nothing begins again after it.
    let until_half_past_two = Some((23 * 60, 150));
    let berlin = |since| due("Europe/Berlin", Digest::Off, until_half_past_two, since);
    assert_eq!(berlin("2027-03-28T01:00[Europe/Berlin]"), "2027-03-28 03:30 together");
    assert_eq!(berlin("2027-10-31T01:00[Europe/Berlin]"), "2027-10-31 02:30 together");
    assert_eq!(berlin("2027-10-31T02:40+02:00[Europe/Berlin]"), "2027-10-31 02:41");
    assert_eq!(berlin("2027-10-31T02:10+01:00[Europe/Berlin]"), "2027-10-31 02:11", "the second one");
}

#[test]
fn digests_come_at_the_full_hour_and_in_the_morning() {
    let daily = |since| due("America/New_York", Digest::Daily, None, since);
    assert_eq!(daily("2027-06-01T08:58[America/New_York]"), "2027-06-01 09:00 together");
    assert_eq!(daily("2027-06-01T09:00[America/New_York]"), "2027-06-02 09:00 together");
    assert_eq!(daily("2027-03-13T12:00[America/New_York]"), "2027-03-14 09:00 together");
    let hourly = |since| due("Asia/Kolkata", Digest::Hourly, NIGHT, since);
    assert_eq!(hourly("2027-06-01T12:10[Asia/Kolkata]"), "2027-06-01 13:00 together");
    assert_eq!(hourly("2027-06-01T21:10[Asia/Kolkata]"), "2027-06-02 07:00 together");
    // Only mails are put together.
    let times = Times::of(&wishes("UTC", Digest::Daily, None));
    let push = times.due(Channel::Push, at("2027-06-01T12:00[UTC]"), Duration::from_secs(5));
    assert_eq!(push, Due { at: at("2027-06-01T12:00:05[UTC]"), together: false });
}

#[test]
fn a_zone_that_nobody_knows_is_utc() {
    assert!(zone("Europe/Atlantis").is_none());
    assert_eq!(due("Europe/Atlantis", Digest::Daily, None, "2027-06-01T12:00[UTC]"), "2027-06-02 09:00 together");
}

/// Whether the clock on the wall shows a time within the quiet hours: another definition than the one under test, the
/// same except within a day of a change of the offset.
fn is_quiet_on_the_wall(times: &Times, at: Timestamp) -> bool {
    let Some(QuietHours { from, to }) = times.quiet else { return false };
    let (from, to, now) = (clock(from), clock(to), times.local(at).time());
    if from < to { from <= now && now < to } else { now >= from || now < to }
}

fn offset_is_steady(times: &Times, at: Timestamp) -> bool {
    let two_days = 2 * 24 * 60 * MINUTE;
    let offset = |millis| times.local(Timestamp::from_millis(millis)).offset();
    offset(at.as_millis() - two_days) == offset(at.as_millis() + two_days)
}

fn any_digest() -> impl Strategy<Value = Digest> {
    prop_oneof![Just(Digest::Off), Just(Digest::Hourly), Just(Digest::Daily)]
}

fn any_quiet() -> impl Strategy<Value = Option<(u16, u16)>> {
    let pair = (0..TimeOfDay::DAY, 1..TimeOfDay::DAY).prop_map(|(from, long)| (from, (from + long) % TimeOfDay::DAY));
    proptest::option::of(pair)
}

proptest! {
    #[test]
    fn who_waits_is_told_late_enough_and_never_in_quiet_hours(
        zone in 0..ZONES.len(), digest in any_digest(), quiet in any_quiet(), since in YEAR, delay in 0_u64..120,
    ) {
        let times = Times::of(&wishes(ZONES[zone], digest, quiet));
        let since = Timestamp::from_millis(since);
        let delay = Duration::from_secs(delay);
        let due = times.due(Channel::Mail, since, delay);
        prop_assert!(due.at >= since.after(delay));
        prop_assert!(due.at <= since.after(delay + Duration::from_hours(51)), "it comes");
        prop_assert_eq!(times.quiet_until(due.at), None);
        prop_assert!(due.together || due.at == since.after(delay));
        if offset_is_steady(&times, since) && offset_is_steady(&times, due.at) {
            prop_assert!(!is_quiet_on_the_wall(&times, due.at));
            if digest == Digest::Off && due.at > since.after(delay) {
                let before = Timestamp::from_millis(due.at.as_millis() - MINUTE);
                prop_assert!(before < since.after(delay) || is_quiet_on_the_wall(&times, before), "and no later than it must");
            }
        }
    }

    #[test]
    fn who_waits_longer_is_told_no_later(
        zone in 0..ZONES.len(), digest in any_digest(), quiet in any_quiet(), since in YEAR, later in 0_i64..2_880,
    ) {
        let times = Times::of(&wishes(ZONES[zone], digest, quiet));
        let due = |millis| times.due(Channel::Mail, Timestamp::from_millis(millis), Duration::from_mins(1));
        let (first, second) = (due(since), due(since + later * MINUTE));
        prop_assert!(first.at <= second.at);
        // What comes through the same quiet hours, or for the same digest, is due at once.
        if first.together && (digest == Digest::Off || quiet.is_none()) && since + (later + 1) * MINUTE <= first.at.as_millis() {
            prop_assert_eq!(first, second);
        }
    }

    #[test]
    fn there_is_one_digest_a_day_at_the_most(zone in 0..ZONES.len(), since in YEAR) {
        let times = Times::of(&wishes(ZONES[zone], Digest::Daily, None));
        let first = times.due(Channel::Mail, Timestamp::from_millis(since), Duration::ZERO).at;
        let second = times.due(Channel::Mail, Timestamp::from_millis(first.as_millis() + 1), Duration::ZERO).at;
        prop_assert_eq!(times.local(first).time(), MORNING);
        prop_assert!(times.local(first).date() < times.local(second).date());
    }
}
