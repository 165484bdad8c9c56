//! Questions, at a terminal.

use chat_proto::Role;
use chat_tests::{Door, PASSWORD, Terminal, Tmux};

use crate::desk::Desk;

const SIZE: (u16, u16) = (120, 30);

/// Types a command of the program at the shell's prompt, on an empty screen.
async fn type_command(shell: &Terminal<'_>, desk: &Desk, arguments: &str) {
    shell.types("clear");
    shell.presses("Enter");
    shell.until("an empty screen", |screen| screen.trim() == "$").await;
    let home = desk.home.path().display();
    shell.types(&format!("run env -u XDG_STATE_HOME HOME={home} {} {arguments}", env!("CARGO_BIN_EXE_chatctl")));
    shell.presses("Enter");
}

/// Waits for the shell, which says how the program ended.
async fn ended(shell: &Terminal<'_>, status: i32) -> String {
    let again = format!("shell again: {status}");
    shell.until(&again, |screen| screen.contains(&again)).await
}

async fn is_as_it_was(shell: &Terminal<'_>) {
    shell.types("clear; stty -a");
    shell.presses("Enter");
    let modes = shell.until("its modes", |screen| screen.contains("icanon")).await;
    assert!(modes.split_whitespace().any(|word| word == "echo"), "no echo: {modes}");
}

#[tokio::test]
async fn ctrl_c_ends_every_question_and_leaves_the_terminal_as_it_was() {
    let desk = Desk::signed_in().await;
    desk.server.door.person(Role::Customer, "ana").await;
    let tmux = Tmux::new();
    let shell = tmux.shell("leo", SIZE);
    let login = format!("login {}", desk.url());
    for (command, question) in [
        (login.clone(), "Address:"),
        (format!("{login} --email ana@shop.test"), "Password of ana@shop.test:"),
        ("user disable ana@shop.test".to_owned(), "[y/N]"),
        ("user delete ana@shop.test".to_owned(), "Type the name (ana) to go on:"),
    ] {
        type_command(&shell, &desk, &command).await;
        shell.until(question, |screen| screen.contains(question)).await;
        shell.presses("C-c");
        ended(&shell, 130).await;
        is_as_it_was(&shell).await;
    }
    let ana = desk.run(&["user", "show", "ana@shop.test", "--json"]).await.json();
    assert_eq!(ana["state"], "active");
}

#[tokio::test]
async fn an_empty_address_is_asked_for_again_and_a_password_is_not_shown() {
    let desk = Desk::new().await;
    let tmux = Tmux::new();
    let shell = tmux.shell("leo", SIZE);
    type_command(&shell, &desk, &format!("login {}", desk.url())).await;
    for times in 1..3 {
        shell.until("the question", |screen| screen.matches("Address:").count() == times).await;
        shell.presses("Enter");
    }
    shell.until("the question", |screen| screen.matches("Address:").count() == 3).await;
    shell.types(Door::ADMIN);
    shell.presses("Enter");
    shell.until("the next question", |screen| screen.contains("Password of admin@shop.test:")).await;
    shell.types(PASSWORD);
    shell.presses("Enter");
    let screen = ended(&shell, 0).await;
    assert!(screen.contains("Signed in") && !screen.contains(PASSWORD), "{screen}");
    is_as_it_was(&shell).await;

    // Ctrl-D is no answer.
    for (command, question, status) in
        [(format!("login {}", desk.url()), "Address:", 2), (format!("user disable {}", Door::ADMIN), "[y/N]", 3)]
    {
        type_command(&shell, &desk, &command).await;
        shell.until(question, |screen| screen.contains(question)).await;
        shell.presses("C-d");
        ended(&shell, status).await;
    }
}

#[tokio::test]
async fn without_a_terminal_an_empty_address_is_wrong_usage() {
    let desk = Desk::new().await;
    let ran = desk.run_with(&["login", &desk.url(), "--email", "", "--password-stdin"], PASSWORD).await;
    assert!(ran.code == Some(2) && ran.err.contains("--email ADDRESS"), "{ran:?}");
}

#[tokio::test]
async fn a_new_password_is_asked_for_twice_and_never_shown() {
    let desk = Desk::signed_in().await;
    let tmux = Tmux::new();
    let shell = tmux.shell("leo", SIZE);
    let folder = desk.file("data");
    let mut doors = vec![String::new()];
    if cfg!(feature = "offline") {
        doors.push(format!("--data-dir {} ", folder.display()));
    }
    for door in doors {
        type_command(&shell, &desk, &format!("{door}user create mia@shop.test --role agent")).await;
        for (questions, typed) in (1..).zip([PASSWORD, "another", PASSWORD, PASSWORD]) {
            let are_asked = |screen: &str| {
                let of = |question: &str| screen.matches(question).count();
                of("Password for mia@shop.test:") + of("The same again:") == questions
            };
            shell.until("the question", are_asked).await;
            shell.types(typed);
            shell.presses("Enter");
        }
        let screen = ended(&shell, 0).await;
        assert!(screen.contains("These were two different ones.") && screen.contains(" mia (agent)."), "{screen}");
        assert!(!screen.contains(PASSWORD) && !screen.contains("another"), "{screen}");
    }
    for command in
        [format!("login {} --email mia@shop.test", desk.url()), "user create bo@shop.test --role agent".to_owned()]
    {
        type_command(&shell, &desk, &format!("{command} --password-stdin")).await;
        shell.until("the question", |screen| screen.contains("Password:")).await;
        shell.types(PASSWORD);
        shell.presses("Enter");
        let screen = ended(&shell, 0).await;
        assert!(!screen.contains(PASSWORD), "{screen}");
    }
    is_as_it_was(&shell).await;
}
