//! Dumps that are broken, and dumps that were made to break something. Whatever is wrong is told with its place, and the
//! rest comes.

use std::io::Write as _;

use bson::doc;
use serde_json::Value;

use crate::dump::{Dump, Form, at, bytes, conversation, id, message, packed, user};
use crate::shop::{Shop, texts};

/// What the report says of a place: fate, kind, record, id, and why.
fn told(shop: &Shop) -> Vec<String> {
    let shown = |line: &Value| {
        let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        format!(
            "{} {} {}@{} {}: {}",
            text("fate"),
            text("kind"),
            line["record"],
            line["offset"],
            text("id"),
            text("why")
        )
    };
    shop.report().iter().map(shown).collect()
}

#[test]
fn records_that_make_no_sense_are_left_out_with_their_places() {
    let mut dump = Dump::of_a_shop();
    let mut hungry = user(8, "Hungry", "customer");
    hungry.insert("password", doc! {"$ne": 1});
    dump.users.extend([
        doc! {"_id": "not an id", "name": "X", "email": "x@shop.example"},
        user(1, "Twin", "customer"),
        doc! {"_id": id(1, 5), "name": 7, "email": ["a@b.c"], "role": {"is": "admin"}},
        doc! {"_id": id(1, 6), "name": "\u{202e}nimdA\u{7}", "email": "ANA@shop.example", "role": "emperor"},
        doc! {"_id": id(1, 7), "email": "no address"},
        hungry,
    ]);
    dump.conversations.extend([
        doc! {"_id": 5, "participants": [id(1, 1)]},
        doc! {"_id": id(2, 13), "participants": "nobody"},
        doc! {"_id": id(2, 14), "participants": [id(1, 1), "x", id(1, 1), {"user": id(1, 77)}]},
        doc! {"_id": id(2, 15), "participants": [id(1, 3), id(1, 3)], "createdAt": "yesterday"},
        doc! {"_id": id(2, 16)},
    ]);
    let long = "x".repeat(20_000);
    dump.messages.extend([
        message(24, 99, 1, "its conversation is gone"),
        doc! {"_id": id(3, 25), "conversation": id(2, 10), "content": "by nobody"},
        doc! {"_id": id(3, 26), "sender": id(1, 1), "content": "nowhere"},
        message(27, 10, 1, "  "),
        message(28, 10, 1, &long),
        message(29, 10, 78, "by somebody who is gone"),
        message(23, 10, 1, "the same id"),
        doc! {"_id": id(3, 30), "conversation": id(2, 16), "sender": id(1, 4), "content": {"$gt": ""}},
        doc! {"_id": id(3, 31), "conversation": id(2, 16), "sender": id(1, 4), "content": "alone",
        "createdAt": bson::DateTime::from_millis(i64::MAX)},
        doc! {"_id": id(3, 32), "conversation": id(2, 16), "sender": id(1, 3), "content": "not alone",
        "createdAt": bson::DateTime::from_millis(i64::MIN)},
    ]);
    let shop = Shop::with(&dump);
    let dry = shop.import(&["--dry-run"]);
    assert_eq!(dry.code, Some(9), "{dry:?}");
    let expected = told(&shop);
    insta::assert_json_snapshot!("left_out", expected);
    let ran = shop.import(&[]);
    assert_eq!(ran.code, Some(9), "{ran:?}");
    assert_eq!(told(&shop), expected);
    insta::assert_snapshot!("what_came_of_it", shop.picture().replace(&"x".repeat(16_384), "[long]"));
    let position = shop.position();
    let again = shop.import(&[]);
    assert_eq!((again.code, shop.position()), (Some(9), position), "{again:?}");
    assert_eq!(again.json()["messages"]["imported"], 0);
}

/// A dump of which the messages are these bytes.
fn with_messages(content: &[u8], name: &str) -> Shop {
    let shop = Shop::new();
    Dump { messages: Vec::new(), ..Dump::of_a_shop() }.write(&shop.dump(), Form::Bson);
    let folder = shop.dump().join("shop");
    std::fs::remove_file(folder.join("messages.bson")).expect("the file goes");
    std::fs::write(folder.join(name), content).expect("a file");
    shop
}

#[test]
fn a_broken_length_ends_its_file_and_a_broken_document_only_itself() {
    let good = |second| bytes(&[message(second, 10, 1, &format!("m{second}"))]);
    let mut broken = good(21);
    // The type of its first field.
    broken[4] = 0x7f;
    let huge = [&i32::MAX.to_le_bytes()[..], &good(23)].concat();
    let negative = [&(-1_i32).to_le_bytes()[..], b"rest"].concat();
    let cases = [
        ([good(20), broken.clone(), good(22)].concat(), vec!["m20", "m22"], "kind"),
        ([good(20), huge, good(24)].concat(), vec!["m20"], "bytes from here on are not read"),
        ([good(20), negative].concat(), vec!["m20"], "cannot have -1 bytes; the 8 bytes from here on are not read"),
        ([good(20), good(21)[..30].to_vec()].concat(), vec!["m20"], "the file ends here: of the"),
        ([good(20), vec![9, 0]].concat(), vec!["m20"], "2 bytes into the length of a document"),
        (vec![0; 100], vec![], "cannot have 0 bytes; the 100 bytes"),
    ];
    for (content, expected, why) in cases {
        let offset = if expected.is_empty() { 0 } else { good(20).len() };
        let shop = with_messages(&content, "messages.bson");
        let ran = shop.import(&[]);
        assert_eq!(ran.code, Some(9), "{ran:?}");
        assert_eq!(texts(&shop, id(2, 10)), expected);
        let report = shop.report();
        let line = report.iter().find(|line| line["kind"] == "message").expect("a line");
        assert_eq!(line["offset"], offset, "{line}");
        if why != "kind" {
            assert!(line["why"].as_str().is_some_and(|told| told.contains(why)), "{line} {why}");
        }
    }
}

#[test]
fn a_line_that_is_no_json_is_told_and_the_next_ones_come() {
    let line = |second: u32| {
        let record = bson::Bson::from(message(second, 10, 1, &format!("m{second}")));
        record.into_relaxed_extjson().to_string()
    };
    let deep = format!("{{\"content\":{}}}", "[".repeat(100_000));
    let lines =
        [line(20), "{\"_id\": ".to_owned(), deep, "7".to_owned(), "null".to_owned(), line(21), "\u{0}".to_owned()];
    let shop = with_messages(lines.join("\n").as_bytes(), "messages.json");
    let ran = shop.import(&[]);
    assert_eq!((ran.code, &ran.json()["messages"]["skipped"]), (Some(9), &5.into()), "{ran:?}");
    assert_eq!(texts(&shop, id(2, 10)), ["m20", "m21"]);
    let place = |record: usize| lines[..record].iter().map(|line| line.len() + 1).sum::<usize>();
    let report: Vec<_> = shop.report().into_iter().filter(|line| line["kind"] == "message").collect();
    let places: Vec<_> = report.iter().map(|line| (line["record"].clone(), line["offset"].clone())).collect();
    let expected = [1, 2, 3, 4, 6].map(|record| ((record + 1).into(), place(record).into()));
    assert_eq!(places, expected);
}

#[test]
fn what_is_packed_and_damaged_comes_as_far_as_it_goes() {
    let many: Vec<_> =
        (20..5_020).map(|second| message(second, 10, 1, &format!("m{second} {}", second * 7_919))).collect();
    let mut content = packed(&bytes(&many));
    let half = content.len() / 2;
    // Of bytes that are not what they were, anything may come out.
    for (cut, why) in [(true, "cannot be read from here on"), (false, "")] {
        if cut {
            content.truncate(half);
        } else {
            content[half - 100..].fill(0xff);
        }
        let shop = with_messages(&content, "messages.bson.gz");
        let dry = shop.import(&["--dry-run"]);
        let expected = told(&shop);
        let ran = shop.import(&[]);
        assert_eq!((dry.code, ran.code), (Some(9), Some(9)), "{ran:?}");
        assert_eq!(told(&shop), expected);
        let came = texts(&shop, id(2, 10)).len();
        assert!(came > 100 && came < 5_000, "{came}");
        assert!(expected.iter().any(|line| line.starts_with("skipped message") && line.contains(why)), "{expected:?}");
    }
}

#[test]
fn what_unpacks_without_end_is_not_followed() {
    let mut packing = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packing.write_all(&bytes(&[message(20, 10, 1, "m20")])).expect("packed");
    // A document of 16 MiB, again and again.
    let mut document = vec![0x20; 16 << 20];
    document[..4].copy_from_slice(&(16_u32 << 20).to_le_bytes());
    document[4..7].copy_from_slice(b"\x05b\0");
    document[7..11].copy_from_slice(&((16_u32 << 20) - 13).to_le_bytes());
    document[11] = 0;
    *document.last_mut().expect("a byte") = 0;
    for _ in 0..16 {
        packing.write_all(&document).expect("packed");
    }
    let shop = with_messages(&packing.finish().expect("packed"), "messages.bson.gz");
    let ran = shop.import(&[]);
    assert_eq!(ran.code, Some(9), "{ran:?}");
    assert_eq!(texts(&shop, id(2, 10)), ["m20"]);
    let told = told(&shop);
    assert!(told.iter().any(|line| line.starts_with("skipped message") && line.contains("times its size")), "{told:?}");
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let shop = Shop::new();
    let elsewhere = tempfile::tempdir().expect("a folder");
    Dump::of_a_shop().write(elsewhere.path(), Form::Bson);
    std::fs::create_dir_all(shop.dump()).expect("a folder");
    std::os::unix::fs::symlink(elsewhere.path().join("shop"), shop.dump().join("shop")).expect("a link");
    assert_eq!(shop.import(&[]).code, Some(5));
    for name in ["users.bson", "messages.bson"] {
        std::os::unix::fs::symlink(elsewhere.path().join("shop").join(name), shop.dump().join(name)).expect("a link");
    }
    let ran = shop.import(&[]);
    assert!(ran.code == Some(5) && ran.err.contains("There is no dump"), "{ran:?}");
}

#[test]
fn a_group_has_only_so_many_participants() {
    let people: Vec<u32> = (100..1_200).collect();
    let mut dump = Dump::of_a_shop();
    dump.conversations.push(conversation(50, &people));
    dump.messages.push(message(60, 50, 100, "Hello, all"));
    let mut last = message(61, 50, 1_199, "I am the last");
    last.insert("createdAt", at(61));
    dump.messages.push(last);
    let shop = Shop::with(&dump);
    let ran = shop.import(&[]);
    assert_eq!((ran.code, &ran.json()["deleted_users"]), (Some(0), &1_100.into()), "{ran:?}");
    assert_eq!(texts(&shop, id(2, 50)), ["Hello, all", "I am the last"]);
    assert!(told(&shop).iter().any(|line| line.contains("the first 1000 are in it")));
}
