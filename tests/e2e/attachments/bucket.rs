//! The library's store in a bucket: large files, many at once, and what is left when something fails.

use std::path::PathBuf;

use chat_proto::{ErrorCode, Role};
use chat_tests::{Bucket, InProcess, Options, eventually};
use chatcore::{Actor, AttachmentStore, Limits};

use super::NOTE;
use super::gone::files;

const MIB: usize = 1 << 20;

async fn shop(bucket: &Bucket) -> InProcess {
    shop_in(bucket, None).await
}

async fn shop_in(bucket: &Bucket, data_dir: Option<PathBuf>) -> InProcess {
    let mut limits = Limits::default();
    limits.attachments.bytes = 20 * MIB as u64;
    let attachments = AttachmentStore::s3(&bucket.options()).expect("a bucket");
    InProcess::start_with(Options { limits, attachments: Some(attachments), data_dir, ..Options::default() }).await
}

async fn person(server: &InProcess, name: &str) -> Actor {
    let person = server.door.person(Role::Customer, name).await;
    server.chat.as_user(person.id)
}

/// Text of which no two places are alike.
fn text(bytes: usize) -> Vec<u8> {
    (0..).flat_map(|n: u32| format!("{n}\n").into_bytes()).take(bytes).collect()
}

#[tokio::test]
async fn a_large_file_goes_in_parts_and_comes_back_whole() {
    let bucket = Bucket::start().await;
    let server = shop(&bucket).await;
    let ana = person(&server, "ana").await;
    for size in [5 * MIB, 5 * MIB + 1, 10 * MIB, 12 * MIB + 7] {
        let content = text(size);
        let kept = ana.attach("a.txt", &content[..]).await.expect("it is kept");
        let stored = ana.attachment(kept.id).await.expect("it is there");
        assert!(stored.read_all().await.expect("it is read") == content, "{size}");
        let from = 5 * MIB as u64 - 3;
        let part = stored.content.read(from..from + 9).await.expect("it is read").all().await.expect("it is read");
        let from = 5 * MIB - 3;
        assert_eq!(part, content[from..size.min(from + 9)], "{size}");
    }
    assert_eq!((bucket.objects().len(), bucket.unfinished()), (4, Vec::new()));
}

#[tokio::test]
async fn an_upload_that_fails_in_the_middle_leaves_nothing() {
    let bucket = Bucket::start().await;
    let server = shop(&bucket).await;
    let ana = person(&server, "ana").await;
    let content = text(11 * MIB);
    for (what, status, code) in [
        ("partNumber=3", 500, "InternalError"),
        ("partNumber=2", 403, "AccessDenied"),
        ("POST /mugs/chat/contents", 404, "NoSuchBucket"),
    ] {
        bucket.refuse(what, status, code);
        let refused = ana.attach("a.txt", &content[..]).await.expect_err("a part is refused");
        assert_eq!(refused.code(), ErrorCode::Unavailable, "{what}: {refused:?}");
        assert_eq!((bucket.objects(), bucket.unfinished()), (Vec::new(), Vec::new()), "{what}");
    }
    bucket.accept();
    let kept = ana.attach("a.txt", &content[..]).await.expect("it is kept");
    bucket.refuse("GET", 404, "NoSuchBucket");
    let stored = ana.attachment(kept.id).await.expect("it is there");
    assert_eq!(stored.content.read(0..9).await.expect_err("no bucket").code(), ErrorCode::Unavailable);
    bucket.accept();
    assert!(stored.read_all().await.expect("it is read") == content);
}

#[tokio::test]
async fn of_many_files_at_once_a_few_are_in_memory() {
    let (bucket, folder) = (Bucket::start().await, tempfile::tempdir().expect("a folder"));
    let server = shop_in(&bucket, Some(folder.path().to_owned())).await;
    let ana = person(&server, "ana").await;
    bucket.hold_writers();
    let uploads: Vec<_> = (0..24).map(|n| format!("Note {n}").into_bytes()).collect();
    let all = futures_util::future::join_all(uploads.iter().map(|content| ana.attach("a.txt", &content[..])));
    let looking = async {
        eventually("as many as may be are on their way, and all others wait", async || {
            let here = files(&folder.path().join("attachments/incoming")).len();
            (bucket.writing().0 >= 8 && here == uploads.len()).then_some(())
        })
        .await;
        bucket.let_write();
    };
    let (kept, ()) = tokio::join!(all, looking);
    assert!(kept.iter().all(Result::is_ok), "{kept:?}");
    assert_eq!((bucket.objects().len(), bucket.writing()), (24, (0, 8)));
}

#[tokio::test]
async fn what_nobody_knows_goes_and_what_others_keep_there_stays() {
    let bucket = Bucket::start().await;
    let digest = "ab".repeat(32);
    let (orphan, mine) = (format!("chat/contents/ab/ab/{digest}"), format!("other/contents/ab/ab/{digest}"));
    let theirs = [mine.as_str(), "chat/contents/readme.txt", "letters.txt"];
    for name in theirs.into_iter().chain([orphan.as_str()]) {
        std::fs::create_dir_all(bucket.path(name).parent().expect("a folder")).expect("a folder");
        std::fs::write(bucket.path(name), NOTE).expect("a file");
    }
    // While another's mark stands there it may be theirs. One that has no data folder has no mark of its own.
    let mark = bucket.path("chat/owner");
    std::fs::write(&mark, "another").expect("a file");
    let refused = chatcore::Chat::builder().attachments(AttachmentStore::s3(&bucket.options()).expect("a bucket"));
    assert_eq!(refused.open().await.expect_err("it is another's").code(), ErrorCode::Conflict);
    assert!(bucket.objects().contains(&orphan));
    std::fs::remove_file(&mark).expect("it is there");
    let _server = shop(&bucket).await;
    eventually("the orphan is gone", async || (!bucket.objects().contains(&orphan)).then_some(())).await;
    let mut left = bucket.objects();
    left.sort_unstable();
    let mut expected = theirs.map(str::to_owned).to_vec();
    expected.sort_unstable();
    assert_eq!(left, expected);
}
