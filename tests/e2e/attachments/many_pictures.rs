//! A hundred pictures at once: they wait for each other on the disk, and not in memory.

use std::sync::Arc;
use std::time::Duration;

use chat_proto::Role;
use chat_tests::{Person, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::made::{coded, jpeg, noisy};
use super::many::most_resident;
use super::upload;
use crate::CHATD;

const UPLOADS: usize = 100;
const PEOPLE: usize = 5;
const MIB: usize = 1 << 20;
/// One that is decoded takes 42 MiB, a hundred connections in a debug build 31 at the most. Decoded on any thread that is
/// free they took 131.
const MOST: usize = 80 * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_large_pictures_at_once_do_not_stand_in_memory() {
    // As a phone takes them: twelve million points, nearly five MiB.
    let picture = Arc::new(jpeg(&noisy(4_000, 3_000, 22), 90));
    assert!((4 * MIB..5 * MIB).contains(&picture.len()), "{}", picture.len());
    let server = Server::start(CHATD).await;
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        people.push(server.door().person(Role::Customer, &format!("p{n}")).await);
    }
    // The paths are warm before it is measured.
    let small = coded(&noisy(64, 64, 9), image::ImageFormat::Jpeg);
    upload(&people[0], "a.jpg", &small).send(people[0].address).await.ok();
    let before = most_resident(server.pid());
    let mut tasks = JoinSet::new();
    for n in 0..UPLOADS {
        tasks.spawn(upload_picture(people[n % PEOPLE].clone(), Arc::clone(&picture), n));
    }
    while let Some(kept) = tasks.join_next().await {
        let answer = kept.expect("it ends");
        assert!(answer.starts_with("HTTP/1.1 201") && answer.contains("\"width\":4000"), "{answer}");
    }
    let grown = most_resident(server.pid()) - before;
    let grown = usize::try_from(grown).expect("it fits");
    println!("{UPLOADS} pictures of {} KiB at once: {} MiB more", picture.len() / 1_024, grown / MIB);
    assert!(grown < MOST, "{} MiB", grown / MIB);
}

/// Each another content, so that each is kept: of the first table of the picture another number is another.
async fn upload_picture(who: Person, picture: Arc<Vec<u8>>, n: usize) -> String {
    let head = format!(
        "POST /api/v1/attachments?name=a.jpg HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n",
        who.token,
        picture.len()
    );
    let table = picture.windows(2).position(|two| two == [0xff, 0xdb]).expect("a table") + 5;
    let (at, value) = (table + 63 - n % 50, picture[table] + u8::from(n >= 50));
    let exchange = async {
        let mut stream = TcpStream::connect(who.address).await.expect("the server listens");
        stream.write_all(head.as_bytes()).await.expect("it reads");
        stream.write_all(&picture[..at]).await.expect("it reads");
        stream.write_all(&[value]).await.expect("it reads");
        stream.write_all(&picture[at + 1..]).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    // All of them share the machine, and wait for each other.
    timeout(Duration::from_mins(5), exchange).await.expect("an answer")
}
