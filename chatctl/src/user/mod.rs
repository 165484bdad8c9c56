mod ending;
mod several;

use chat_client::Client;
use chat_proto::model::{User as Account, UserState};
use chat_proto::wire::{NewUser, PatchUser};
use chat_proto::{Role, UserId};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use crate::access::Door;
use crate::exit::{Exit, Failure};
use crate::output::{Style, moment};
use crate::pages::Limit;
use crate::sign_in::new_password;
use ending::{delete, reset_password};
use several::each;

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// The accounts, by role and name
    #[command(visible_alias = "ls")]
    List(List),
    /// One account, and where it is signed in
    Show(Who),
    /// Make an account with a password; mostly it is better to invite
    Create(Create),
    /// Invite somebody, who chooses a name and a password themselves
    Invite(Invite),
    /// Give an account another role; it is signed out everywhere
    Role(ChangeRole),
    /// Let nobody sign in to these accounts; they are signed out everywhere
    Disable(Several),
    /// Let these accounts be used again
    Enable(Several),
    /// Take an account back for good; what was written in it stays, under the name "Deleted user"
    #[command(visible_alias = "rm")]
    Delete(Delete),
    /// Let somebody set a new password: prints a token for them, good once, within 24 hours
    ResetPassword(Who),
    /// Where an account is signed in
    Sessions(Who),
    /// Sign these accounts out everywhere
    RevokeSessions(Several),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those of this role: admin, agent, customer, designer, merchant
    #[arg(long)]
    role: Option<Role>,
    /// Only those in this state
    #[arg(long)]
    state: Option<State>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Active,
    Disabled,
    Deleted,
}

#[derive(Debug, Args)]
pub(crate) struct Who {
    /// Their id, user_..., or their address
    pub(crate) user: String,
}

impl Who {
    pub(crate) fn named(user: &str) -> Self {
        Self { user: user.to_owned() }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Several {
    /// Their ids, user_..., or their addresses
    #[arg(required = true)]
    users: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    who: Who,
    /// Its name as it is shown, instead of being asked to type it; `--yes` is not enough here
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The address to sign in with
    pub(crate) email: String,
    /// What they are to the shop: admin, agent, customer, designer, merchant
    #[arg(long)]
    pub(crate) role: Role,
    /// How others see them named; the address up to its @ unless given
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Read the password from the first line of standard input, instead of asking for it
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Invite {
    /// The address of the account to be
    email: String,
    /// What they will be to the shop: admin, agent, customer, designer, merchant
    #[arg(long)]
    role: Role,
}

#[derive(Debug, Args)]
pub(crate) struct ChangeRole {
    #[command(flatten)]
    who: Who,
    /// What they are to the shop from now on: admin, agent, customer, designer, merchant
    role: Role,
}

pub(crate) async fn run(user: &User, door: &Door, style: &Style) -> Result<Exit, Failure> {
    let client = door.client().await?;
    match user {
        User::List(args) => list(&client, args, style).await,
        User::Show(who) => show(&find(&client, who).await?, style),
        User::Create(args) => create(&client, args, style).await,
        User::Invite(args) => invite(&client, args, style).await,
        User::Role(ChangeRole { who, role }) => {
            let account = find(&client, who).await?;
            if account.role == *role {
                return style.done(&account, &format!("{} is {role} already. Nothing was changed.", account.name));
            }
            style.confirm(&format!("{} becomes {role} and is signed out everywhere.", named(&account))).await?;
            let change = PatchUser { name: None, role: Some(*role) };
            let changed = client.change_user(account.id, &change).await?;
            style.done(&changed, &format!("{} is {role} now, instead of {}.", changed.name, account.role))
        }
        User::Disable(several) => {
            let change = async |account: Account| client.disable_user(account.id).await;
            let doubt = "Nobody can sign in as {} any more.";
            let says = |changed: &Account| {
                format!("Disabled {}. Take it back: chatctl user enable {}", changed.name, changed.id)
            };
            each(&client, several, Some(doubt), change, says, style).await
        }
        User::Enable(several) => {
            let change = async |account: Account| client.enable_user(account.id).await;
            each(&client, several, None, change, |changed| format!("{} can sign in again.", changed.name), style).await
        }
        User::Delete(args) => delete(&client, args, style).await,
        User::ResetPassword(who) => reset_password(&client, who, style).await,
        User::Sessions(who) => {
            let sessions = client.sessions_of(find(&client, who).await?.id).await?;
            let row = |session: &chat_proto::model::Session| {
                let device = session.device.clone().unwrap_or_default();
                let address = session.address.map(|address| address.to_string()).unwrap_or_default();
                vec![session.id.to_string(), moment(session.created_at), moment(session.last_used_at), address, device]
            };
            let rows: Vec<_> = sessions.items.iter().map(row).collect();
            style.table(&sessions, &["ID", "SINCE", "LAST USED", "ADDRESS", "DEVICE"], &rows, "session")
        }
        User::RevokeSessions(several) => {
            let change = async |account: Account| client.end_sessions_of(account.id).await.map(|()| account);
            let says = |account: &Account| format!("Signed {} out everywhere.", account.name);
            each(&client, several, Some("{} is signed out everywhere."), change, says, style).await
        }
    }
}

/// A list that was got in parts, in the form of one.
#[derive(Serialize)]
pub(crate) struct Items<'a, T> {
    pub(crate) items: &'a [T],
}

async fn list(client: &Client, args: &List, style: &Style) -> Result<Exit, Failure> {
    let state = args.state.map(|state| match state {
        State::Active => UserState::Active,
        State::Disabled => UserState::Disabled,
        State::Deleted => UserState::Deleted,
    });
    let found = args.limit.get(async |part| client.users(args.role, state, &part).await).await?;
    let row = |account: &Account| {
        let Account { id, email, name, role, state, created_at, .. } = account;
        vec![name.clone(), email.clone(), role.to_string(), state.to_string(), moment(*created_at), id.to_string()]
    };
    let rows: Vec<_> = found.items.iter().map(row).collect();
    style.list(&found, &["NAME", "LOGIN", "ROLE", "STATE", "SINCE", "ID"], &rows, "user")
}

pub(crate) fn show(account: &Account, style: &Style) -> Result<Exit, Failure> {
    let verified = if account.email_verified { "verified" } else { "not verified" };
    style.card(
        account,
        &[
            ("Name", account.name.clone()),
            ("Login", format!("{} ({verified})", account.email)),
            ("Role", account.role.to_string()),
            ("State", account.state.to_string()),
            ("Since", moment(account.created_at)),
            ("Id", account.id.to_string()),
        ],
    )
}

async fn create(client: &Client, args: &Create, style: &Style) -> Result<Exit, Failure> {
    let name = args.name.as_deref().or(args.email.split('@').next()).unwrap_or_default().to_owned();
    let password = new_password(&args.email, args.password_stdin, style).await?;
    let made = client.create_user(&NewUser { email: args.email.clone(), name, password, role: args.role }).await?;
    style.done(&made, &format!("Created {} {} ({}).", made.id, made.name, made.role))
}

async fn invite(client: &Client, args: &Invite, style: &Style) -> Result<Exit, Failure> {
    let invited = client.invite(&args.email, args.role).await?;
    let until = moment(invited.invitation.expires_at);
    let pass_on = match &invited.link {
        Some(link) => format!("The link, shown once: {link}"),
        None => format!("The token, shown once: {}", invited.token),
    };
    let says = format!("Invited {} ({}) until {until}. {pass_on}", args.email, args.role);
    style.done(&invited, &says)
}

pub(crate) async fn find(client: &Client, who: &Who) -> Result<Account, Failure> {
    by_name(client, &who.user).await
}

/// By id, or by address.
pub(crate) async fn by_name(client: &Client, who: &str) -> Result<Account, Failure> {
    if let Ok(id) = who.parse::<UserId>() {
        return Ok(client.user(id).await?);
    }
    let found = client.user_by_email(who).await?;
    found.ok_or_else(|| Failure::says(format!("There is no account {who}."), Exit::NotFound))
}

fn named(account: &Account) -> String {
    format!("{} <{}>", account.name, account.email)
}
