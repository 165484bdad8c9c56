//! `chatctl status`, the real program, against servers that say what each test wants.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

/// A server that answers `/readyz` with a status and `/api/v1/server` with a status and a body; its URL.
///
/// Its thread ends with the test's process.
#[expect(clippy::unwrap_used, reason = "a part of the tests")]
fn server(ready: u16, info: u16, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(&stream, ready, info, body);
        }
    });
    url
}

fn answer(mut stream: &TcpStream, ready: u16, info: u16, body: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let asked = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for header in lines {
        if header?.is_empty() {
            break;
        }
    }
    let (status, body) = match asked.as_str() {
        "GET /readyz HTTP/1.1" => (ready, ""),
        "GET /api/v1/server HTTP/1.1" => (info, body),
        _ => (404, ""),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

#[expect(clippy::unwrap_used, reason = "a part of the tests")]
fn chatctl(arguments: &[&str]) -> (Option<i32>, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_chatctl")).args(arguments).env_remove("CHATCTL_SERVER").output();
    let Output { status, stdout, stderr } = run.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

const INFO: &str = r#"{"version":"0.1.0\u001b[2J","protocols":["chat.v1.json"],"limits":{"text_bytes":16384,
    "frame_bytes":65536,"body_bytes":1048576,"group_participants":1000,"page_rows":200,
    "attachment_bytes":5242880,"attachments_per_message":10,"attachment_bytes_per_day":1073741824}}"#;

#[test]
fn a_healthy_server_is_shown_without_its_control_characters() {
    let url = server(200, 200, INFO);
    let (code, out, err) = chatctl(&["status", "--server", &url]);
    let expected = "State      ready\n\
         Version    0.1.0[2J\n\
         Protocols  chat.v1.json\n\
         Limits     message 16 KiB, frame 64 KiB, body 1 MiB, group 1000 people, page 200 rows, 10 attachments of 5 MiB\n";
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(out, format!("Server     {url}\n{expected}"));
}

#[test]
fn a_server_that_is_not_ready_is_unhealthy_in_both_forms() {
    let url = server(503, 200, INFO);
    let (code, out, _) = chatctl(&["status", "--server", &url]);
    assert_eq!(code, Some(8));
    assert!(out.contains("NOT READY"), "{out}");

    let (code, out, _) = chatctl(&["status", "--server", &url, "--json"]);
    assert_eq!(code, Some(8));
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["ready"], false);
    assert_eq!(report["limits"]["page_rows"], 200);
    assert!(!out.contains('\u{1b}'), "JSON escapes what a terminal would obey");
}

#[test]
fn an_unreachable_server_is_told_from_a_broken_one() {
    // Bound and dropped: nobody listens there now.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{port}");
    let (code, out, err) = chatctl(&["status", "--server", &nobody]);
    assert_eq!((code, out.as_str()), (Some(7), ""));
    assert!(err.starts_with(&format!("chatctl: {nobody}: the connection failed")), "{err}");
    let (_, _, err) = chatctl(&["status", "--json", "--server", &nobody]);
    let problem: serde_json::Value = serde_json::from_str(&err).unwrap();
    assert!(problem["detail"].as_str().unwrap().starts_with(&nobody), "{problem}");

    let (code, _, _) = chatctl(&["status", "--server", &server(200, 502, "")]);
    assert_eq!(code, Some(7), "a proxy without a server behind it");

    let (code, _, err) = chatctl(&["status", "--json", "--server", &server(404, 404, "a page")]);
    assert_eq!(code, Some(1), "something else answers there");
    let problem: serde_json::Value = serde_json::from_str(&err).unwrap();
    assert_eq!(problem["exit_code"], 1);
}

#[test]
fn a_wrong_command_line_is_refused_before_anything_is_asked() {
    for arguments in [
        &["status"][..],
        &["status", "--server", "ftp://chat.test"],
        &["status", "--server", "http://chat.test", "--timeout", "0"],
        &["stats"],
    ] {
        let (code, out, err) = chatctl(arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(!err.is_empty());
    }
    let (code, out, _) = chatctl(&["--version"]);
    assert_eq!((code, out), (Some(0), concat!("chatctl ", env!("CARGO_PKG_VERSION"), "\n").to_owned()));
}
