//! What must hold of the decoders, whatever bytes come in. Each of these panics when it does not.

use std::fmt::{Debug, Display};
use std::io::{Cursor as Bytes, Read as _, Seek as _, Write as _};
use std::str::FromStr;
use std::sync::LazyLock;

use chat_proto::wire::{
    AddParticipant, ClientFrame, LoginBody, NewConversation, NewMessage, NewUser, PatchMe, PatchMessage, ReadBody,
    RegisterBody, ServerFrame, TypingBody, is_too_deep,
};
use chat_proto::{ClientId, ConversationId, MessageId, SessionId, UserId};
use chatcore::attachments::kind::Kind;
use chatcore::attachments::picture::{self, Bounds, Format, Memory, Size};
use chatcore::model::Cursor;
use chatcore::{Actor, Chat};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

/// What a refusal says is no longer than this, however long what it refuses.
const MOST_DETAIL: usize = 512;

/// Frames of both directions: one that is read can be written and read again, and what is refused is refused briefly.
pub fn frames(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match ClientFrame::parse(text) {
        Ok(frame) => {
            let written = serde_json::to_string(&frame).expect("it can be written");
            let again = ClientFrame::parse(&written).unwrap_or_else(|error| panic!("{written}: {error:?}"));
            assert_eq!(written, serde_json::to_string(&again).expect("it can be written"));
        }
        Err(error) => assert!(error.detail.len() <= MOST_DETAIL, "{} bytes", error.detail.len()),
    }
    if !is_too_deep(bytes)
        && let Ok(frame) = serde_json::from_str::<ServerFrame>(text)
    {
        serde_json::to_string(&frame).expect("it can be written");
    }
}

/// Bodies of requests.
pub fn bodies(bytes: &[u8]) {
    if is_too_deep(bytes) {
        return;
    }
    read_and_write::<NewMessage>(bytes);
    read_and_write::<PatchMessage>(bytes);
    read_and_write::<NewConversation>(bytes);
    read_and_write::<AddParticipant>(bytes);
    read_and_write::<ReadBody>(bytes);
    read_and_write::<TypingBody>(bytes);
    read_and_write::<RegisterBody>(bytes);
    read_and_write::<LoginBody>(bytes);
    read_and_write::<NewUser>(bytes);
    read_and_write::<PatchMe>(bytes);
}

fn read_and_write<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    let Ok(body) = serde_json::from_slice::<T>(bytes) else { return };
    let written = serde_json::to_string(&body).expect("it can be written");
    let again: T = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(written, serde_json::to_string(&again).expect("it can be written"));
}

/// Cursors: nobody can make one.
pub fn cursors(bytes: &[u8]) {
    static SHOP: LazyLock<(Runtime, Actor)> = LazyLock::new(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let ana = runtime.block_on(async {
            let chat = Chat::in_memory().await.expect("a chat in memory");
            let ana = chat.people().create(chatcore::NewPerson::customer("ana@shop.test")).await.expect("a customer");
            chat.as_user(ana.id)
        });
        (runtime, ana)
    });
    let (runtime, ana) = &*SHOP;
    let cursor = || Cursor::from_text(String::from_utf8_lossy(bytes).into_owned());
    runtime.block_on(async {
        assert!(ana.events_after(&cursor()).await.is_err(), "a place among the events");
        assert!(ana.conversations(1, Some(cursor())).await.is_err(), "a page of the inbox");
    });
}

/// Files: what they are told to be; pictures are no larger than is allowed, and what was cleaned stays as it is when it is
/// cleaned again.
pub fn files(bytes: &[u8]) {
    let Ok(Some(format)) = Kind::of(&mut Bytes::new(bytes), "file").map(Kind::picture) else { return };
    let Some(once) = cleaned(format, bytes) else { return };
    let again = cleaned(format, &once).expect("what was cleaned is taken");
    assert!(once == again, "it is not the same");
}

fn cleaned(format: Format, bytes: &[u8]) -> Option<Vec<u8>> {
    static MEMORY: LazyLock<(Runtime, Memory)> = LazyLock::new(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        (runtime, Memory::new(Bounds::default().memory))
    });
    let (runtime, memory) = &*MEMORY;
    let bounds = Bounds { pixels: 1_000_000, ..Bounds::default() };
    let size = Size::read(&mut Bytes::new(bytes), format, &bounds).ok()?;
    assert!(size.memory <= bounds.memory && u64::from(size.width) * u64::from(size.height) <= bounds.pixels);
    let room = runtime.block_on(memory.reserve(&size));
    let [mut source, mut cleaned, mut thumbnail] = [(); 3].map(|()| tempfile::tempfile().expect("a file"));
    source.write_all(bytes).expect("it is written");
    let made = picture::clean(&size, room, &bounds, &mut source, &mut cleaned, &mut thumbnail).ok()?;
    assert!(made.thumbnail.width.max(made.thumbnail.height) <= bounds.thumbnail);
    let mut bytes = Vec::new();
    cleaned.rewind().and_then(|()| cleaned.read_to_end(&mut bytes)).expect("it can be read");
    Some(bytes)
}

/// Ids and client ids: there is one way to write each.
pub fn ids(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    one_way::<UserId>(text);
    one_way::<ConversationId>(text);
    one_way::<MessageId>(text);
    one_way::<SessionId>(text);
    one_way::<ClientId>(text);
}

fn one_way<T: FromStr<Err: Display> + Display + Debug>(text: &str) {
    match text.parse::<T>() {
        Ok(id) => assert_eq!(id.to_string(), text),
        Err(error) => assert!(error.to_string().len() <= MOST_DETAIL, "{} bytes", error.to_string().len()),
    }
}
