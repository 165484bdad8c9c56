use chat_proto::{ErrorCode, Role};
use chat_tests::{Answer, InProcess, Options, Request};
use chatd::{CompatConfig, RouterConfig};
use serde_json::json;

use super::{field, form, login};

const SHOP: &str = "https://shop.test";

async fn server(secure: bool) -> InProcess {
    let mut router = RouterConfig::default();
    router.allowed_origins = vec![SHOP.parse().expect("a header")];
    let mut compat = CompatConfig::default();
    compat.secure_cookies = secure;
    router.compat = Some(compat);
    InProcess::start_with(Options { manual_clock: true, router, ..Options::default() }).await
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_other_sites_and_plain_http() {
    for secure in [false, true] {
        let server = server(secure).await;
        server.door.person(Role::Customer, "ana").await;
        let signed_in = login(server.door.address, "ana@shop.test").await;
        let cookie = signed_in.header("set-cookie").expect("a cookie");
        let attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
        let mut expected = vec!["Path=/", "Max-Age=86400", "HttpOnly", "SameSite=Strict"];
        if secure {
            expected.push("Secure");
        }
        // No domain: it goes back to where it came from.
        assert_eq!(attributes, expected, "{cookie}");
    }
}

/// What a browser says of where a request comes from, and whether the cookie counts then.
const CASES: &[(&[(&str, &str)], bool)] = &[
    (&[], true),
    (&[("Origin", SHOP)], true),
    (&[("Origin", SHOP), ("Sec-Fetch-Site", "same-site")], true),
    (&[("Sec-Fetch-Site", "same-origin")], true),
    (&[("Sec-Fetch-Site", "none")], true),
    (&[("Origin", "https://evil.test")], false),
    (&[("Origin", "https://shop.test.evil.test")], false),
    (&[("Origin", "http://shop.test")], false),
    (&[("Origin", "null")], false),
    (&[("Origin", SHOP), ("Origin", "https://evil.test")], false),
    (&[("Sec-Fetch-Site", "cross-site")], false),
    (&[("Sec-Fetch-Site", "same-site")], false),
    (&[("Origin", "https://evil.test"), ("Sec-Fetch-Site", "same-origin")], false),
];

/// Pages of strangers act as the visitor, whose browser sends the cookie along.
#[tokio::test]
async fn hole_6_with_the_cookie_alone_only_the_shops_own_pages_act() {
    let server = server(false).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let at = ana.address;
    let order = ana.direct(&leo).await;
    let cookie = format!("theme=dark; jwt={}; x=y", ana.token);
    let requests = || {
        let message = json!({"conversation": order, "content": "Hello"});
        let old = |method: &str, path: &str| Request::new(method, format!("/api{path}"));
        [
            old("GET", "/auth/profile"),
            old("GET", "/chat/conversations"),
            // Two of those that change something although they are GET, and two that any page can send as a form.
            old("GET", &format!("/chat/conversation/{}", leo.id)),
            old("POST", "/chat/messages").json(&message),
            form(old("POST", "/chat/messages"), &[field("conversation", &order.to_string()), field("content", "Hi")]),
            form(old("PUT", "/users/profile"), &[field("name", "Ana")]),
            old("POST", &format!("/chat/conversations/{order}/read")),
        ]
    };
    for (headers, counts) in CASES {
        for request in requests() {
            let line = request.line();
            let with =
                |request: Request| headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
            let by_cookie: Answer = with(request.clone().header("Cookie", &cookie)).send(at).await;
            if *counts {
                by_cookie.ok();
            } else {
                assert_eq!(by_cookie.failure().0, ErrorCode::Forbidden, "{line} {headers:?}");
            }
            // A token is something that only the shop's page can have.
            with(request.token(&ana.token)).send(at).await.ok();
        }
    }
    let sign_out =
        Request::new("GET", "/api/auth/logout").header("Cookie", &cookie).header("Sec-Fetch-Site", "cross-site");
    let refused = sign_out.send(at).await;
    assert_eq!((refused.failure().0, refused.header("set-cookie")), (ErrorCode::Forbidden, None));
    super::get(&ana, "/auth/profile").await;
}

/// A page of anybody's signs the visitor in to an account of its own, to read what they write there.
#[tokio::test]
async fn nobody_is_signed_in_by_a_form_of_another_page() {
    let server = server(false).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let credentials = json!({"email": ana.email, "password": chat_tests::PASSWORD}).to_string();
    let post = || Request::new("POST", "/api/auth/login");
    for request in [
        form(post(), &[field("email", &ana.email), field("password", chat_tests::PASSWORD)]),
        post().text("text/plain", credentials.clone()),
        post().text("application/x-www-form-urlencoded", credentials),
    ] {
        let answer = request.send(ana.address).await;
        assert_eq!((answer.failure().0, answer.header("set-cookie")), (ErrorCode::UnsupportedMediaType, None));
    }
}

#[tokio::test]
async fn of_several_ways_to_say_who_one_is_the_header_counts() {
    let server = server(false).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let bo = server.door.person(Role::Customer, "bo").await;
    let profile = || Request::new("GET", "/api/auth/profile").header("Cookie", format!("jwt={}", ana.token));
    assert_eq!(profile().send(ana.address).await.ok()["data"]["name"], "ana");
    assert_eq!(profile().token(&bo.token).send(ana.address).await.ok()["data"]["name"], "bo");
    let proxied = profile().header("Authorization", "Basic c2hvcDpzaG9w").send(ana.address).await;
    assert_eq!(proxied.ok()["data"]["name"], "ana", "that is for the proxy in front");
    assert_eq!(profile().token("x").send(ana.address).await.failure().0, ErrorCode::Unauthenticated);
    for cookie in ["jwt=", "jwt", "notjwt=x", "JWT=x", ""] {
        let nobody = Request::new("GET", "/api/auth/profile").header("Cookie", cookie).send(ana.address).await;
        assert_eq!(nobody.failure().0, ErrorCode::Unauthenticated, "{cookie}");
    }
    // In /api/v1 a cookie is nothing.
    let v1 = Request::new("GET", "/api/v1/me").header("Cookie", format!("jwt={}", ana.token)).send(ana.address).await;
    assert_eq!(v1.problem().code, ErrorCode::Unauthenticated);
}
