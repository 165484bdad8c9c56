//! A group, begun from the directory.

use chat_proto::Role;
use chat_tests::{Server, Tmux};

use super::{CHATD, is_live, open, says};

#[tokio::test]
async fn several_people_from_the_directory_are_in_a_group_and_it_is_found_again() {
    let tmux = Tmux::new();
    let server = Server::start(CHATD).await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let mia = server.door().person(Role::Agent, "mia").await;
    let zoe = server.door().person(Role::Designer, "zoe").await;
    for (other, text) in [(&mia, "Good morning, Mia"), (&zoe, "Good morning, Zoe")] {
        leo.write(leo.direct(other).await, text).await;
    }

    let at_leo = open(&tmux, &server, &leo, "leo");
    let at_mia = open(&tmux, &server, &mia, "mia");
    for terminal in [&at_leo, &at_mia] {
        terminal.until("live", |screen| is_live(screen) && screen.contains("Good morning")).await;
    }
    at_leo.presses("N");
    for name in ["mia", "zoe"] {
        at_leo.types(name);
        at_leo.until(name, |screen| screen.contains(&format!(">  {name}"))).await;
        at_leo.presses("Tab");
        at_leo.until("the mark", |screen| screen.contains(&format!("* {name}"))).await;
        at_leo.presses("C-u");
    }
    at_leo.presses("Enter");
    at_leo.until("the last question", |screen| screen.contains("With mia, zoe")).await;
    at_leo.types("Autumn window");
    at_leo.presses("Enter");
    at_leo.until("the group", |screen| screen.contains("To Autumn window")).await;
    says(&at_leo, "Who has the key?").await;
    at_mia.until("the group", |screen| screen.contains("Autumn window") && screen.contains("Who has the key?")).await;

    at_leo.presses("Escape");
    at_leo.until("reading", |screen| !screen.contains("Enter send")).await;
    at_leo.types("/morning");
    at_leo.until("those two", |screen| screen.contains("2 of 3") && !screen.contains("Autumn")).await;
    at_leo.presses("C-u");
    at_leo.types("window zoe");
    at_leo.until("the group alone", |screen| screen.contains("1 of 3") && screen.contains("Who has the key?")).await;
    at_leo.presses("Enter");
    at_leo.until("the list", |screen| screen.contains("Enter open") && screen.contains("1 of 3")).await;
    at_leo.presses("Escape");
    at_leo.until("all", |screen| !screen.contains(" of 3") && screen.contains("Good morning")).await;
}
