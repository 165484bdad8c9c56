//! Attachments when something goes wrong: no room, a store that fails at every call in turn, what a killed process left.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use chat_proto::model::Attachment;
use chatcore::attachments::{AttachmentStore, Space};
use chatcore::{Actor, Chat, ChatBuilder, ConversationHandle, Draft, ErrorCode, Limits, NewPerson, Role};
use data_encoding::HEXLOWER;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as Place;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

const NOTE: &[u8] = b"The mug is blue.";

/// However little room this machine has.
fn roomy() -> ChatBuilder {
    let mut limits = Limits::default();
    limits.attachments.keep_free = 0;
    Chat::builder().limits(limits).cheap_passwords()
}

/// Two people and their conversation.
struct Two {
    chat: Chat,
    ana: Actor,
    talk: ConversationHandle,
}

impl Two {
    async fn with(store: AttachmentStore) -> Self {
        Self::of(roomy().attachments(store).open().await.expect("nothing fails")).await
    }

    async fn of(chat: Chat) -> Self {
        let mut people = Vec::new();
        for (role, name) in [(Role::Customer, "ana"), (Role::Agent, "leo")] {
            let email = format!("{name}@shop.example");
            people.push(chat.people().create(NewPerson::new(role, email).name(name)).await.expect("nothing fails").id);
        }
        let ana = chat.as_user(people[0]);
        let (conversation, _) = ana.open_direct(people[1]).await.expect("nothing fails");
        let talk = ana.conversation(conversation.id);
        Self { chat, ana, talk }
    }

    async fn attach(&self, bytes: &[u8]) -> chatcore::Result<Attachment> {
        self.ana.attach("a.txt", bytes).await
    }

    async fn send(&self, file: &Attachment) -> chat_proto::MessageId {
        self.talk.send(Draft::text("").attachments([file.id])).await.expect("nothing fails").message.id
    }

    async fn bytes(&self, file: &Attachment) -> Vec<u8> {
        self.ana.attachment(file.id).await.expect("nothing fails").read_all().await.expect("nothing fails")
    }
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await;
    waited.unwrap_or_else(|_| panic!("{what}"));
}

/// A disk with so much room.
#[derive(Debug)]
struct Room {
    free: AtomicU64,
    /// Each time somebody asks, so much less is left.
    shrinks_by: AtomicU64,
}

impl Space for Room {
    fn free(&self, _: &Path) -> io::Result<Option<u64>> {
        Ok(Some(self.free.fetch_sub(self.shrinks_by.load(Ordering::SeqCst), Ordering::SeqCst)))
    }
}

#[tokio::test]
async fn without_room_nothing_is_taken_and_all_else_goes_on() {
    let room = Arc::new(Room { free: AtomicU64::new(u64::MAX), shrinks_by: AtomicU64::new(0) });
    let store = AttachmentStore::memory().with_space(room.clone());
    let shop = Two::of(Chat::builder().attachments(store).cheap_passwords().open().await.expect("nothing fails")).await;
    let before = shop.attach(NOTE).await.expect("nothing fails");
    let keep_free = Limits::default().attachments.keep_free;
    room.free.store(keep_free - 1, Ordering::SeqCst);
    assert_eq!(shop.attach(NOTE).await.unwrap_err().code(), ErrorCode::StorageFull);
    // What is there stays, and texts are sent.
    shop.send(&before).await;
    shop.talk.send("Still here").await.expect("nothing fails");
    assert_eq!(shop.bytes(&before).await, NOTE);

    // It becomes full while a file comes.
    room.free.store(keep_free + 5, Ordering::SeqCst);
    room.shrinks_by.store(2, Ordering::SeqCst);
    let large = vec![b'x'; 4 << 20];
    assert_eq!(shop.attach(&large).await.unwrap_err().code(), ErrorCode::StorageFull);
    room.shrinks_by.store(0, Ordering::SeqCst);
    room.free.store(keep_free, Ordering::SeqCst);
    let after = shop.attach(&large).await.expect("nothing fails");
    assert_eq!(shop.bytes(&after).await, large);
}

/// An object store that fails at the n-th call.
#[derive(Debug)]
struct Failing {
    objects: InMemory,
    left: AtomicUsize,
    failed: AtomicBool,
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failing")
    }
}

impl Failing {
    fn call(&self) -> Result<()> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left != Ok(1) {
            return Ok(());
        }
        self.failed.store(true, Ordering::SeqCst);
        let source = Box::new(io::Error::from(io::ErrorKind::StorageFull));
        Err(object_store::Error::Generic { store: "Failing", source })
    }

    async fn count(&self) -> usize {
        self.objects.list(None).count().await
    }
}

#[async_trait::async_trait]
impl ObjectStore for Failing {
    async fn put_opts(&self, place: &Place, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.call()?;
        self.objects.put_opts(place, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        place: &Place,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.call()?;
        self.objects.put_multipart_opts(place, options).await
    }

    async fn get_opts(&self, place: &Place, options: GetOptions) -> Result<GetResult> {
        self.call()?;
        self.objects.get_opts(place, options).await
    }

    fn delete_stream(&self, places: BoxStream<'static, Result<Place>>) -> BoxStream<'static, Result<Place>> {
        match self.call() {
            Ok(()) => self.objects.delete_stream(places),
            Err(error) => futures_util::stream::iter([Err(error)]).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Place>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Place>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Place, to: &Place, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn a_store_that_fails_at_any_call_loses_nothing() {
    for call in 1.. {
        let objects =
            Arc::new(Failing { objects: InMemory::new(), left: AtomicUsize::new(0), failed: AtomicBool::new(false) });
        let shop = Two::with(AttachmentStore::objects(objects.clone())).await;
        let kept = shop.attach(b"There before").await.expect("nothing fails");
        shop.send(&kept).await;
        objects.left.store(call, Ordering::SeqCst);
        let file = match shop.attach(NOTE).await {
            Ok(file) => file,
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::StorageFull, "{error:?}");
                shop.attach(NOTE).await.expect("nothing fails")
            }
        };
        let message = shop.send(&file).await;
        for (file, content) in [(&file, NOTE), (&kept, b"There before")] {
            let read = async || shop.ana.attachment(file.id).await.expect("nothing fails").read_all().await;
            let bytes = match read().await {
                Ok(bytes) => bytes,
                Err(_) => read().await.expect("nothing fails"),
            };
            assert_eq!(bytes, content);
        }
        shop.talk.delete(message, None).await.expect("nothing fails");
        assert_eq!(shop.ana.attachment(file.id).await.unwrap_err().code(), ErrorCode::NotFound);
        // Removing it fails at the last call; something else that is deleted has it tried again.
        until("the content is removed", async || {
            if objects.failed.load(Ordering::SeqCst) {
                let other = shop.talk.send("Something else").await.expect("nothing fails").message.id;
                shop.talk.delete(other, None).await.expect("nothing fails");
            }
            objects.count().await == 1
        })
        .await;
        until("what is needed is there", async || {
            let read = shop.ana.attachment(kept.id).await.expect("nothing fails").read_all().await;
            read.is_ok_and(|bytes| bytes == b"There before")
        })
        .await;
        if !objects.failed.load(Ordering::SeqCst) {
            assert!(call > 3, "writing, reading and removing failed");
            return;
        }
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("nothing fails") {
        let path = entry.expect("nothing fails").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn what_a_killed_process_left_goes_at_the_start() {
    let folder = tempfile::tempdir().expect("nothing fails");
    let open = async || roomy().data_dir(folder.path()).open().await.expect("nothing fails");
    let shop = Two::of(open().await).await;
    let kept = shop.attach(NOTE).await.expect("nothing fails");
    shop.send(&kept).await;
    let (ana, id) = (shop.ana.user_id(), kept.id);
    let Two { chat, ana: actor, talk } = shop;
    drop((actor, talk));
    chat.close(std::time::Duration::from_secs(10)).await.expect("nothing fails");

    let attachments = folder.path().join("attachments");
    let orphan = HEXLOWER.encode(&[0xab; 32]);
    let place = attachments.join("contents/ab/ab");
    std::fs::create_dir_all(&place).expect("nothing fails");
    std::fs::write(place.join(&orphan), b"never committed").expect("nothing fails");
    std::fs::write(attachments.join("incoming").join("half"), b"half of i").expect("nothing fails");
    let chat = open().await;
    until("the orphan is gone", async || files(&attachments).len() == 1).await;
    let read = chat.as_user(ana).attachment(id).await.expect("nothing fails").read_all().await.expect("nothing fails");
    assert_eq!(read, NOTE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_content_that_is_removed_and_uploaded_at_the_same_time_is_there() {
    let folder = tempfile::tempdir().expect("nothing fails");
    let store = AttachmentStore::folder(folder.path().join("attachments")).expect("nothing fails");
    let shop = Arc::new(Two::with(store).await);
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..4_u8 {
        let shop = Arc::clone(&shop);
        lanes.spawn(async move {
            // Each time the last who needs it lets go, and the next one comes.
            let content = [b'a' + lane; 100];
            for _ in 0..60 {
                let file = shop.attach(&content).await.expect("nothing fails");
                let message = shop.send(&file).await;
                assert_eq!(shop.bytes(&file).await, content);
                shop.talk.delete(message, None).await.expect("nothing fails");
            }
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane.expect("nothing fails");
    }
    until("all is removed", async || files(folder.path()).is_empty()).await;
}
