use chat_proto::{ErrorCode, Role};
use chat_tests::{InProcess, Options, Request, Socket};
use chatd::{RouterConfig, TrustedProxies};
use serde_json::json;

const SHOP: &str = "https://shop.test";

async fn server(proxied: bool) -> InProcess {
    let mut router = RouterConfig::default();
    router.allowed_origins = vec![SHOP.parse().expect("a header")];
    if proxied {
        let networks = vec!["127.0.0.0/8".parse().expect("a network")];
        router.trusted_proxies = TrustedProxies { networks, ..TrustedProxies::default() };
    }
    InProcess::start_with(Options { router, ..Options::default() }).await
}

/// Origins that look like one of the shop's.
const IMPOSTORS: [&str; 10] = [
    "http://shop.test",
    "https://shop.test:444",
    "https://shop.test.evil.test",
    "https://evil-shop.test",
    "https://sub.shop.test",
    "https://SHOP.test",
    "https://shop.test/",
    "https://shop.test https://evil.test",
    "null",
    "",
];

/// Pages of strangers open sockets as the visitor.
#[tokio::test]
async fn threat_20_only_the_shops_own_pages_open_a_socket() {
    let server = server(false).await;
    let at = server.door.address;
    let open = async |headers: &[(&str, &str)]| Socket::connect_with(at, headers).await;
    open(&[("Origin", SHOP)]).await.expect("the shop's own page");
    open(&[]).await.expect("a program that is no browser");
    for origin in IMPOSTORS {
        let (status, _) = open(&[("Origin", origin)]).await.expect_err("it is refused");
        assert_eq!(status, 403, "{origin:?}");
    }
    let two = open(&[("Origin", SHOP), ("Origin", "https://evil.test")]).await;
    assert_eq!(two.expect_err("it is refused").0, 403, "two origins are none");
}

/// A page that the server itself delivered, on one's own machine: exactly this one.
#[tokio::test]
async fn threat_20_an_own_page_is_known_by_scheme_name_and_port() {
    let direct = server(false).await;
    let at = direct.door.address;
    Socket::connect_with(at, &[("Origin", &format!("http://{at}"))]).await.expect("the server's own page");
    for origin in [
        format!("https://{at}"),
        format!("http://{}", at.ip()),
        format!("http://{}:{}", at.ip(), at.port() ^ 1),
        format!("http://localhost:{}", at.port()),
        format!("http://user@{at}"),
    ] {
        let refused = Socket::connect_with(at, &[("Origin", &origin)]).await.expect_err("it is refused");
        assert_eq!(refused.0, 403, "{origin}");
    }
    // A name of somebody else's that leads here (DNS rebinding): origin and host agree, and it is refused all the same.
    for host in ["evil.test:9000", "localhost.evil.test:9000", "127.0.0.1.evil.test"] {
        let asked = Request::new("GET", "/api/v1/ws")
            .header("Host", host)
            .header("Origin", format!("http://{host}"))
            .header("Upgrade", "websocket")
            .send(at)
            .await;
        assert!(matches!(asked.status, 400 | 403), "{host}: {}", asked.text());
    }
    // Behind a proxy the page's own address cannot be known.
    let proxied = server(true).await;
    let at = proxied.door.address;
    let own = Socket::connect_with(at, &[("Origin", &format!("http://{at}"))]).await;
    assert_eq!(own.expect_err("it is refused").0, 403);
    Socket::connect_with(at, &[("Origin", SHOP)]).await.expect("a configured page");
}

/// Pages of strangers read answers with the visitor's credentials.
#[tokio::test]
async fn threat_30_no_foreign_page_reads_an_answer() {
    let server = server(false).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let allowed = "access-control-allow-origin";
    for origin in IMPOSTORS.into_iter().chain(["https://evil.test", "*"]) {
        for request in [
            ana.request("GET", "/me"),
            ana.request("GET", "/nothing"),
            Request::new("OPTIONS", "/api/v1/me").header("Access-Control-Request-Method", "PATCH"),
        ] {
            let line = request.line();
            let answer = request.header("Origin", origin).send(ana.address).await;
            assert_eq!(answer.header(allowed), None, "{line} {origin:?}");
        }
    }
    for path in ["/me", "/nothing", "/server"] {
        let answer = ana.request("GET", path).header("Origin", SHOP).send(ana.address).await;
        assert_eq!(answer.header(allowed), Some(SHOP), "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{path}");
        assert!(answer.headers.iter().any(|(name, value)| name == "vary" && value.contains("origin")), "{path}");
    }
    let asked = Request::new("OPTIONS", "/api/v1/me")
        .header("Origin", SHOP)
        .header("Access-Control-Request-Method", "PATCH")
        .header("Access-Control-Request-Headers", "authorization,content-type")
        .send(ana.address)
        .await;
    assert_eq!((asked.status, asked.header(allowed)), (200, Some(SHOP)));
    assert!(asked.header("access-control-allow-headers").is_some_and(|headers| !headers.contains('*')));
}

/// Answers that are framed, sniffed, kept, or run as a page.
#[tokio::test]
async fn threat_30_every_answer_says_what_a_browser_may_do_with_it() {
    let server = server(false).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for path in [
        "/api/v1/me",
        "/api/v1/server",
        "/api/v1/conversations",
        "/api/v1/nothing",
        "/api/v1/ws",
        "/api/v1/openapi.json",
        "/api/docs",
        "/api/docs.css",
        "/account",
        "/account/account.css",
        "/account/account.js",
        "/account/sw.js",
        "/livez",
        "/readyz",
        "/",
        "/%3Cscript%3Ealert(1)%3C/script%3E",
    ] {
        let answer = Request::new("GET", path).token(&ana.token).send(ana.address).await;
        let header = |name| answer.header(name).unwrap_or_else(|| panic!("{path} without {name}"));
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("data:"), "{path}: {policy}");
        assert_eq!(answer.header("set-cookie"), None, "{path}: there is no cookie to forge requests with");
        assert!(!answer.text().contains("<script>alert"), "{path}");
    }
    let page = Request::new("GET", "/api/docs").send(ana.address).await.text();
    for inline in ["<script", "<style", " style=", " onclick=", " onload=", "javascript:"] {
        assert!(!page.contains(inline), "{inline} on the page");
    }
}

/// Tokens in addresses stand in logs of proxies and in histories.
#[tokio::test]
async fn threat_8_a_token_in_the_address_or_in_the_sub_protocol_is_none() {
    let server = server(false).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for name in ["token", "access_token", "auth", "jwt", "ticket"] {
        for path in ["/me", "/conversations", "/events", "/events/stream"] {
            let path = format!("/api/v1{path}?{name}={}", ana.token);
            let answer = Request::new("GET", path).send(ana.address).await;
            let code = answer.problem().code;
            assert!(matches!(code, ErrorCode::Unauthenticated | ErrorCode::Invalid), "{}", answer.text());
            assert!(!answer.text().contains(&ana.token), "{}", answer.text());
        }
    }
    let cookie =
        Request::new("GET", "/api/v1/me").header("Cookie", format!("token={}", ana.token)).send(ana.address).await;
    assert_eq!(cookie.problem().code, ErrorCode::Unauthenticated);
    let protocols = [("Sec-WebSocket-Protocol", "chat.v1.json"), ("Sec-WebSocket-Protocol", ana.token.as_str())];
    let mut socket = Socket::connect_with(ana.address, &protocols).await.expect("it opens");
    socket.say(&json!({"t": "ping"})).await;
    assert_eq!(socket.end().await.1, Some(4401), "it has said nothing of who it is");
}
