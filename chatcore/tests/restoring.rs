//! A copy of the data folder that is put back: who was told what is gone with it has to load anew, all others go on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use chatcore::model::Cursor;
use chatcore::{Chat, ConversationId, Event, Incoming, NewPerson, UserId};

struct Shop {
    chat: Chat,
    ana: UserId,
    leo: UserId,
    order: ConversationId,
}

impl Shop {
    async fn open(folder: &Path) -> Self {
        let chat = Chat::builder().data_dir(folder).open().await.unwrap();
        let [ana, leo] = [NewPerson::customer("ana@mail.example"), NewPerson::agent("leo@shop.example")];
        let known = chat.people().by_email("ana@mail.example").await.unwrap();
        let (ana, leo) = match known {
            Some(ana) => (ana.id, chat.people().by_email("leo@shop.example").await.unwrap().unwrap().id),
            None => (chat.people().create(ana).await.unwrap().id, chat.people().create(leo).await.unwrap().id),
        };
        let (order, _) = chat.as_user(ana).open_direct(leo).await.unwrap();
        Self { chat, ana, leo, order: order.id }
    }

    async fn write(&self, texts: impl IntoIterator<Item = &str>) {
        for text in texts {
            self.chat.as_user(self.ana).conversation(self.order).send(text).await.unwrap();
        }
    }

    async fn now(&self) -> Cursor {
        self.chat.as_user(self.leo).events_unseen(None).await.unwrap().cursor()
    }

    /// The texts that Leo is told after this; or why he is not.
    async fn after(&self, cursor: &Cursor) -> Result<Vec<String>, String> {
        let stream = self.chat.as_user(self.leo).events_unseen(Some(cursor)).await;
        let mut stream = stream.map_err(|refused| refused.detail().to_owned())?;
        let mut texts = Vec::new();
        loop {
            match stream.next().await.unwrap().unwrap() {
                Incoming::Event(told) => {
                    if let Event::MessageCreated(message) = told.event() {
                        texts.push(message.text.clone());
                    }
                }
                Incoming::Live => return Ok(texts),
                _ => {}
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[tokio::test]
async fn a_cursor_of_what_was_lost_by_restoring_is_not_followed_and_those_before_are() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let shop = Shop::open(&data).await;
    shop.write(["one"]).await;
    let early = shop.now().await;
    shop.write(["two"]).await;
    let before = shop.now().await;
    shop.chat.close(Duration::from_secs(10)).await.unwrap();
    copy(&data, &backup);

    let shop = Shop::open(&data).await;
    // The server was only stopped: everybody goes on.
    assert_eq!(shop.after(&early).await.unwrap(), ["two"]);
    let quiet = shop.now().await;
    shop.write(["lost", "lost too", "and this"]).await;
    let lost = shop.now().await;
    assert_eq!(shop.after(&before).await.unwrap(), ["lost", "lost too", "and this"]);
    shop.chat.close(Duration::from_secs(10)).await.unwrap();
    copy(&backup, &data);

    let shop = Shop::open(&data).await;
    // Beyond the end of the log, and when there is something else at its place.
    assert_eq!(shop.after(&lost).await.unwrap_err(), "epoch_changed");
    shop.write(["three", "four", "five", "six", "seven"]).await;
    assert_eq!(shop.after(&lost).await.unwrap_err(), "epoch_changed");
    assert_eq!(shop.after(&quiet).await.unwrap_err(), "epoch_changed", "who was told so may have seen more");
    assert_eq!(shop.after(&early).await.unwrap(), ["two", "three", "four", "five", "six", "seven"]);
    assert_eq!(shop.after(&before).await.unwrap(), ["three", "four", "five", "six", "seven"]);
    let now = shop.now().await;
    shop.chat.close(Duration::from_secs(10)).await.unwrap();

    let shop = Shop::open(&data).await;
    assert_eq!(shop.after(&lost).await.unwrap_err(), "epoch_changed", "nor after the next start");
    assert_eq!(shop.after(&now).await.unwrap(), [""; 0]);
}
