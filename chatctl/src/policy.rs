use chat_client::Client;
use chat_proto::Role;
use chat_proto::model::UserState;
use chat_proto::wire::Policy as Rules;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::access::Door;
use crate::exit::{Exit, Failure, print};
use crate::output::{Style, json};
use crate::user::{Who, find};

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Whether somebody may do something, and why; ends with 0 when they may, with 8 when not
    Can(Can),
    /// Everything that anybody may do, by role
    Matrix,
}

#[derive(Debug, Args)]
pub(crate) struct Can {
    /// A role, or an account: its id, user_..., or its address
    who: String,
    /// What they want to do, such as `post_message`: `chatctl policy matrix`
    action: String,
    /// As what to the conversation concerned: stranger, member, owner; without it, whether they may as any of these
    #[arg(long)]
    relation: Option<String>,
}

pub(crate) async fn run(policy: &Policy, door: &Door, style: &Style) -> Result<Exit, Failure> {
    let client = door.client().await?;
    match policy {
        Policy::Can(args) => can(&client, args, style).await,
        Policy::Matrix => matrix(&client.policy().await?, style),
    }
}

/// What `can --json` prints.
#[derive(Serialize)]
struct Verdict<'a> {
    allowed: bool,
    role: Role,
    action: &'a str,
    /// As what they may.
    relations: Vec<&'a str>,
    /// Why they may, or why they may not.
    because: Vec<&'a str>,
}

async fn can(client: &Client, args: &Can, style: &Style) -> Result<Exit, Failure> {
    let rules = client.policy().await?;
    let action = known("action", &args.action, &rules.actions())?;
    let relations = match &args.relation {
        Some(relation) => vec![known("relation", relation, &rules.relations())?],
        None => rules.relations(),
    };
    let (who, role, state) = subject(client, &args.who).await?;
    let mut verdict = Verdict { allowed: false, role, action, relations: Vec::new(), because: Vec::new() };
    if state == UserState::Active {
        for relation in &relations {
            if let Some(rule) = rules.rule(role, relation, action) {
                verdict.relations.push(relation);
                if !verdict.because.contains(&rule.because.as_str()) {
                    verdict.because.push(&rule.because);
                }
            }
        }
        verdict.allowed = !verdict.relations.is_empty();
    }
    let state = state.to_string();
    if !verdict.allowed {
        verdict.because.push(if state == "active" { "no row of the policy allows it" } else { &state });
    }
    // Not 1: a script must be able to tell "no" from "could not be asked".
    let exit = if verdict.allowed { Exit::Ok } else { Exit::Unhealthy };
    let printed = if style.json {
        json(&verdict)?
    } else {
        let says = sentence(&verdict, &who, args.relation.as_deref(), rules.relations().len());
        print(&format!("{}\n", crate::text::line(&says)), Exit::Ok)
    };
    Ok(if printed == Exit::Ok { exit } else { printed })
}

fn sentence(verdict: &Verdict<'_>, who: &str, relation: Option<&str>, relations: usize) -> String {
    let Verdict { allowed, action, relations: allowing, because, .. } = verdict;
    let because = because.join("; ");
    let standing = match relation {
        Some(relation) => format!(" as {relation}"),
        None if *allowed && allowing.len() < relations => format!(" as {}", allowing.join(" or ")),
        None => String::new(),
    };
    let (word, may) = if *allowed { ("Yes", "may") } else { ("No", "may not") };
    format!("{word}: {who} {may} {action}{standing} ({because}).")
}

/// Who is meant, what they are to the shop, and whether their account may be used.
async fn subject(client: &Client, who: &str) -> Result<(String, Role, UserState), Failure> {
    if let Ok(role) = who.parse::<Role>() {
        return Ok((role.to_string(), role, UserState::Active));
    }
    let account = find(client, &Who::named(who)).await?;
    Ok((format!("{} ({})", account.name, account.role), account.role, account.state))
}

fn known<'a>(kind: &str, word: &str, words: &[&'a str]) -> Result<&'a str, Failure> {
    let found = words.iter().find(|known| **known == word);
    found.copied().ok_or_else(|| Failure::usage(format!("There is no {kind} {word}; there are {}.", words.join(", "))))
}

fn matrix(rules: &Rules, style: &Style) -> Result<Exit, Failure> {
    let header: Vec<String> =
        std::iter::once("ACTION".to_owned()).chain(Role::ALL.iter().map(|role| role.as_str().to_uppercase())).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let relations = rules.relations();
    let row = |action: &&str| {
        let cell = |role: &Role| {
            let allows = |relation: &&&str| rules.rule(*role, relation, action).is_some();
            let allowing: Vec<&str> = relations.iter().filter(allows).copied().collect();
            match allowing.len() {
                0 => "-".to_owned(),
                all if all == relations.len() => "yes".to_owned(),
                _ => allowing.join(", "),
            }
        };
        std::iter::once((*action).to_owned()).chain(Role::ALL.iter().map(cell)).collect()
    };
    let rows: Vec<Vec<String>> = rules.actions().iter().map(row).collect();
    style.table(rules, &header, &rows, "action")
}
