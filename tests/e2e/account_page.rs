//! What browsers are told of the page at `/account`. How it works in one is tested under `node/`.

use chat_tests::{InProcess, Options, Request};
use chatd::RouterConfig;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[tokio::test]
async fn the_page_and_all_that_it_loads_come_with_a_strict_policy() {
    let server = InProcess::start().await;
    let page = server.door.send(Request::new("GET", "/account")).await.text();
    let named = page.split('"').filter(|text| text.starts_with("/account/"));
    let mut paths: Vec<String> = named.map(str::to_owned).collect();
    assert_eq!(paths.len(), 3, "{paths:?}");
    let scripts = ["account", "muted", "parts", "push", "server", "sessions", "sw", "wishes"];
    paths.extend(scripts.map(|name| format!("/account/{name}.js")));
    paths.extend(["/account".to_owned(), "/account/".to_owned()]);
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
    let posted = server.door.send(Request::new("POST", "/account")).await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn a_shop_can_do_without_it() {
    let mut router = RouterConfig::default();
    router.account_page = false;
    let server = InProcess::start_with(Options { router, ..Options::default() }).await;
    for path in ["/account", "/account/", "/account/sw.js"] {
        assert_eq!(server.door.send(Request::new("GET", path)).await.status, 404, "{path}");
    }
}
