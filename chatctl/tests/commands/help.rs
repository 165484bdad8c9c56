//! What the program says of itself.

use crate::desk::Desk;

/// Every command there is: who adds one adds its help here, and a group shows by its own help when one is missing.
const COMMANDS: &[&str] = &[
    "",
    "login",
    "logout",
    "whoami",
    "profile",
    "profile list",
    "profile use",
    "profile delete",
    "status",
    "user",
    "user list",
    "user show",
    "user create",
    "user invite",
    "user role",
    "user disable",
    "user enable",
    "user delete",
    "user reset-password",
    "user sessions",
    "user revoke-sessions",
    "policy",
    "policy can",
    "policy matrix",
    "audit",
    "audit list",
    "conversation",
    "conversation list",
    "conversation show",
    "conversation send",
    "conversation tail",
    "conversation export",
    "attachment",
    "attachment upload",
    "attachment show",
    "attachment save",
    "attachment link",
    "attachment delete",
    "event",
    "event tail",
    "stats",
    "stats overview",
    "import",
    "import mongo",
    "webhook",
    "webhook list",
    "webhook create",
    "webhook enable",
    "webhook disable",
    "webhook secret",
    "webhook test",
    "webhook deliveries",
    "webhook replay",
    "webhook delete",
    "vapid",
    "vapid generate",
    "bench",
    "bench floor",
    "bench idle",
    "bench max",
    "bench resume",
    "bench room",
    "bench support",
    "completion",
    "man",
];

#[tokio::test]
async fn every_command_has_a_help() {
    let desk = Desk::new().await;
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    for command in COMMANDS {
        let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).chain(["--help"]).collect();
        let help = desk.run(&words).await;
        let name = if command.is_empty() { "chatctl".to_owned() } else { command.replace(' ', "-") };
        settings.bind(|| insta::assert_snapshot!(name, help.ok()));
    }
}

/// The commands that a help lists, with those below them.
async fn listed(desk: &Desk, group: &str) -> Vec<String> {
    let words: Vec<&str> = group.split(' ').filter(|word| !word.is_empty()).chain(["--help"]).collect();
    let help = desk.run(&words).await;
    let help = help.ok();
    let Some((_, commands)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = commands.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !name.is_empty());
    names.filter(|name| *name != "help").map(|name| format!("{group} {name}").trim().to_owned()).collect()
}

#[tokio::test]
async fn the_list_of_helps_is_complete() {
    let desk = Desk::new().await;
    let mut all = vec![String::new()];
    let mut next = 0;
    while let Some(group) = all.get(next).cloned() {
        next += 1;
        all.extend(listed(&desk, &group).await);
    }
    all.sort();
    let mut known: Vec<&str> = COMMANDS.to_vec();
    known.sort_unstable();
    assert_eq!(all, known);
}

#[tokio::test]
async fn everything_has_a_completion_and_a_page() {
    let desk = Desk::new().await;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(desk.run(&["completion", shell]).await.ok().contains("conversation"), "{shell}");
    }
    assert!(desk.run(&["man"]).await.ok().contains(".TH chatctl"));
    let folder = desk.file("man");
    desk.run(&["man", "--dir", folder.to_str().expect("text")]).await.ok();
    assert!(folder.join("chatctl-conversation-show.1").exists());
}

#[cfg(not(feature = "offline"))]
#[tokio::test]
async fn a_build_without_its_offline_mode_says_so() {
    let desk = Desk::new().await;
    let ran = desk.run(&["--data-dir", "/nowhere", "user", "show", "a@b.c"]).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("built without its offline mode"), "{ran:?}");
}
