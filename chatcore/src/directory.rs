//! Finding people by name.

use std::sync::Arc;

use chat_proto::model::{Cursor, Page, Person};
use chat_proto::{ErrorCode, Role};

use crate::access::{Action, Relation};
use crate::actor::{Actor, Reading};
use crate::builder::PAGE_ROWS;
use crate::error::{Error, Result};
use crate::state::{AccountState, UserNo, role_number};

/// Names that are looked at for one part. They stand together in the order of the directory, so this is a walk over some
/// hundred KiB, and a shop of 100,000 people is looked through in five parts. An index of every word would be a row per word
/// with every account, for something that a few of the staff do now and then.
const LOOKED_AT: usize = 20_000;
/// Names that are read from the store at once.
const AT_ONCE: usize = 1_000;
/// Bytes of what is looked for.
const MOST_BYTES: usize = 200;

/// Where a part ends.
struct Place {
    role: Role,
    name: String,
    no: UserNo,
}

impl Actor {
    /// The people that I may write to in whose names each of these words begins a word, whatever its case; at most 200 at
    /// once, role by role and by name. Of long names the first 64 bytes count. As only the next 20,000 names are looked at,
    /// a part may have few or none while others follow.
    ///
    /// # Errors
    /// `invalid` when there is no word or more than 200 bytes of them; `invalid_cursor`.
    pub async fn find_people(
        &self,
        words: &str,
        role: Option<Role>,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Page<Person>> {
        let engine = Arc::clone(self.chat().engine());
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let bytes: usize = words.iter().map(String::len).sum();
        if bytes == 0 || bytes > MOST_BYTES {
            return Err(Error::invalid("q", "Say the beginning of a name, at most 200 bytes."));
        }
        self.read(move |me| {
            me.require(Action::ReadDirectory, Relation::Stranger)?;
            let asked = role.map_or("everybody", Role::as_str);
            let list = format!("directory of {asked} for {} with {}", me.no.0, words.join(" "));
            let from = match &cursor {
                None => None,
                Some(cursor) => Some(Place::opened(engine.seal.open_page(list.as_bytes(), cursor))?),
            };
            let reached = |to: &Role| role.is_none_or(|asked| asked == *to);
            let roles = Role::ALL.into_iter().filter(reached);
            let roles = roles.filter(|to| engine.rules.contacts.may_start(me.account.role, *to)).collect();
            let (items, next) = look_through(me, roles, &words, limit.clamp(1, PAGE_ROWS), from)?;
            let next_cursor = next.map(|place| engine.seal.page(list.as_bytes(), &place.sealed()));
            Ok(Page { items, next_cursor, as_of: engine.as_of(me.view) })
        })
        .await
    }
}

/// Those who go with the words, and where to go on; `None`: all names were looked at.
fn look_through(
    me: &Reading<'_>,
    roles: Vec<Role>,
    words: &[String],
    limit: usize,
    from: Option<Place>,
) -> Result<(Vec<Person>, Option<Place>)> {
    let (mut items, mut looked_at, mut last) = (Vec::new(), 0, from);
    let first = last.as_ref().map(|place| place.role);
    for role in roles.into_iter().skip_while(|role| first.is_some_and(|first| first != *role)) {
        loop {
            let after = last.as_ref().filter(|place| place.role == role).map(|place| (place.name.as_str(), place.no));
            let rows = me.view.directory(role, after, AT_ONCE)?;
            let all = rows.len() < AT_ONCE;
            for (name, no) in rows {
                if items.len() == limit || looked_at == LOOKED_AT {
                    return Ok((items, last));
                }
                looked_at += 1;
                if words.iter().all(|word| has_word(&name, word)) {
                    items.extend(somebody_else(me, no)?);
                }
                last = Some(Place { role, name, no });
            }
            if all {
                break;
            }
        }
    }
    Ok((items, None))
}

/// Oneself and those who left are nobody to write to.
fn somebody_else(me: &Reading<'_>, no: UserNo) -> Result<Option<Person>> {
    let account = me.view.account(no)?.filter(|account| no != me.no && account.state == AccountState::Active);
    Ok(account.map(|account| account.person()))
}

/// Whether one of the words of a folded name begins with this.
fn has_word(name: &str, beginning: &str) -> bool {
    let begins_a_word = |at: usize| name[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
    name.match_indices(beginning).any(|(at, _)| begins_a_word(at))
}

impl Place {
    fn sealed(&self) -> Vec<u8> {
        let mut place = vec![role_number(self.role)];
        place.extend_from_slice(&self.no.0.to_be_bytes());
        place.extend_from_slice(self.name.as_bytes());
        place
    }

    fn opened(place: Option<Vec<u8>>) -> Result<Self> {
        let stale = || Error::new(ErrorCode::InvalidCursor, "This cursor belongs to another list.");
        let place = place.ok_or_else(stale)?;
        let (role, rest) = place.split_first().ok_or_else(stale)?;
        let (no, name) = rest.split_first_chunk::<8>().ok_or_else(stale)?;
        Ok(Self {
            role: Role::ALL.into_iter().find(|of| role_number(*of) == *role).ok_or_else(stale)?,
            name: String::from_utf8(name.to_vec()).map_err(|_| stale())?,
            no: UserNo(u64::from_be_bytes(*no)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_name_is_found_by_its_beginning() {
        for (name, beginning, found) in [
            ("ana ruiz", "ana", true),
            ("ana ruiz", "ru", true),
            ("ana ruiz", "iz", false),
            ("ana ruiz", "na", false),
            ("anna-lena o'neil", "len", true),
            ("anna-lena o'neil", "neil", true),
            ("anna-lena o'neil", "o'n", true),
            ("joanna anna", "anna", true),
            ("zoë müller", "mül", true),
            ("李小龙", "李", true),
        ] {
            assert_eq!(has_word(name, beginning), found, "{beginning} in {name}");
        }
    }
}
