//! Keys of the shop's own programs. A key is like a session that does not end by itself and may do less: its id takes
//! the place of a session's, and each use asks for its row.

use std::sync::Arc;

use chat_proto::{ErrorCode, Role, SessionId, Timestamp, UserId};

use super::{Account, AccountState, Acting, Context, Decision, Put, Refusal, Stop, revoked};
use crate::access::{Action, Relation, Scopes};
use crate::state::rows::{AccountExtras, ApiKeyRow};
use crate::state::{ActsAs, Author, Change, Lookup, NewApiKey, Outcome, RecordKey, UserNo};
use crate::store::StoreError;

/// Who acts by a key that acts as nobody in particular. No account has this number or id.
pub(crate) const THE_SHOP: UserNo = UserNo(0);
pub(crate) const THE_SHOP_ID: UserId = UserId::from_bytes([0; 16]);

/// Keys of one shop.
const MOST_KEYS: usize = 100;

/// The key acts as the shop itself, which may do what admins may, as far as the scopes go.
pub(super) fn the_shop(lookup: &dyn Lookup, by: Author) -> Result<Acting, Stop> {
    let scopes = scopes(lookup, by.session.ok_or_else(revoked)?, THE_SHOP)?;
    let account = Account {
        id: THE_SHOP_ID,
        email: String::new(),
        name: "The shop".to_owned(),
        role: Role::Admin,
        state: AccountState::Active,
        password: None,
        email_verified: false,
        created_at: Timestamp::from_millis(0),
        version: 1,
        extras: None,
    };
    Ok(Acting { no: THE_SHOP, account: Arc::new(account), scopes: Some(scopes) })
}

/// What the key is for, if it stands and acts as this one.
pub(super) fn scopes(lookup: &dyn Lookup, key: SessionId, user: UserNo) -> Result<Scopes, Stop> {
    let row = row(lookup, key)?.filter(|row| row.user == user);
    let row = row.ok_or_else(|| Refusal::new(ErrorCode::TokenRevoked, "This key was taken back."))?;
    Ok(Scopes(row.scopes))
}

fn row(lookup: &dyn Lookup, key: SessionId) -> Result<Option<ApiKeyRow>, StoreError> {
    let row = lookup.record(&RecordKey::api_key(key))?;
    row.map(|row| ApiKeyRow::decoded(&row)).transpose()
}

pub(super) fn create(context: &Context<'_>, by: Option<Author>, new: NewApiKey) -> Result<Decision, Stop> {
    let author = match by {
        Some(by) => {
            let me = context.author(by)?;
            me.require(Action::ManageApiKeys, Relation::Stranger)?;
            me.entry_author()
        }
        None => None,
    };
    let keys = context.lookup.records(&RecordKey::first_api_key(), &RecordKey::first_api_secret(), MOST_KEYS)?;
    if keys.len() >= MOST_KEYS {
        let detail = format!("There are {MOST_KEYS} keys; take one back first.");
        return Err(Refusal::new(ErrorCode::Conflict, detail).into());
    }
    let mut decision = Decision { by: author, ..Decision::nothing(Outcome::Done) };
    let user = acting(context, new.acts_as, &mut decision)?;
    if user.is_none()
        && let Some(scope) = new.scopes.iter().find(|scope| scope.needs_bot())
    {
        return Err(Refusal::invalid("/scopes", format!("`{scope}` needs a bot that does it.")).into());
    }
    let row = ApiKeyRow {
        id: new.id,
        name: new.name,
        scopes: new.scopes.0,
        user: user.as_ref().map_or(THE_SHOP, |(no, _)| *no),
        created_at: context.now,
        used_at: None,
        secret: new.secret,
    };
    decision.outcome = Outcome::ApiKey(row.shown(user.map(|(_, account)| account.person())));
    decision.puts.push(Put::Record { key: RecordKey::api_key(new.id), row: Some(row.encoded()) });
    let found_by = RecordKey::api_secret(&new.secret);
    decision.puts.push(Put::Record { key: found_by, row: Some(new.id.to_bytes().to_vec()) });
    decision.changes.push((Change::Tidied, None));
    Ok(decision)
}

/// The bot that a new key acts as.
fn acting(
    context: &Context<'_>,
    acts_as: ActsAs,
    decision: &mut Decision,
) -> Result<Option<(UserNo, Arc<Account>)>, Stop> {
    match acts_as {
        ActsAs::TheShop => Ok(None),
        ActsAs::Bot(id) => {
            let none = || Refusal::invalid("/user", "There is no such bot; a key cannot act as a person.");
            let no = context.lookup.user_no(id)?.ok_or_else(none)?;
            let account = context.lookup.account(no)?.filter(|account| stands(account)).ok_or_else(none)?;
            Ok(Some((no, account)))
        }
        ActsAs::NewBot { id, name, role } => {
            if !matches!(role, Role::Agent | Role::Designer | Role::Merchant) {
                return Err(Refusal::invalid("/bot/role", "A bot is an agent, a designer or a merchant.").into());
            }
            let no = context.next.user;
            let account = Arc::new(Account {
                id,
                email: String::new(),
                name,
                role,
                state: AccountState::Active,
                password: None,
                email_verified: false,
                created_at: context.now,
                version: 1,
                extras: Some(Box::new(AccountExtras { bot: true, ..AccountExtras::default() })),
            });
            decision.puts.push(Put::Account { no, account: Box::new((*account).clone()), before: None });
            decision.changes.push((Change::AccountCreated { user: no }, None));
            Ok(Some((no, account)))
        }
    }
}

/// A bot that a key can be made for; for one that is disabled, it is good once it is enabled again.
fn stands(account: &Account) -> bool {
    account.is_bot() && account.state != AccountState::Deleted
}

pub(super) fn revoke(context: &Context<'_>, by: Option<Author>, key: SessionId) -> Result<Decision, Stop> {
    let author = match by {
        Some(by) => {
            let me = context.author(by)?;
            me.require(Action::ManageApiKeys, Relation::Stranger)?;
            me.entry_author()
        }
        None => None,
    };
    let row = row(context.lookup, key)?.ok_or_else(|| Refusal::not_found("There is no such key."))?;
    let gone = [RecordKey::api_key(key), RecordKey::api_secret(&row.secret)];
    Ok(Decision {
        by: author,
        puts: gone.map(|key| Put::Record { key, row: None }).to_vec(),
        // What is connected by it is closed as when a session ends.
        changes: vec![(Change::SessionEnded { session: key, user: row.user }, None)],
        outcome: Outcome::Done,
    })
}

/// What is connected by the keys of a bot is closed. The keys stay; whether they are good for anything is seen at each use.
pub(super) fn close_sockets(context: &Context<'_>, decision: &mut Decision, user: UserNo) -> Result<(), Stop> {
    for (_, row) in context.lookup.records(&RecordKey::first_api_key(), &RecordKey::first_api_secret(), MOST_KEYS)? {
        let row = ApiKeyRow::decoded(&row)?;
        if row.user == user {
            decision.changes.push((Change::SessionEnded { session: row.id, user }, None));
        }
    }
    Ok(())
}

/// Takes back all keys that act as this bot.
pub(super) fn revoke_all(context: &Context<'_>, decision: &mut Decision, user: UserNo) -> Result<(), Stop> {
    for (key, row) in context.lookup.records(&RecordKey::first_api_key(), &RecordKey::first_api_secret(), MOST_KEYS)? {
        let row = ApiKeyRow::decoded(&row)?;
        if row.user == user {
            let gone = [key, RecordKey::api_secret(&row.secret)];
            decision.puts.extend(gone.map(|key| Put::Record { key, row: None }));
        }
    }
    Ok(())
}

pub(super) fn used(context: &Context<'_>, key: SessionId) -> Result<Decision, Stop> {
    let Some(row) = row(context.lookup, key)? else { return Ok(Decision::nothing(Outcome::Done)) };
    let row = ApiKeyRow { used_at: Some(context.now), ..row };
    Ok(Decision {
        puts: vec![Put::Record { key: RecordKey::api_key(key), row: Some(row.encoded()) }],
        changes: vec![(Change::Tidied, None)],
        ..Decision::nothing(Outcome::Done)
    })
}
