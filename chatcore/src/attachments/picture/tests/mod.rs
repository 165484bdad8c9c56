//! Pictures that people send, and pictures that nobody sends by mistake. All of them are made here.

mod hostile;
mod made;
mod memory;
mod random;
mod seen;
mod square;
mod stripped;

use std::io::{Cursor, Read, Seek, Write};

use super::{Bounds, Cleaned, Format, Memory, Size, clean};
use crate::attachments::Unfit;

/// What comes of a picture: what is said of it, the cleaned file and the thumbnail.
#[derive(Debug)]
struct Made {
    said: Cleaned,
    cleaned: Vec<u8>,
    thumbnail: Vec<u8>,
}

impl Made {
    fn pixels(&self) -> image::RgbaImage {
        image::load_from_memory(&self.cleaned).expect("it can be decoded").to_rgba8()
    }

    fn small(&self) -> image::RgbaImage {
        image::load_from_memory(&self.thumbnail).expect("it can be decoded").to_rgba8()
    }

    fn holds(&self, word: &[u8]) -> bool {
        self.cleaned.windows(word.len()).any(|part| part == word)
    }
}

fn made_of(format: Format, bytes: &[u8]) -> Result<Made, Unfit> {
    let bounds = Bounds::default();
    let size = Size::read(&mut Cursor::new(bytes), format, &bounds)?;
    let room = futures_now(Memory::new(bounds.memory).reserve(&size));
    let [mut source, mut cleaned, mut thumbnail] = [(); 3].map(|()| tempfile::tempfile().expect("a file"));
    source.write_all(bytes).expect("it is written");
    let said = clean(&size, room, &bounds, &mut source, &mut cleaned, &mut thumbnail)?;
    let [cleaned, thumbnail] = [cleaned, thumbnail].map(|mut file| {
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("it can be read");
        bytes
    });
    assert_eq!((said.bytes, said.thumbnail.bytes), (cleaned.len() as u64, thumbnail.len() as u64));
    Ok(Made { said, cleaned, thumbnail })
}

/// The outcome of what need not wait.
fn futures_now<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future)
}

fn refused(format: Format, bytes: &[u8]) -> String {
    match made_of(format, bytes) {
        Ok(made) => panic!("it was taken: {:?}", made.said),
        Err(why) => format!("{}: {why}", why.code()),
    }
}
