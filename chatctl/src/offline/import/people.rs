//! Accounts of a dump, and who stands for those that are no longer in it.

use std::collections::{HashMap, HashSet};

use chat_proto::{ObjectId, Role, Timestamp, UserId};
use chatcore::state::AccountState;
use chatcore::{Bcrypt, ImportedUser, Importer};

use super::mapping::{CREATED, Collection, ID, role, user};
use super::report::Place;
use super::value::{Record, Value};

/// Everybody who is named in the dump: about 100 bytes each.
#[derive(Default)]
pub(super) struct People {
    numbers: HashMap<ObjectId, u32>,
    all: Vec<Person>,
    /// Addresses of the dump that somebody has.
    emails: HashSet<Box<str>>,
}

/// Somebody who is named in the dump.
#[derive(Clone, Copy)]
pub(super) struct Person {
    pub(super) id: ObjectId,
    pub(super) role: Role,
    /// Where they were named first, when there is no record of them.
    pub(super) missing: Option<(Collection, Place)>,
}

impl People {
    /// Somebody of whom there is a record; `false`: there was one already.
    pub(super) fn add(&mut self, id: ObjectId, role: Role) -> bool {
        if self.numbers.contains_key(&id) {
            return false;
        }
        self.push(Person { id, role, missing: None });
        true
    }

    /// The number of somebody who is named here.
    pub(super) fn named(&mut self, id: ObjectId, of: Collection, place: Place) -> u32 {
        match self.numbers.get(&id) {
            Some(number) => *number,
            None => self.push(Person { id, role: Role::Customer, missing: Some((of, place)) }),
        }
    }

    fn push(&mut self, person: Person) -> u32 {
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.numbers.insert(person.id, number);
        self.all.push(person);
        number
    }

    /// Whether nobody had this address yet; from now on somebody has it.
    pub(super) fn takes(&mut self, email: &str) -> bool {
        self.emails.insert(email.trim().to_lowercase().into())
    }

    pub(super) fn get(&self, number: u32) -> Option<&Person> {
        self.all.get(number as usize)
    }

    pub(super) fn id(&self, number: u32) -> Option<UserId> {
        self.get(number).map(|person| person.id.into())
    }

    /// What somebody is in the shop, as far as the dump says.
    pub(super) fn role(&self, id: ObjectId) -> Role {
        self.numbers.get(&id).and_then(|number| self.get(*number)).map_or(Role::Customer, |person| person.role)
    }

    /// Those of whom there is no record.
    pub(super) fn missing(&self) -> impl Iterator<Item = (ObjectId, Collection, Place)> {
        self.all.iter().filter_map(|person| person.missing.map(|(of, place)| (person.id, of, place)))
    }
}

/// The account of a record, and what of it is otherwise than it was. Whether somebody else has its address is not looked
/// at here.
pub(super) fn read(record: &Record, staff_as_customers: bool) -> Result<(ObjectId, ImportedUser, Vec<String>), String> {
    let id = record.id(ID).ok_or("its _id is no ObjectId")?;
    let mut notes = Vec::new();
    let role = role_of(record, staff_as_customers, &mut notes);
    let email = record.text(user::EMAIL).unwrap_or_default();
    let email = Importer::email(&email).unwrap_or_else(|| {
        notes.push("it has no valid e-mail address: nobody can sign in to it".to_owned());
        String::new()
    });
    let (name, note) = name_of(record, &email);
    notes.extend(note);
    let password = record.get(user::PASSWORD).and_then(|password| {
        let hash = password.text().filter(|text| Bcrypt::parse(text).is_some());
        if hash.is_none() {
            notes.push("its password is kept in no way that is known here: it has to be set anew".to_owned());
        }
        hash
    });
    let barred = record.is_set(user::BARRED);
    let account = ImportedUser {
        id: id.into(),
        name,
        role,
        state: if barred { AccountState::Disabled } else { AccountState::Active },
        password: password.filter(|_| !email.is_empty()),
        email_verified: record.is_set(user::VERIFIED) && !email.is_empty(),
        email,
        created_at: created(record, id),
    };
    Ok((id, account, notes))
}

fn role_of(record: &Record, staff_as_customers: bool, notes: &mut Vec<String>) -> Role {
    let word = record.get(user::ROLE).map(|value| value.items().first().and_then(Value::text).unwrap_or_default());
    let known = match &word {
        None => Role::Customer,
        Some(word) => role(&word.trim().to_lowercase()).unwrap_or_else(|| {
            let word: String = word.chars().take(40).collect();
            notes.push(format!("there is no role {word:?} here: it is a customer"));
            Role::Customer
        }),
    };
    if staff_as_customers { Role::Customer } else { known }
}

fn name_of(record: &Record, email: &str) -> (String, Option<String>) {
    let parts = || {
        let parts = [record.text(user::FIRST_NAME), record.text(user::LAST_NAME)];
        let whole = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        (!whole.trim().is_empty()).then_some(whole)
    };
    let given = record.text(user::NAME).filter(|name| !name.trim().is_empty()).or_else(parts);
    let local = email.split('@').next().unwrap_or_default();
    match given.as_deref().and_then(|given| Some((given, Importer::name(given)?))) {
        Some((given, kept)) if kept == given.trim() => (kept, None),
        Some((_, kept)) => (kept, Some("its name had invisible characters, or was too long".to_owned())),
        None => {
            let name = Importer::name(local).unwrap_or_else(|| "Nobody".to_owned());
            (name, Some("it has no name that could be shown: it has the one of its address".to_owned()))
        }
    }
}

/// When a record was made: it says so, or else its id does.
pub(super) fn created(record: &Record, id: ObjectId) -> Timestamp {
    record.moment(CREATED).filter(|at| at.as_millis() > 0).unwrap_or_else(|| of_id(id))
}

/// An `ObjectId` begins with the second in which it was made.
pub(super) fn of_id(id: ObjectId) -> Timestamp {
    let second = id.to_bytes().into_iter().take(4).fold(0, |second, byte| second << 8 | i64::from(byte));
    Timestamp::from_millis(second * 1_000)
}
