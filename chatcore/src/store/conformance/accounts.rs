use chat_proto::{ErrorCode, Role, Timestamp, UserId};

use super::cases;
use super::shop::{Acting, Shop};
use crate::state::{Command, Outcome, fold_email, fold_name};

fn bootstrap(shop: &mut Shop, email: &str) -> Command {
    let password = "$argon2id$hash".to_owned();
    Command::Bootstrap { id: shop.new_user_id(), email: email.to_owned(), name: "Ada".to_owned(), password }
}

fn register(shop: &mut Shop, email: &str) -> Command {
    let (id, session) = (shop.new_user_id(), shop.new_session(Timestamp::from_millis(i64::MAX)));
    let (email, name, password) = (email.to_owned(), "Ana".to_owned(), "$argon2id$hash".to_owned());
    let letter = shop.new_letter(Timestamp::from_millis(i64::MAX));
    Command::Register { id, email, name, password, session, letter }
}

fn an_account_is_found_by_number_id_and_address(shop: &mut Shop) {
    let command = shop.new_user(Role::Designer, " Mira@Shop.Example ", "Mira");
    let Outcome::User(user) = shop.one(command) else { panic!("no user") };
    assert_eq!((user.role, user.version, &*user.name), (Role::Designer, 1, "Mira"));
    shop.in_every_state(|shop| {
        let view = shop.view();
        let no = shop.no(user.id);
        assert_eq!(view.user_by_email("mira@shop.example").expect("readable"), Some(no));
        assert_eq!(view.account(no).expect("readable").expect("readable").user(), user);
        assert!(view.has_role(Role::Designer).expect("readable"));
        assert!(!view.has_role(Role::Admin).expect("readable"));
        assert!(!view.has_role(Role::Merchant).expect("readable"));
    });
}

fn an_address_is_taken_once_however_it_is_written(shop: &mut Shop) {
    shop.person(Role::Customer, "ana");
    shop.in_every_state(|shop| {
        for email in ["ana@shop.example", "ANA@Shop.Example", "  ana@shop.example "] {
            let command = shop.new_user(Role::Agent, email, "Other");
            assert_eq!(shop.refused(command), ErrorCode::EmailTaken, "{email:?}");
        }
        let command = register(shop, "Ana@shop.example");
        assert_eq!(shop.refused(command), ErrorCode::EmailTaken);
    });
}

fn an_address_is_taken_once_within_a_batch(shop: &mut Shop) {
    let batch = ["leo@shop.example", "LEO@shop.example"].map(|email| shop.new_user(Role::Agent, email, "Leo"));
    let committed = shop.commit(batch.to_vec());
    assert!(matches!(committed.outcomes[0], Ok(Outcome::User(_))));
    assert_eq!(committed.outcomes[1].as_ref().expect_err("refused").code, ErrorCode::EmailTaken);
    assert_eq!(committed.events.len(), 1);
    assert!(shop.view().account(crate::state::UserNo(2)).expect("readable").is_none());
}

fn there_is_one_first_admin(shop: &mut Shop) {
    let batch = vec![bootstrap(shop, "ada@shop.example"), bootstrap(shop, "eve@shop.example")];
    let committed = shop.commit(batch);
    assert!(matches!(&committed.outcomes[0], Ok(Outcome::User(user)) if user.role == Role::Admin));
    assert_eq!(committed.outcomes[1].as_ref().expect_err("refused").code, ErrorCode::Conflict);
    shop.in_every_state(|shop| {
        let command = bootstrap(shop, "mallory@shop.example");
        assert_eq!(shop.refused(command), ErrorCode::Conflict);
    });
}

fn only_admins_make_accounts(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let others = [Role::Agent, Role::Customer, Role::Designer, Role::Merchant]
        .map(|role| shop.person(role, &format!("a.{role}")));
    let by = |shop: &mut Shop, who: UserId, email| {
        let mut command = shop.new_user(Role::Admin, email, "New");
        if let Command::CreateUser { by, .. } = &mut command {
            *by = Some(who.author());
        }
        command
    };
    for other in others {
        let command = by(shop, other, "new@shop.example");
        assert_eq!(shop.refused(command), ErrorCode::Forbidden);
    }
    let command = by(shop, admin, "new@shop.example");
    assert!(matches!(shop.one(command), Outcome::User(_)));
}

fn whoever_signs_up_is_a_customer_and_signed_in(shop: &mut Shop) {
    let command = register(shop, "ana@shop.example");
    let Outcome::SignedIn { user, session, .. } = shop.one(command) else { panic!("not signed in") };
    assert_eq!(user.role, Role::Customer);
    shop.in_every_state(|shop| {
        let no = shop.no(user.id);
        let stored = shop.view().session(no, session).expect("readable").expect("a session");
        assert_eq!((stored.id, stored.user), (session, no));
        assert_eq!(
            shop.view().account(no).expect("readable").expect("readable").password.as_deref(),
            Some("$argon2id$hash")
        );
        assert_eq!(shop.one((user.id, session).rename("Ana")), Outcome::User(user.clone()), "the name she has");
    });
}

fn nobody_acts_without_an_account(shop: &mut Shop) {
    let nobody = shop.new_user_id();
    assert_eq!(shop.refused(nobody.rename("Somebody")), ErrorCode::TokenRevoked);
    let session = shop.new_session(Timestamp::from_millis(i64::MAX));
    assert_eq!(shop.refused(Command::StartSession { user: nobody, password: None, session }), ErrorCode::TokenRevoked);
}

fn a_new_name_moves_in_the_directory_and_counts_a_version(shop: &mut Shop) {
    let mira = shop.person(Role::Designer, "mira");
    let zoe = shop.person(Role::Designer, "zoe");
    let Outcome::User(renamed) = shop.one(mira.rename("ZZ Top")) else { panic!("no user") };
    assert_eq!((&*renamed.name, renamed.version), ("ZZ Top", 2));
    let Outcome::User(same) = shop.one(mira.rename("ZZ Top")) else { panic!("no user") };
    assert_eq!(same, renamed, "the name that somebody has is no change");
    shop.in_every_state(|shop| {
        let listed = shop.view().directory(Role::Designer, None, 10).expect("readable");
        let expected = [("zoe", zoe), ("zz top", mira)].map(|(name, user)| (name.to_owned(), shop.no(user)));
        assert_eq!(listed, expected);
        assert_eq!(shop.view().user_by_email("mira@shop.example").expect("readable"), Some(shop.no(mira)));
    });
}

fn the_directory_is_paged_by_folded_name_and_number(shop: &mut Shop) {
    let long = "x".repeat(100);
    let names = ["bo", "Ana", "ana", "ÉVA", "ana", "Zoe", &long, &long];
    let mut expected = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let command = shop.new_user(Role::Merchant, &format!("m{i}@shop.example"), name);
        let Outcome::User(user) = shop.one(command) else { panic!("no user") };
        expected.push((fold_name(name), shop.no(user.id)));
    }
    shop.person(Role::Designer, "ana");
    shop.person(Role::Customer, "zoe");
    expected.sort();
    shop.in_every_state(|shop| {
        for limit in 1..=names.len() + 1 {
            let mut listed: Vec<(String, crate::state::UserNo)> = Vec::new();
            loop {
                let after = listed.last().map(|(name, no)| (name.as_str(), *no));
                let page = shop.view().directory(Role::Merchant, after, limit).expect("readable");
                assert!(page.len() <= limit, "{} rows of at most {limit}", page.len());
                if page.is_empty() {
                    break;
                }
                listed.extend(page);
            }
            assert_eq!(listed, expected, "in pages of {limit}");
        }
        assert!(shop.view().directory(Role::Admin, None, 10).expect("readable").is_empty());
    });
}

fn addresses_are_looked_up_as_they_are_folded(shop: &mut Shop) {
    let command = shop.new_user(Role::Agent, "ÄNNE@Shop.Example", "Änne");
    shop.one(command);
    shop.in_every_state(|shop| {
        assert!(shop.view().user_by_email(&fold_email("änne@shop.example")).expect("readable").is_some());
        assert!(shop.view().user_by_email("ÄNNE@Shop.Example").expect("readable").is_none());
    });
}

fn the_newest_accounts_come_first(shop: &mut Shop) {
    let people = ["ana", "bo", "cem", "dua"].map(|name| shop.person(Role::Customer, name));
    shop.in_every_state(|shop| {
        let view = shop.view();
        let newest = |before, limit| {
            let rows = view.newest_accounts(before, limit).expect("readable");
            rows.into_iter().map(|(no, account)| (no, account.id)).collect::<Vec<_>>()
        };
        let all = newest(None, 10);
        let mut made = people;
        made.reverse();
        assert_eq!(all.iter().map(|(_, id)| *id).collect::<Vec<_>>(), made);
        assert_eq!(newest(None, 2), all[..2]);
        assert_eq!(newest(Some(all[1].0), 10), all[2..]);
        assert_eq!(newest(Some(all[3].0), 10), []);
    });
}

cases![
    a_new_name_moves_in_the_directory_and_counts_a_version,
    addresses_are_looked_up_as_they_are_folded,
    an_account_is_found_by_number_id_and_address,
    an_address_is_taken_once_however_it_is_written,
    an_address_is_taken_once_within_a_batch,
    nobody_acts_without_an_account,
    only_admins_make_accounts,
    the_directory_is_paged_by_folded_name_and_number,
    the_newest_accounts_come_first,
    there_is_one_first_admin,
    whoever_signs_up_is_a_customer_and_signed_in,
];
