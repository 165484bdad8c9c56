//! Profiles: whose session goes where.

use std::io::ErrorKind;
use std::net::TcpListener;

use chat_proto::Role;
use chat_tests::{Door, InProcess, PASSWORD};

use crate::desk::Desk;

#[tokio::test]
async fn a_session_goes_to_the_server_of_its_profile_and_to_no_other() {
    let desk = Desk::signed_in().await;
    let name = desk.run(&["whoami", "--json"]).await.json()["profile"].as_str().expect("a name").to_owned();
    let credentials = desk.file(".local/state/chatctl/credentials.toml");
    let kept = std::fs::read_to_string(&credentials).expect("a file");
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port");
    elsewhere.set_nonblocking(true).expect("a socket");
    let other = format!("http://{}", elsewhere.local_addr().expect("an address"));

    for command in ["whoami", "logout"] {
        let ran = desk.run(&[command, "--profile", &name, "--server", &other]).await;
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let says =
            format!("chatctl: Profile {name} belongs to {}, and its session is not used at {other}.", desk.url());
        assert!(ran.err.starts_with(&says), "{ran:?}");
        let ran = desk.run(&[command, "--server", &other]).await;
        assert_eq!(ran.code, Some(4), "nobody is signed in there: {ran:?}");
    }
    let accepted = elsewhere.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(accepted, Err(ErrorKind::WouldBlock), "not even a connection was made");
    assert_eq!(std::fs::read_to_string(&credentials).expect("a file"), kept, "nothing is forgotten");

    // The same server, however it is spelled.
    let spelled = desk.url().replace("http", "HTTP") + "/";
    for arguments in [&["whoami", "--server", &spelled][..], &["whoami", "--server", &spelled, "--profile", &name]] {
        assert!(desk.run(arguments).await.ok().contains(Door::ADMIN), "{arguments:?}");
    }
}

#[tokio::test]
async fn of_several_profiles_of_a_server_the_default_one_is_used_or_one_is_named() {
    let desk = Desk::signed_in().await;
    let url = desk.url();
    let config = desk.file(".config/chatctl/config.toml");
    let two = format!("[profiles.one]\nserver = \"{url}\"\n[profiles.two]\nserver = \"{url}\"\n");
    std::fs::write(&config, &two).expect("a file");
    let ran = desk.run(&["whoami", "--server", &url]).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("one, two. Say which with --profile NAME."), "{ran:?}");
    assert_eq!(desk.run(&["status", "--server", &url]).await.code, Some(0), "no session is needed");
    std::fs::write(&config, format!("default = \"two\"\n{two}")).expect("a file");
    let ran = desk.run(&["whoami", "--server", &url]).await;
    assert!(ran.code == Some(4) && ran.err.contains("Nobody is signed in"), "{ran:?}");
}

async fn profile_of(desk: &Desk) -> (String, String) {
    let who = desk.run(&["whoami", "--json"]).await.json();
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    (text(&who["profile"]), text(&who["user"]["email"]))
}

#[tokio::test]
async fn each_server_and_each_person_there_has_a_profile_of_its_own() {
    let desk = Desk::signed_in().await;
    let second = InProcess::start().await;
    let (here, there) = (desk.server.door.address.to_string(), second.door.address.to_string());
    for name in ["ana", "leo"] {
        desk.server.door.person(Role::Customer, name).await;
    }
    let login = async |url: &str, arguments: &[&str]| {
        desk.run_with(&[&["login", url, "--password-stdin"], arguments].concat(), PASSWORD).await
    };

    let other = login(&format!("http://{there}"), &["--email", Door::ADMIN]).await;
    let says =
        format!("profile {there}. When none is named, {here} is used; `chatctl profile use {there}` changes that.\n");
    assert!(other.ok().ends_with(&says), "{other:?}");
    assert_eq!(profile_of(&desk).await, (here.clone(), Door::ADMIN.to_owned()), "the first is what it was");

    let ana = login(&desk.url(), &["--email", "ana@shop.test"]).await;
    assert!(ana.ok().contains(&format!(", profile ana@{here}. ")), "{ana:?}");
    assert_eq!(profile_of(&desk).await.1, Door::ADMIN);
    let again = login(&desk.url(), &["--email", "ADMIN@shop.test"]).await;
    let says = format!("profile {here}. It is used when no profile is named.\n");
    assert!(again.ok().ends_with(&says), "the same person keeps the profile: {again:?}");
    assert_eq!(desk.run(&["profile", "list", "-q"]).await.ok().lines().count(), 3);

    // A name that is somebody else's is not taken over as long as their session lasts.
    let kept = std::fs::read_to_string(desk.credentials()).expect("a file");
    let leo = login(&desk.url(), &["--email", "leo@shop.test", "--profile", &there]).await;
    assert_eq!(leo.code, Some(2), "{leo:?}");
    assert!(
        leo.err.contains(&format!("Profile {there} is signed in to http://{there} as {}.", Door::ADMIN)),
        "{leo:?}"
    );
    assert_eq!(std::fs::read_to_string(desk.credentials()).expect("a file"), kept);
    desk.run(&["logout", "--profile", &there]).await.ok();
    login(&desk.url(), &["--email", "leo@shop.test", "--profile", &there]).await.ok();
}
