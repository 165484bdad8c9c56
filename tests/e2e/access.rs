//! Who may do what: the policy as a table to be read, and the same over the wire.

use std::fmt::Write as _;

use chat_proto::{ErrorCode, Role, UserId};
use chat_tests::{InProcess, PASSWORD, Person};
use chatcore::{Action, ContactMatrix, Relation, allows, can, policy};
use serde_json::{Value, json};

/// The whole matrix, role by relation by action, and the rows that decide it. `Action::ALL` names every action there is, so
/// an action that is missing in the file fails this test.
#[test]
fn the_policy_is_the_golden_file() {
    let mut table = String::from("what nobody is named for is denied\n\naction | roles | relations | because\n");
    for row in policy() {
        writeln!(table, "{row}").expect("a text");
    }
    table.push_str("\n                    stranger member owner\n");
    for action in Action::ALL {
        writeln!(table, "\n{action}").expect("a text");
        for role in Role::ALL {
            let mut line = format!("  {role:<18}");
            for (relation, width) in Relation::ALL.iter().zip([9, 7, 5]) {
                let mark = if can(role, *relation, *action).is_some() { "yes" } else { "-" };
                write!(line, "{mark:<width$}").expect("a text");
            }
            writeln!(table, "{}", line.trim_end()).expect("a text");
        }
    }
    insta::assert_snapshot!("policy", table);
}

#[test]
fn the_contact_matrix_is_the_golden_file() {
    let matrix = ContactMatrix::default();
    let mut table = String::from("may begin with\n");
    for from in Role::ALL {
        let reach: Vec<String> =
            Role::ALL.iter().filter(|to| matrix.may_start(from, **to)).map(ToString::to_string).collect();
        writeln!(table, "{:<10}{}", from.to_string(), reach.join(" ")).expect("a text");
    }
    insta::assert_snapshot!("contacts", table);
}

/// Two people of each role.
async fn pairs(server: &InProcess) -> Vec<[Person; 2]> {
    let mut people = Vec::new();
    for role in Role::ALL {
        let one = server.door.person(role, &format!("{role}-1")).await;
        people.push([one, server.door.person(role, &format!("{role}-2")).await]);
    }
    people
}

#[tokio::test]
async fn everybody_may_begin_with_whom_the_matrix_says_and_the_others_do_not_exist() {
    let server = InProcess::start().await;
    let people = pairs(&server).await;
    let matrix = ContactMatrix::default();
    let nobody = UserId::from_bytes([7; 16]);
    let begin = async |who: &Person, with: UserId| {
        who.request("POST", "/conversations")
            .header("X-Request-Id", "same")
            .json(&json!({"kind": "direct", "participants": [with]}))
            .send(who.address)
            .await
    };
    for [from, _] in &people {
        let unknown = begin(from, nobody).await;
        assert_eq!(unknown.problem().code.as_str(), "not_found");
        for [_, to] in &people {
            let answer = begin(from, to.id).await;
            let case = format!("{} to {}", from.role, to.role);
            if matrix.may_start(from.role, to.role) {
                assert_eq!(answer.status, 201, "{case}: {}", answer.text());
                let again = begin(from, to.id).await;
                assert_eq!((again.status, &again.ok()["id"]), (200, &answer.ok()["id"]), "{case}");
                // And the other way it is the same conversation, whoever may begin.
                assert_eq!(begin(to, from.id).await.ok()["id"], answer.ok()["id"], "{case}");
            } else {
                assert_eq!(without_date(answer), without_date(unknown.clone()), "{case}");
                assert_eq!(
                    to.get("/conversations").await["items"].as_array().map(|rows| {
                        rows.iter().filter(|row| row.to_string().contains(&from.id.to_string())).count()
                    }),
                    Some(0),
                    "{case}"
                );
            }
        }
    }
}

fn without_date(mut answer: chat_tests::Answer) -> chat_tests::Answer {
    answer.headers.retain(|(name, _)| name != "date");
    answer
}

#[tokio::test]
async fn groups_follow_the_matrix_too_and_so_does_the_directory() {
    let server = InProcess::start().await;
    let people = pairs(&server).await;
    let matrix = ContactMatrix::default();
    for [from, twin] in &people {
        for [_, to] in &people {
            let case = format!("{} to {}", from.role, to.role);
            let body = json!({"kind": "group", "participants": [to.id]});
            let group = from.call_with("POST", "/conversations", &body).await;
            let reaches = matrix.may_start(from.role, to.role);
            if !allows(from.role, Action::CreateGroup, Relation::Stranger) {
                assert_eq!(group.problem().code.as_str(), "forbidden", "{case}");
            } else if reaches {
                assert_eq!(group.status, 201, "{case}: {}", group.text());
            } else {
                assert_eq!(group.problem().code.as_str(), "not_found", "{case}");
            }
            let listed = from.get(&format!("/directory?role={}", to.role)).await.to_string();
            assert_eq!(listed.contains(&to.id.to_string()), reaches, "{case}: {listed}");
            assert!(!listed.contains(&from.id.to_string()) && !listed.contains("@shop.test"), "{listed}");
        }
        let made =
            json!({"email": format!("by-{}@shop.test", from.role), "name": "X", "password": PASSWORD, "role": "admin"});
        let made = from.call_with("POST", "/users", &made).await;
        assert_eq!(made.status, if from.role == Role::Admin { 201 } else { 403 }, "{}", from.role);
        assert_eq!(twin.role, from.role);
    }
}

#[tokio::test]
async fn people_are_found_by_the_beginnings_of_their_names() {
    let server = InProcess::start().await;
    let door = &server.door;
    let (leo, ana) = (door.person(Role::Agent, "leo").await, door.person(Role::Customer, "ana").await);
    let mut ids = Vec::new();
    for (number, (role, name)) in [
        (Role::Agent, "Marta Zz Last"),
        (Role::Customer, "zz First"),
        (Role::Customer, "Anna-Lena ZZ"),
        (Role::Customer, "Jazz Zebra"),
        (Role::Merchant, "ZZ Top"),
    ]
    .into_iter()
    .enumerate()
    {
        let somebody = door.person(role, &format!("somebody{number}")).await;
        somebody.call_with("PATCH", "/me", &json!({"name": name})).await.ok();
        ids.push(somebody.id);
    }
    let find = async |who: &Person, query: &str| {
        let page = who.get(&format!("/directory?{query}")).await;
        let names = page["items"].as_array().expect("people").iter().map(|row| row["name"].clone()).collect::<Vec<_>>();
        (names, page["next_cursor"].as_str().map(str::to_owned))
    };
    let all = ["Marta Zz Last", "Anna-Lena ZZ", "zz First", "ZZ Top"];
    assert_eq!(find(&leo, "q=Zz").await.0, all, "role by role, by name");
    assert_eq!(find(&leo, "q=Zz&role=customer").await.0, all[1..3]);
    assert_eq!(find(&leo, "q=la%20zz").await.0, all[..1], "every word, in any order");
    assert_eq!(find(&leo, "q=zzz").await, (Vec::new(), None));
    assert_eq!(find(&ana, "q=zz").await.0, [all[0], all[3]], "nobody whom one may not write to");
    // Part by part.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    while let (mut part, Some(next)) = find(&leo, &format!("q=zz&limit=1{cursor}")).await {
        assert_eq!(part.len(), 1);
        seen.append(&mut part);
        cursor = format!("&cursor={next}");
        let elsewhere = leo.call("GET", &format!("/directory?q=z{cursor}")).await;
        assert_eq!(elsewhere.problem().code.as_str(), "invalid_cursor");
    }
    seen.append(&mut find(&leo, &format!("q=zz&limit=1{cursor}")).await.0);
    assert_eq!(seen, all);
    // The one who is gone is nobody, and neither is oneself.
    let admin = door.person(Role::Admin, "ada").await;
    admin.call("DELETE", &format!("/users/{}", ids[1])).await;
    assert_eq!(find(&leo, "q=first").await.0, Vec::<Value>::new());
    assert!(!leo.get("/directory?q=l").await.to_string().contains(&leo.id.to_string()));
    for query in ["q=", "q=%20", &format!("q={}", "a".repeat(201))] {
        assert_eq!(leo.call("GET", &format!("/directory?{query}")).await.problem().code.as_str(), "invalid", "{query}");
    }
}

/// Whoever asks the served rows gets the server's own decision.
#[tokio::test]
async fn the_policy_is_served_to_the_staff() {
    let server = InProcess::start().await;
    for [from, _] in pairs(&server).await {
        let served = from.client().policy().await;
        if from.role == Role::Customer {
            assert_eq!(served.expect_err("not for customers").code(), Some(ErrorCode::Forbidden));
            continue;
        }
        let served = served.expect("the policy");
        assert_eq!(served.actions(), Action::ALL.iter().map(|action| action.as_str()).collect::<Vec<_>>());
        for (role, relation, action) in Role::ALL
            .into_iter()
            .flat_map(|role| Relation::ALL.iter().map(move |relation| (role, relation)))
            .flat_map(|(role, relation)| Action::ALL.iter().map(move |action| (role, relation, action)))
        {
            let decided = can(role, *relation, *action).map(|row| row.because);
            let told = served.rule(role, relation.as_str(), action.as_str()).map(|rule| rule.because.as_str());
            assert_eq!(told, decided, "{role} {relation} {action}");
        }
    }
}
