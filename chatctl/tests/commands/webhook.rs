//! Webhooks, as operators look after them.

use crate::desk::Desk;

#[tokio::test]
async fn one_is_made_listed_tried_switched_and_deleted() {
    let desk = Desk::signed_in().await;
    let create =
        ["webhook", "create", "https://8.8.8.8/hook", "--event", "message.created", "--description", "CRM", "--json"];
    let made = desk.run(&create).await.json();
    let id = made["webhook"]["id"].as_str().expect("an id").to_owned();
    assert!(made["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{made}");
    let listed = desk.run(&["webhook", "list"]).await.ok().to_owned();
    assert_eq!(
        listed,
        format!(
            "URL\tSTATE\tEVENTS\tLAST DELIVERED\tFAILING SINCE\tFOR\tID\n\
             https://8.8.8.8/hook\tenabled\tmessage.created\t\t\tCRM\t{id}\n"
        )
    );
    assert_eq!(desk.run(&["webhook", "disable", &id]).await.ok(), format!("{id} is disabled.\n"));
    assert_eq!(desk.run(&["webhook", "enable", &id]).await.ok(), format!("{id} is enabled.\n"));
    let next = desk.run(&["webhook", "secret", &id, "--json"]).await.json();
    assert_ne!(next["secret"], made["secret"]);
    assert_eq!(desk.run(&["webhook", "deliveries", &id, "--json"]).await.json()["items"], serde_json::json!([]));
    assert_eq!(desk.run(&["webhook", "replay", &id]).await.ok(), format!("On their way to {id}: 0.\n"));
    assert_eq!(desk.run(&["webhook", "replay", &id, "--delivery", "evt_x"]).await.code, Some(5));
    let inside = desk.run(&["webhook", "create", "https://127.0.0.1/hook"]).await;
    assert_eq!(inside.code, Some(1), "{inside:?}");
    assert!(inside.err.contains("not on the open Internet"), "{inside:?}");
    assert_eq!(desk.run(&["webhook", "delete", &id]).await.code, Some(2), "it is asked first");
    assert_eq!(desk.run(&["webhook", "delete", &id, "--yes"]).await.ok(), format!("{id} is deleted.\n"));
    assert_eq!(desk.run(&["webhook", "test", &id]).await.code, Some(5));
}
