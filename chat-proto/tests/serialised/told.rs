//! Who is told of what, and what there is to count.

use chat_proto::model::*;
use chat_proto::wire::*;
use chat_proto::*;

use super::Shown;
use super::made::*;

#[test]
fn wishes() {
    let told = |messages| ChannelPreferences { messages, mentions: true };
    let night = QuietHours { from: "22:30".parse().expect("a time"), to: "07:00".parse().expect("a time") };
    let preferences = NotificationPreferences {
        mail: told(false),
        push: told(true),
        digest: Digest::Daily,
        quiet_hours: Some(night),
        time_zone: "Europe/Berlin".to_owned(),
    };
    let muted = MutedConversation { conversation_id: conv(), until: Some(at(60)) };
    let shown = Shown::default()
        .add("NotificationPreferences", &preferences)
        .add("NotificationPreferences (as they are at first)", &NotificationPreferences::default())
        .add("Digest", &[Digest::Off, Digest::Hourly, Digest::Daily].to_vec())
        .add("MutedConversation", &muted)
        .add("MutedConversation (for good)", &MutedConversation { until: None, ..muted.clone() })
        .add(
            "UndeliveredNotification",
            &UndeliveredNotification {
                id: id("ntf", '1'),
                channel: "mail".to_owned(),
                user_id: Some(alice()),
                kind: "messages".to_owned(),
                created_at: at(0),
                given_up_at: at(60),
                attempts: 9,
                trouble: "the mail server does not answer".to_owned(),
            },
        );
    insta::assert_snapshot!(shown.0);
}

#[test]
fn letters_and_tickets() {
    let shown = Shown::default()
        .add("PasswordReset", &PasswordReset { token: "pt_AAAA".to_owned(), expires_at: at(3_600) })
        .add("WsTicket", &WsTicket { ticket: "wt_AAAA".to_owned(), expires_in: 30 });
    insta::assert_snapshot!(shown.0);
}

#[test]
fn statistics() {
    let day = |number| Day::from_number(20_000 + number);
    let totals = Totals {
        active_people: 3,
        active_conversations: 2,
        conversations_begun: Begun { direct: 1, group: 1 },
        messages: 42,
    };
    let agents = PeopleCount { who: Who::Agent, accounts: 5, disabled: 1, active: 3, online: 2, away: 1 };
    let overview = StatsOverview {
        days: 2,
        from: day(0),
        to: day(1),
        since: Some(at(0)),
        people: vec![agents],
        totals,
        before: None,
        messages_by_day: vec![
            MessagesOfDay { day: day(0), messages: None },
            MessagesOfDay { day: day(1), messages: Some(42) },
        ],
        as_of: cursor(),
    };
    let shown = Shown::default().add("StatsOverview", &overview).add("Who", &Who::ALL.to_vec());
    insta::assert_snapshot!(shown.0);
}
