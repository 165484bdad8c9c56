//! What browsers are told of the server's own pages for people. How they work in one is tested under `node/`.

use chat_tests::{InProcess, Options, Request};
use chatd::RouterConfig;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where people come to.
const PAGES: [&str; 7] = [
    "/account",
    "/account/",
    "/reset-password",
    "/verify-email",
    "/accept-invitation",
    "/c/conv_01kay8m2r3f9vvk1a2b3c4d5e6",
    "/c/%3Cscript%3E",
];

/// What pages load by way of other scripts.
const MODULES: [&str; 18] = [
    "address",
    "entrance",
    "muted",
    "parts",
    "picture",
    "push",
    "server",
    "sessions",
    "sw",
    "wishes",
    "letters/letter",
    "letters/password",
    "conversation/files",
    "conversation/live",
    "conversation/message",
    "conversation/reply",
    "conversation/seen",
    "conversation/timeline",
];

#[tokio::test]
async fn the_pages_and_all_that_they_load_come_with_a_strict_policy() {
    let server = InProcess::start().await;
    let mut paths: Vec<String> = PAGES.map(str::to_owned).to_vec();
    for page in PAGES {
        let page = server.door.send(Request::new("GET", page)).await.text();
        let named = page.split('"').filter(|text| text.starts_with("/account/"));
        let named: Vec<String> = named.map(str::to_owned).collect();
        assert!(named.len() >= 3, "{named:?}");
        paths.extend(named);
    }
    paths.extend(MODULES.map(|name| format!("/account/{name}.js")));
    for path in paths {
        let answer = server.door.send(Request::new("GET", &path)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-security-policy"), Some(POLICY), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        let kind = answer.header("content-type").unwrap_or_default();
        let expected = match path.rsplit_once('.') {
            Some((_, "css")) => "text/css",
            Some((_, "js")) => "text/javascript",
            Some((_, "svg")) => "image/svg+xml",
            _ => "text/html",
        };
        assert!(kind.starts_with(expected), "{path}: {kind}");
        let text = answer.text();
        for marker in ["http:", "https:", "<style", "style=", " onclick", "innerHTML", "eval(", "@import", "url("] {
            let harmless = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!harmless.contains(marker), "{marker} in {path}");
        }
    }
    // Which address of a conversation it is makes no difference: only who is signed in is told whether there is one.
    let [one, other] = [PAGES[5], PAGES[6]].map(|path| server.door.send(Request::new("GET", path)));
    assert_eq!(one.await.text(), other.await.text());
    for page in PAGES {
        assert_eq!(server.door.send(Request::new("POST", page)).await.status, 405, "{page}");
    }
}

#[tokio::test]
async fn a_shop_can_do_without_them() {
    let mut router = RouterConfig::default();
    router.account_page = false;
    let server = InProcess::start_with(Options { router, ..Options::default() }).await;
    for path in [&PAGES[..], &["/account/sw.js", "/account/letters/reset.js", "/account/conversation/live.js"]].concat()
    {
        assert_eq!(server.door.send(Request::new("GET", path)).await.status, 404, "{path}");
    }
}
