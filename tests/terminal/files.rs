//! A file, from one terminal to the other.

use chat_proto::Role;
use chat_tests::{Server, Tmux};

use super::{CHAT_TUI, CHATD, SIZE, is_live};

#[tokio::test]
async fn a_file_goes_from_one_terminal_to_the_other() {
    let tmux = Tmux::new();
    let server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    leo.write(leo.direct(&ana).await, "Could you send the invoice?").await;
    let url = format!("http://{}", server.door().address);
    let homes = ["ana", "leo"].map(|name| tmux.folder().join(name));
    let open = |name: &str, home: &std::path::Path, email: &str| {
        std::fs::create_dir_all(home.join("Downloads")).expect("a folder");
        let home = format!("HOME={}", home.display());
        tmux.start(name, SIZE, "/usr/bin/env", &[&home, CHAT_TUI, &url, email])
    };
    let at_ana = open("ana", &homes[0], &ana.email);
    let at_leo = open("leo", &homes[1], &leo.email);
    let invoice = (0..20_000).map(|line| format!("order {line}\n")).collect::<Vec<_>>().concat();
    std::fs::write(homes[0].join("invoice-1001.txt"), &invoice).expect("a file");
    std::fs::write(homes[0].join("run.sh"), "#!/bin/sh\nrm -r ~\n").expect("a file");
    for terminal in [&at_ana, &at_leo] {
        terminal.until("live", |screen| is_live(screen) && screen.contains("Could you send")).await;
    }

    // What the server does not take stays with the message until it is taken away.
    at_ana.presses("Enter");
    at_ana.until("writing", |screen| screen.contains("Enter send")).await;
    at_ana.presses("C-g");
    at_ana.until("the question", |screen| screen.contains("Attach a file")).await;
    at_ana.types("~/run.sh");
    at_ana.presses("Enter");
    at_ana.until("why not", |screen| screen.contains("[run.sh  failed: Scripts are not taken.")).await;
    at_ana.presses("C-x");
    at_ana.until("nothing", |screen| !screen.contains("[run.sh")).await;

    at_ana.presses("C-g");
    at_ana.until("the question", |screen| screen.contains("Attach a file")).await;
    at_ana.types("~/inv");
    at_ana.presses("Tab");
    at_ana.until("the whole name", |screen| screen.contains("> ~/invoice-1001.txt")).await;
    at_ana.presses("Enter");
    at_ana.until("the file", |screen| screen.contains("[invoice-1001.txt  22")).await;
    at_ana.types("Here it is");
    at_ana.until("the text", |screen| screen.contains("Here it is")).await;
    at_ana.presses("Enter");
    for terminal in [&at_ana, &at_leo] {
        let there = |screen: &str| screen.contains("[invoice-1001.txt  text/plain, 22") && !screen.contains("sending");
        terminal.until("the message with its file", there).await;
    }

    at_leo.presses("o");
    at_leo.until("where to", |screen| screen.contains("Downloads/invoice-1001.txt")).await;
    at_leo.presses("Enter");
    at_leo.until("that it is saved", |screen| screen.contains("Saved ")).await;
    let saved = homes[1].join("Downloads/invoice-1001.txt");
    assert_eq!(std::fs::read_to_string(&saved).expect("it is there"), invoice);

    // A second time it is asked about first.
    std::fs::write(&saved, "mine").expect("a file");
    at_leo.presses("o");
    at_leo.until("where to", |screen| screen.contains("Downloads/invoice-1001.txt") && screen.contains("Save ")).await;
    at_leo.presses("Enter");
    at_leo.until("a question", |screen| screen.contains("Enter replaces it")).await;
    assert_eq!(std::fs::read_to_string(&saved).expect("it is there"), "mine");
    at_leo.presses("Enter");
    at_leo.until("that it is saved", |screen| screen.contains("Saved ")).await;
    assert_eq!(std::fs::read_to_string(&saved).expect("it is there"), invoice);
}
