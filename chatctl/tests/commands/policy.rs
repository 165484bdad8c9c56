//! The policy, as operators ask it.

use chat_proto::Role;
use chat_tests::Door;

use crate::desk::Desk;

#[tokio::test]
async fn the_matrix_is_a_table_of_roles() {
    let desk = Desk::signed_in().await;
    insta::assert_snapshot!(desk.run(&["policy", "matrix"]).await.ok());
    let rules = desk.run(&["policy", "matrix", "--json"]).await.json();
    assert_eq!(rules["items"][0]["action"], "start_direct");
    assert!(rules["items"][0]["because"].is_string(), "{rules}");
}

#[tokio::test]
async fn a_question_is_answered_with_a_reason_and_a_code() {
    let desk = Desk::signed_in().await;
    let leo = desk.server.door.person(Role::Agent, "leo").await;
    let id = leo.id.to_string();
    for (question, code, answer) in [
        (
            &["customer", "post_message"][..],
            0,
            "Yes: customer may post_message as member or owner (who is in it may speak).",
        ),
        (
            &["customer", "post_message", "--relation", "stranger"],
            8,
            "No: customer may not post_message as stranger (no row of the policy allows it).",
        ),
        (&["admin", "read_audit_log"], 0, "Yes: admin may read_audit_log (administration)."),
        (
            &["leo@shop.test", "manage_users"],
            8,
            "No: leo (agent) may not manage_users (no row of the policy allows it).",
        ),
        (
            &[&id, "remove_participant", "--relation", "owner"],
            0,
            "Yes: leo (agent) may remove_participant as owner (who owns the group says who is in it).",
        ),
    ] {
        let asked = desk.run(&[&["policy", "can"], question].concat()).await;
        assert_eq!((asked.code, asked.out.trim_end()), (Some(code), answer), "{asked:?}");
    }
    let told = desk.run(&["policy", "can", "agent", "delete_message", "--json"]).await.json();
    assert_eq!(
        told,
        serde_json::json!({"allowed": true, "role": "agent", "action": "delete_message", "relations": ["owner"],
            "because": ["who owns the group keeps it clean"]})
    );

    desk.run(&["user", "disable", "leo@shop.test", "--yes"]).await.ok();
    let disabled = desk.run(&["policy", "can", "leo@shop.test", "post_message"]).await;
    assert_eq!(disabled.code, Some(8), "{disabled:?}");
    assert_eq!(disabled.out, "No: leo (agent) may not post_message (disabled).\n");
}

#[tokio::test]
async fn words_that_the_policy_does_not_know_are_told_from_a_no() {
    let desk = Desk::signed_in().await;
    for unknown in [
        &["policy", "can", "admin", "rule_the_world"][..],
        &["policy", "can", "admin", "post_message", "--relation", "friend"],
    ] {
        let asked = desk.run(unknown).await;
        assert_eq!(asked.code, Some(2), "{asked:?}");
        assert!(asked.err.contains("there are"), "{asked:?}");
    }
    assert_eq!(desk.run(&["policy", "can", "nobody@shop.test", "post_message"]).await.code, Some(5));
    let ana = desk.server.door.person(Role::Customer, "ana").await;
    desk.becomes(&ana.email).await;
    assert_eq!(desk.run(&["policy", "matrix"]).await.code, Some(4), "customers do not work with rules");
    assert_ne!(ana.email, Door::ADMIN);
}
