use chat_proto::{ErrorCode, Role, UserId};

use super::cases;
use super::shop::{Acting, Shop};
use crate::state::{AvatarRow, Command, Origin, Outcome, RecordKey, row_number};

/// A picture of this content.
fn picture(content: u8) -> AvatarRow {
    AvatarRow { media_type: "image/jpeg".to_owned(), size: 1_000, sha256: [content; 32], side: 256 }
}

fn set(by: UserId, avatar: AvatarRow) -> Command {
    let origin = Origin::default();
    Command::SetAvatar { by: by.author(), avatar: Box::new(avatar), bytes: 1_000, origin }
}

fn remove(by: UserId) -> Command {
    Command::RemoveAvatar { by: by.author(), origin: Origin::default() }
}

fn of(shop: &Shop, user: UserId) -> Option<AvatarRow> {
    shop.view().account(shop.no(user)).expect("readable").expect("an account").avatar().cloned()
}

/// How often a content is needed, and whether there is a note that it can go.
fn content(shop: &Shop, content: u8) -> (u64, bool) {
    let record = |key| shop.view().record(&key).expect("readable");
    let needed = record(RecordKey::content(&[content; 32])).as_deref().and_then(row_number);
    (needed.unwrap_or(0), record(RecordKey::content_gone(&[content; 32])).is_some())
}

fn the_one_before_is_let_go_of(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    let Outcome::User(user) = shop.one(set(ana, picture(11))) else { panic!("no user") };
    assert_eq!((user.avatar.as_deref(), user.version), (Some("0b0b0b0b0b0b0b0b"), 2));
    shop.in_every_state(|shop| {
        assert_eq!((of(shop, ana), content(shop, 11)), (Some(picture(11)), (1, false)));
    });
    let Outcome::User(user) = shop.one(set(ana, picture(12))) else { panic!("no user") };
    assert_eq!((user.avatar.as_deref(), user.version), (Some("0c0c0c0c0c0c0c0c"), 3));
    shop.in_every_state(|shop| {
        assert_eq!((content(shop, 11), content(shop, 12)), ((0, true), (1, false)));
    });
    // The same once more is no change, and neither is none where there is none.
    let Outcome::User(user) = shop.one(set(ana, picture(12))) else { panic!("no user") };
    assert_eq!((user.version, content(shop, 12)), (3, (1, false)));
    let Outcome::User(user) = shop.one(remove(ana)) else { panic!("no user") };
    assert_eq!((user.avatar, user.version), (None, 4));
    shop.in_every_state(|shop| assert_eq!((of(shop, ana), content(shop, 12)), (None, (0, true))));
    let position = shop.view().position();
    shop.one(remove(ana));
    assert_eq!(shop.view().position(), position);
    // It comes again before it was removed from the folder: the note goes.
    shop.one(set(ana, picture(11)));
    assert_eq!(content(shop, 11), (1, false));
}

fn two_people_with_one_picture_have_one_each(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Customer, "ana"), shop.person(Role::Agent, "leo"));
    shop.commit(vec![set(ana, picture(11)), set(leo, picture(11))]);
    assert_eq!(content(shop, 11), (2, false));
    shop.one(set(ana, picture(12)));
    shop.in_every_state(|shop| {
        assert_eq!((of(shop, leo), content(shop, 11)), (Some(picture(11)), (1, false)));
    });
    shop.one(remove(leo));
    assert_eq!(content(shop, 11), (0, true));
}

fn it_goes_with_the_account(shop: &mut Shop) {
    let (ada, ana) = (shop.person(Role::Admin, "ada"), shop.person(Role::Customer, "ana"));
    shop.one(set(ana, picture(11)));
    let (by, origin) = (ada.author(), Origin::default());
    shop.one(Command::DeleteUser { by, user: ana, if_version: None, origin });
    shop.in_every_state(|shop| assert_eq!((of(shop, ana), content(shop, 11)), (None, (0, true))));
    assert_eq!(shop.refused(set(ana, picture(12))), ErrorCode::TokenRevoked);
    assert_eq!(content(shop, 12), (0, false));
}

fn what_was_sent_counts_for_the_day(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    shop.rules.attachments.bytes_per_day = 3_000;
    for n in [11, 12, 12] {
        shop.one(set(ana, picture(n)));
    }
    assert_eq!(shop.refused(set(ana, picture(13))), ErrorCode::RateLimited);
    assert_eq!((of(shop, ana), content(shop, 13)), (Some(picture(12)), (0, false)));
}

cases![
    the_one_before_is_let_go_of,
    two_people_with_one_picture_have_one_each,
    it_goes_with_the_account,
    what_was_sent_counts_for_the_day,
];
