//! Makes a dump as `mongodump` writes it, of a shop that never was, to measure imports with:
//!
//! ```sh
//! cargo run --release -p chatctl --example mongo-dump -- /tmp/dump 10000 50000 1000000
//! chatctl --data-dir /tmp/data import mongo /tmp/dump
//! ```
//!
//! With a fifth number so many messages have a file, which lies in `/tmp/dump/uploads`:
//!
//! ```sh
//! cargo run --release -p chatctl --example mongo-dump -- /tmp/dump 100 500 10000 300
//! chatctl --data-dir /tmp/data import mongo /tmp/dump --uploads /tmp/dump/uploads
//! ```
//!
//! The same numbers give the same bytes.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use bson::oid::ObjectId;
use bson::{DateTime, doc};
use image::RgbImage;

/// `password1`, hashed by bcrypt with cost 10.
const PASSWORD: &str = "$2b$10$abcdefghijklmnopqrstuuXrYkVZGpTWWjFbJuXzN0v5lnXJXXKX2";
const FIRST_SECOND: u32 = 1_700_000_000;
const ROLES: [&str; 12] = [
    "customer", "customer", "customer", "customer", "customer", "customer", "customer", "customer", "agent",
    "designer", "merchant", "admin",
];

/// xorshift64*: enough to be different everywhere, and the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % end.max(1)
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise: u64| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let Some(folder) = arguments.first() else {
        return Err(io::Error::other("usage: mongo-dump FOLDER [USERS] [CONVERSATIONS] [MESSAGES] [FILES]"));
    };
    let (users, conversations, messages) = (number(1, 1_000), number(2, 5_000), number(3, 100_000));
    let files = number(4, 0);
    let uploads = Path::new(folder).join("uploads");
    let folder = Path::new(folder).join("shop");
    std::fs::create_dir_all(&folder)?;
    let mut dice = Dice(7);

    let mut file = BufWriter::new(File::create(folder.join("users.bson"))?);
    for user in 0..users {
        let role = ROLES[usize::try_from(dice.below(ROLES.len() as u64)).unwrap_or(0)];
        let record = doc! {
            "_id": id(1, user, 0), "name": format!("Person {user}"), "email": format!("person{user}@shop.example"),
            "password": PASSWORD, "role": role, "online": false, "__v": 0,
        };
        file.write_all(&record.to_vec().map_err(io::Error::other)?)?;
    }
    file.flush()?;

    let mut file = BufWriter::new(File::create(folder.join("conversations.bson"))?);
    let mut members = Vec::new();
    for conversation in 0..conversations {
        let count = if dice.below(10) == 0 { 3 + dice.below(4) } else { 2 };
        let mut people: Vec<u64> = (0..count).map(|_| dice.below(users)).collect();
        people.dedup();
        let at = moment(conversation * 60);
        let record = doc! {
            "_id": id(2, conversation, conversation * 60),
            "participants": people.iter().map(|user| id(1, *user, 0)).collect::<Vec<_>>(),
            "unreadCount": 3, "createdAt": at, "updatedAt": at, "__v": 0,
        };
        file.write_all(&record.to_vec().map_err(io::Error::other)?)?;
        members.push(people);
    }
    file.flush()?;

    let mut file = BufWriter::new(File::create(folder.join("messages.bson"))?);
    for message in 0..messages {
        let conversation = dice.below(conversations);
        let people = members.get(usize::try_from(conversation).unwrap_or(0)).map_or(&[][..], |people| people);
        let author = people.get(usize::try_from(dice.below(people.len() as u64)).unwrap_or(0)).copied().unwrap_or(0);
        let second = conversations * 60 + message * 30;
        let words = "Where is the parcel of my order? ".repeat(usize::try_from(1 + dice.below(8)).unwrap_or(1));
        let mut record = doc! {
            "_id": id(3, message, second), "conversation": id(2, conversation, conversation * 60),
            "sender": id(1, author, 0), "content": format!("{words}{message}"), "read": false,
            "createdAt": moment(second), "updatedAt": moment(second), "__v": 0,
        };
        if message < files {
            record.insert("attachment", upload(&uploads, message)?);
        }
        file.write_all(&record.to_vec().map_err(io::Error::other)?)?;
    }
    file.flush()
}

/// Makes a file, but for a few that are missing; every third is a picture. Returns what its message says of it.
fn upload(folder: &Path, number: u64) -> io::Result<String> {
    std::fs::create_dir_all(folder)?;
    let name = format!("{number}.{}", if number.is_multiple_of(3) { "jpg" } else { "txt" });
    if number.is_multiple_of(3) {
        let shade = number.to_le_bytes()[0];
        let pixels = RgbImage::from_fn(640, 480, |x, y| image::Rgb([x.to_le_bytes()[0], y.to_le_bytes()[0], shade]));
        pixels.save(folder.join(&name)).map_err(io::Error::other)?;
    } else if !number.is_multiple_of(20) {
        std::fs::write(folder.join(&name), format!("The invoice of order {number}.\n").repeat(100))?;
    }
    Ok(format!("/uploads/{name}"))
}

fn id(kind: u8, number: u64, second: u64) -> ObjectId {
    let mut bytes = [kind; 12];
    bytes[..4].copy_from_slice(&seconds(second).to_be_bytes());
    bytes[4..].copy_from_slice(&(u64::from(kind) << 56 | number).to_be_bytes());
    ObjectId::from_bytes(bytes)
}

fn moment(second: u64) -> DateTime {
    DateTime::from_millis(i64::from(seconds(second)) * 1_000)
}

fn seconds(second: u64) -> u32 {
    FIRST_SECOND.saturating_add(u32::try_from(second).unwrap_or(u32::MAX))
}
