//! Whoever had a password has it still.

use chat_tests::{InProcess, Options, PASSWORD, Request};
use serde_json::json;

use crate::dump::Dump;
use crate::shop::Shop;

/// As the replaced backend hashes: bcrypt with cost 10.
const OLD: &str = "old password of ana";

#[tokio::test]
async fn an_old_password_signs_in_and_is_kept_as_passwords_are_kept_now() {
    let mut dump = Dump::of_a_shop();
    let hash = bcrypt::hash_with_salt(OLD, 10, [7; 16]).expect("a hash");
    dump.users[0].insert("password", hash.format_for_version(bcrypt::Version::TwoB));
    dump.users[1].insert("password", "in plain text");
    let shop = Shop::with(&dump);
    let create = ["user", "create", chat_tests::Door::ADMIN, "--role", "admin", "--password-stdin"];
    assert_eq!(shop.run(&create, PASSWORD).code, Some(0));
    assert_eq!(shop.import(&[]).code, Some(0));
    let report = shop.report();
    assert!(report.iter().any(|line| line["why"].as_str().is_some_and(|why| why.contains("password"))), "{report:?}");
    let stored = || shop.account("ana@shop.example").and_then(|ana| ana.password).expect("a password");
    assert!(stored().starts_with("$2b$10$"));
    assert_eq!(shop.account("leo@shop.example").and_then(|leo| leo.password), None);

    for (round, expected) in [(1, "$2b$10$"), (2, "$argon2id$")] {
        assert!(stored().starts_with(expected), "before round {round}: {}", stored());
        let server = InProcess::start_with(Options { data_dir: Some(shop.folder()), ..Options::default() }).await;
        let login = async |email: &str, password: &str| {
            let body = json!({"email": email, "password": password});
            Request::new("POST", "/api/v1/auth/login").json(&body).send(server.door.address).await
        };
        assert_eq!(login("ana@shop.example", "not this one").await.status, 401);
        assert_eq!(login("leo@shop.example", "in plain text").await.status, 401);
        let signed_in = login("ana@shop.example", OLD).await.ok();
        assert_eq!(signed_in["user"]["name"], "Ana");
        let token = signed_in["access_token"].as_str().expect("a token");
        let inbox = Request::new("GET", "/api/v1/conversations").token(token).send(server.door.address).await.ok();
        let unread: Vec<_> = inbox["items"].as_array().expect("a list").iter().map(|chat| &chat["unread"]).collect();
        assert_eq!(unread, [0, 0], "what came counts as read");
        let chat = server.chat.clone();
        drop(server);
        chat.close(std::time::Duration::from_secs(30)).await.expect("it closes");
    }
}
