//! What the program says of itself.

use crate::desk::Desk;

#[tokio::test]
async fn everything_has_a_help_a_completion_and_a_page() {
    let desk = Desk::new().await;
    for arguments in [&["--help"][..], &["login", "--help"], &["user", "--help"], &["conversation", "--help"]] {
        let help = desk.run(arguments).await;
        insta::assert_snapshot!(arguments.join(" "), help.ok());
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(desk.run(&["completion", shell]).await.ok().contains("conversation"), "{shell}");
    }
    assert!(desk.run(&["man"]).await.ok().contains(".TH chatctl"));
    let folder = desk.file("man");
    desk.run(&["man", "--dir", folder.to_str().expect("text")]).await.ok();
    assert!(folder.join("chatctl-conversation-show.1").exists());
}
