//! What nobody is seen by any more is off the disk.

use chat_proto::Role;
use chat_tests::{Door, Server, eventually};

use super::{picture, picture_of, set};
use crate::CHATD;
use crate::attachments::files;

#[tokio::test]
async fn what_was_replaced_is_off_the_disk_unless_somebody_else_has_it() {
    let mut server = Server::start(CHATD).await;
    let door = server.door();
    let (ana, leo) = (door.person(Role::Customer, "ana").await, door.person(Role::Agent, "leo").await);
    let folder = server.data_dir().join("attachments");
    let on_disk = async |what: &str, count: usize| {
        eventually(what, async || (files(&folder).len() == count).then_some(())).await;
    };
    set(&ana, &picture(1)).await;
    assert_eq!(files(&folder).len(), 1, "only what was made of it: {:?}", files(&folder));
    set(&leo, &picture(1)).await;
    assert_eq!(files(&folder).len(), 1);
    let before = picture_of(&leo, &ana).await.body;
    set(&ana, &picture(2)).await;
    assert_ne!(picture_of(&ana, &leo).await.body, before);
    assert_eq!(picture_of(&leo, &ana).await.body, before, "his is the one that both had");
    set(&ana, &picture(3)).await;
    on_disk("her second is gone", 2).await;
    leo.call("DELETE", "/me/avatar").await.ok();
    on_disk("his is gone", 1).await;

    // It is there after a restart, and goes with the account.
    server.restart().await;
    let door = server.door();
    let ana = ana.at(door);
    let kept = picture_of(&ana, &ana).await;
    assert_eq!(kept.status, 200);
    let admin = door.sign_in(Door::ADMIN).await;
    admin.call("DELETE", &format!("/users/{}", ana.id)).await.ok();
    assert_eq!(picture_of(&ana, &admin).await.status, 404);
    eventually("hers is gone", async || files(&server.data_dir().join("attachments")).is_empty().then_some(())).await;
}
