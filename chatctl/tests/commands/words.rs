//! What is said when something is not as it should be.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use chat_proto::Role;
use chat_tests::Options;
use chatcore::Links;
use serde_json::Value;

use crate::desk::Desk;
use crate::mode;

#[tokio::test]
async fn who_cannot_sign_out_is_told_why_in_a_sentence() {
    let desk = Desk::signed_in().await;
    let kept = std::fs::read_to_string(desk.credentials()).expect("a file");
    let config = desk.file(".config/chatctl/config.toml");
    let profiles = std::fs::read_to_string(&config).expect("a file");
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let nobody = format!("http://{closed}");
    std::fs::write(&config, profiles.replace(&desk.url(), &nobody)).expect("a file");
    let ran = desk.run(&["logout"]).await;
    assert_eq!(ran.code, Some(7), "{ran:?}");
    let says = format!(
        "chatctl: The session is forgotten here; whether it ended on the server is not known. {nobody}: the connection \
         failed: "
    );
    assert!(ran.err.starts_with(&says) && ran.err.lines().count() == 1, "{ran:?}");
    assert_eq!(desk.run(&["whoami"]).await.code, Some(4), "it is forgotten");

    // A session that ended already cannot end better.
    std::fs::write(&config, profiles).expect("a file");
    std::fs::write(desk.credentials(), &kept).expect("a file");
    desk.run(&["logout"]).await.ok();
    std::fs::write(desk.credentials(), &kept).expect("a file");
    let whoami = desk.run(&["whoami"]).await;
    assert_eq!(whoami.code, Some(4));
    assert_eq!(whoami.err, "chatctl: This session has ended. (token_revoked) Sign in again: chatctl login\n");
    let again = desk.run(&["logout"]).await;
    assert_eq!((again.ok(), again.err.as_str()), (&*format!("Signed out of {}.\n", desk.url()), ""));
}

#[tokio::test]
async fn a_wrong_command_line_is_told_to_programs_as_other_errors_are() {
    let desk = Desk::signed_in().await;
    for (arguments, detail) in [
        (
            &["user", "list", "--limit", "0", "--json"][..],
            "invalid value '0' for '--limit <LIMIT>': 0 is not in 1..=4294967295",
        ),
        (&["--json", "user", "invite"], "the following required arguments were not provided: --role <ROLE> <EMAIL>"),
        (
            &["stats", "--json"],
            "'chatctl stats' requires a subcommand but one was not provided [subcommands: overview, help]",
        ),
    ] {
        let ran = desk.run(arguments).await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
        let problem: Value = serde_json::from_str(&ran.err).expect("JSON");
        assert_eq!(problem, serde_json::json!({"detail": detail, "exit_code": 2}));
    }
    assert!(desk.run(&["user", "--help", "--json"]).await.ok().contains("Usage:"), "a help is no error");
    let text = desk.run(&["conversation", "send", "--", "--json"]).await;
    assert!(text.code == Some(2) && text.err.starts_with("error: "), "behind -- there are no flags: {text:?}");
}

#[test]
fn no_color_is_heard_even_when_the_rest_makes_no_sense() {
    let errors = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
        let ran = command.args(arguments).env_clear().env("CLICOLOR_FORCE", "1").output().expect("it runs");
        assert_eq!(ran.status.code(), Some(2));
        String::from_utf8(ran.stderr).expect("text")
    };
    assert!(errors(&["user", "lst"]).contains('\u{1b}'), "else nothing is shown by the next");
    assert!(!errors(&["user", "lst", "--no-color"]).contains('\u{1b}'));
}

#[tokio::test]
async fn a_role_that_somebody_has_changes_nothing() {
    let desk = Desk::signed_in().await;
    let leo = desk.server.door.person(Role::Agent, "leo").await;
    let ran = desk.run(&["user", "role", &leo.email, "agent"]).await;
    assert_eq!(ran.ok(), "leo is agent already. Nothing was changed.\n");
    leo.get("/me").await;
    assert_eq!(desk.run(&["user", "role", &leo.email, "agent", "--json"]).await.json()["role"], "agent");
}

#[tokio::test]
async fn sessions_that_others_could_read_are_taken_from_them() {
    let desk = Desk::signed_in().await;
    std::fs::set_permissions(desk.credentials(), std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let ran = desk.run(&["whoami"]).await;
    ran.ok();
    assert!(ran.err.contains("credentials.toml was open to others."), "{ran:?}");
    assert_eq!(mode(&desk.credentials()), 0o600);
    assert_eq!(desk.run(&["whoami"]).await.err, "");
}

#[tokio::test]
async fn completion_offers_what_the_help_tells_of_and_nothing_else() {
    let desk = Desk::new().await;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = desk.run(&["completion", shell]).await;
        for hidden in ["xdg-config-home", "xdg-state-home", "no-color-env", "lc-ctype"] {
            assert!(!script.ok().contains(hidden), "{shell}: {hidden}");
        }
    }
    assert_eq!(desk.run(&["profile", "list", "--home", "/"]).await.code, Some(2));
}

#[tokio::test]
async fn who_invites_is_given_the_link_where_the_server_knows_it() {
    let desk = Desk::signed_in().await;
    let invited = desk.run(&["user", "invite", "leo@shop.test", "--role", "agent"]).await;
    assert!(invited.ok().contains(". The token, shown once: it_"), "{invited:?}");

    let mut options = Options::default();
    options.router.invitation_links = Some(Links::new("https://chat.shop.test").expect("an address"));
    let desk = Desk::at(options).await.with_admin().await;
    let invited = desk.run(&["user", "invite", "leo@shop.test", "--role", "agent"]).await;
    assert!(
        invited.ok().contains(". The link, shown once: https://chat.shop.test/accept-invitation#it_"),
        "{invited:?}"
    );
}
