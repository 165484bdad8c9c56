//! The disk takes no more of a file: the kernel says so in the middle of an upload, and then there is room again.

use chat_proto::Role;
use chat_tests::Server;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::gone::files;
use super::{attach, download, messages, send, upload};
use crate::CHATD;

const MIB: u64 = 1 << 20;
/// Less than what is uploaded, and more than the database's files.
const ROOM: u64 = 16 * MIB;
const UPLOAD: usize = 20 << 20;

/// From now on no file of this process becomes larger. That needs no rights, unlike a small disk.
fn limit_files(pid: u32, most: Option<u64>) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    prlimit(pid, Resource::Fsize, Rlimit { current: most, maximum: None }).expect("it is this user's process");
}

#[tokio::test]
async fn a_full_disk_refuses_files_and_takes_messages_and_recovers() {
    // Exactly one such file in a day: one that was refused must not count.
    let settings = [("CHATD_LIMITS__ATTACHMENT_BYTES", "20MiB"), ("CHATD_LIMITS__ATTACHMENT_BYTES_PER_DAY", "20MiB")];
    let mut server = Server::start_with(CHATD, &settings).await;
    server.expect_in_log(r#""status":507"#);
    server.expect_in_log(r#""code":"storage_full""#);
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let folder = server.data_dir().join("attachments");
    let large = vec![b'x'; UPLOAD];

    limit_files(server.pid(), Some(ROOM));
    for n in 0..3 {
        let answer = upload(&ana, "a.txt", &large).send(ana.address).await;
        assert_eq!((answer.status, answer.problem().code.as_str()), (507, "storage_full"), "{}", answer.text());
        assert!(files(&folder).is_empty(), "{:?}", files(&folder));
        send(&ana, conv, &format!("m{n}"), "Did you get my picture?", &[]).await.ok();
    }
    assert_eq!(messages(&leo, conv).await.len(), 3);

    limit_files(server.pid(), None);
    let kept = attach(&ana, "a.txt", &large).await;
    send(&ana, conv, "m3", "Now it went.", &[&kept]).await.ok();
    assert!(download(&leo, &kept).await.body == large);
    assert_eq!(files(&folder).len(), 1);
}
