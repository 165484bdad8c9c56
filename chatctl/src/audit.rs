use std::str::FromStr;
use std::time::Duration;

use chat_client::{Client, Clock as _, PageQuery, SystemClock};
use chat_proto::model::{AuditEntry, AuditFields, AuditPerson, Page};
use chat_proto::{Timestamp, UserId};
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::access::Door;
use crate::exit::{Exit, Failure};
use crate::output::{Style, moment};
use crate::pages::Limit;
use crate::user;

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// What was done to accounts, sessions, invitations and keys, the newest first
    #[command(visible_alias = "ls")]
    List(List),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only what this person did or what was done to them: an id, user_..., or an address
    #[arg(long)]
    user: Option<String>,
    /// Only this, such as `user.role_changed`
    #[arg(long)]
    action: Option<String>,
    /// Only what is not older than this, such as 90m, 12h, 7d or 4w
    #[arg(long)]
    since: Option<Age>,
    #[command(flatten)]
    limit: Limit,
}

/// How long ago, at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Age(Duration);

impl Age {
    fn ago(self) -> Timestamp {
        let age = i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(SystemClock.now().as_millis().saturating_sub(age))
    }
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("{text:?} is no time such as 90m, 12h, 7d or 4w");
        let unit = text.chars().last().ok_or_else(expected)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return Err(expected()),
        };
        let count: u32 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| expected())?;
        Ok(Self(Duration::from_secs(u64::from(count) * seconds)))
    }
}

pub(crate) async fn run(audit: &Audit, door: &Door, style: &Style) -> Result<Exit, Failure> {
    let client = door.client().await?;
    match audit {
        Audit::List(args) => list(&client, args, style).await,
    }
}

async fn list(client: &Client, args: &List, style: &Style) -> Result<Exit, Failure> {
    let found = get(client, args).await?;
    let row = |entry: &AuditEntry| {
        let address = entry.address.map(|address| address.to_string()).unwrap_or_default();
        let device = entry.device.clone().unwrap_or_default();
        vec![
            moment(entry.at),
            entry.action.clone(),
            doer(entry),
            on(entry),
            changes(entry),
            address,
            device,
            entry.id.to_string(),
        ]
    };
    let rows: Vec<_> = found.items.iter().map(row).collect();
    let header = ["WHEN", "ACTION", "BY", "ON", "WHAT", "ADDRESS", "DEVICE", "ID"];
    style.list(&found, &header, &rows, "act")
}

async fn get(client: &Client, args: &List) -> Result<Page<AuditEntry>, Failure> {
    let user: Option<UserId> = match args.user.as_deref().map(|user| (user, user.parse())) {
        None => None,
        // Whoever is gone by now is found by their id all the same.
        Some((_, Ok(id))) => Some(id),
        Some((address, Err(_))) => Some(user::by_name(client, address).await?.id),
    };
    let oldest = args.since.map(Age::ago);
    let is_wanted = |entry: &AuditEntry| oldest.is_none_or(|oldest| entry.at >= oldest);
    let part = async |part: PageQuery| client.audit_log(user, args.action.as_deref(), &part).await;
    Ok(args.limit.get_while(part, is_wanted).await?)
}

/// By whom it was done: a person, a key, or the shop itself.
fn doer(entry: &AuditEntry) -> String {
    match (&entry.by, entry.via) {
        (Some(by), Some(_)) => format!("{} (by key)", named(by)),
        (Some(by), None) => named(by),
        (None, Some(key)) => key.to_string(),
        (None, None) => "-".to_owned(),
    }
}

fn named(person: &AuditPerson) -> String {
    format!("{} ({})", person.name, person.role)
}

/// What it was done to: a person where it was one, else the thing.
fn on(entry: &AuditEntry) -> String {
    let subject = &entry.subject;
    let person = subject.user.as_ref().map(named);
    let key = subject.api_key.map(|key| key.to_string());
    let invitation = subject.invitation.map(|invitation| invitation.to_string());
    let session = subject.session.map(|session| session.to_string());
    person.or(key).or(invitation).or(session).unwrap_or_default()
}

/// What changed, as `role: customer -> agent`.
fn changes(entry: &AuditEntry) -> String {
    let (before, after) = (values(&entry.before), values(&entry.after));
    let mut changes = Vec::new();
    for (name, was) in &before {
        let is = after.iter().find(|(other, _)| other == name).map(|(_, is)| &**is);
        changes.push(format!("{name}: {was} -> {}", is.unwrap_or("-")));
    }
    let is_new = |(name, _): &&(String, String)| before.iter().all(|(other, _)| other != name);
    changes.extend(after.iter().filter(is_new).map(|(name, is)| format!("{name}: {is}")));
    changes.join(", ")
}

/// The values that an entry names.
fn values(fields: &AuditFields) -> Vec<(String, String)> {
    let Ok(Value::Object(fields)) = serde_json::to_value(fields) else { return Vec::new() };
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    fields.into_iter().map(|(name, value)| (name, text(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_a_number_and_a_unit() {
        let seconds = |text: &str| text.parse::<Age>().map(|Age(age)| age.as_secs());
        assert_eq!(["90m", "12h", "7d", "4w", "5s"].map(seconds), [5_400, 43_200, 604_800, 2_419_200, 5].map(Ok));
        for wrong in ["", "d", "7", "-1d", "7 d", "7y", "7\u{e9}", "99999999999w"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
