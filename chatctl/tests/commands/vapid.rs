//! Keys of web push, made without a server.

use chatcore::VapidKeys;
use serde_json::Value;

use crate::desk::Desk;
use crate::mode;

fn public_of(private: &str) -> String {
    VapidKeys::from_private(private).expect("a private key").public().to_owned()
}

#[tokio::test]
async fn a_pair_is_printed_as_a_server_takes_it() {
    let desk = Desk::new().await;
    let printed = desk.run(&["vapid", "generate"]).await.ok().to_owned();
    let lines: Vec<(&str, &str)> = printed.lines().filter_map(|line| line.split_once('=')).collect();
    let [("VAPID_PUBLIC_KEY", public), ("VAPID_PRIVATE_KEY", private)] = lines[..] else { panic!("{printed}") };
    assert_eq!(public_of(private), public);
    let toml = desk.run(&["vapid", "generate", "--toml"]).await.ok().to_owned();
    assert!(toml.starts_with("[push]\npublic_key = \"B") && !toml.contains(public), "{toml}");
    let json: Value = desk.run(&["vapid", "generate", "--json"]).await.json();
    assert_eq!(json["public_key"], public_of(json["private_key"].as_str().expect("a key")));
}

#[tokio::test]
async fn a_key_in_a_file_is_for_its_owner_and_is_not_overwritten() {
    let desk = Desk::new().await;
    let file = desk.file("vapid.key");
    let path = file.to_str().expect("a plain path");
    let public = desk.run(&["vapid", "generate", "--key-file", path]).await.ok().to_owned();
    let private = std::fs::read_to_string(&file).expect("a file");
    assert_eq!((public_of(&private), mode(&file)), (public.trim_end().to_owned(), 0o600));
    let again = desk.run(&["vapid", "generate", "--key-file", path]).await;
    assert_eq!(again.code, Some(6), "{again:?}");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), private);
}
