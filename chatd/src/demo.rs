//! A small shop to look around in.

use chat_proto::Role;
use chat_proto::model::User;
use chatcore::{Chat, NewPerson, Result};

/// The people of the demo shop; all have the password [`Demo::PASSWORD`].
#[derive(Clone, Debug)]
pub struct Demo {
    /// One of each role, and a second customer.
    pub people: Vec<User>,
}

impl Demo {
    /// The password of everybody in the demo shop. It is no secret, which is why the demo only listens on loopback.
    pub const PASSWORD: &'static str = "demo-password";
}

/// Fills an empty chat with a small shop: each role, a few conversations with history, one with three people.
///
/// # Errors
/// `email_taken` when it was filled before.
pub async fn seed(chat: &Chat) -> Result<Demo> {
    let people = chat.people();
    let create = |role, email: &'static str, name: &'static str| {
        people.create(NewPerson::new(role, email).name(name).password(Demo::PASSWORD))
    };
    let admin = create(Role::Admin, "admin@shop.example", "Ada Admin").await?;
    let leo = create(Role::Agent, "leo@shop.example", "Leo Marsh").await?;
    let dana = create(Role::Designer, "dana@shop.example", "Dana Kerr").await?;
    let milo = create(Role::Merchant, "milo@shop.example", "Milo Stone").await?;
    let ana = create(Role::Customer, "ana@mail.example", "Ana Ruiz").await?;
    let bo = create(Role::Customer, "bo@mail.example", "Bo Lind").await?;

    let say = async |who: &User, conversation, text: &'static str| {
        chat.as_user(who.id).conversation(conversation).send(text).await
    };
    let (order, _) = chat.as_user(ana.id).open_direct(leo.id).await?;
    say(&ana, order.id, "Hello! Where is my order 1001?").await?;
    say(&leo, order.id, "Hi Ana, let me look.").await?;
    say(&leo, order.id, "It left our house this morning and should be with you tomorrow.").await?;
    say(&ana, order.id, "Great, thank you!").await?;

    let (logo, _) = chat.as_user(bo.id).open_direct(dana.id).await?;
    say(&bo, logo.id, "Can you print our logo on 40 mugs?").await?;
    say(&dana, logo.id, "Yes. Do you have it as a vector file?").await?;
    say(&bo, logo.id, "I will send it this afternoon.").await?;

    let (bulk, _) = chat.as_user(ana.id).open_direct(milo.id).await?;
    say(&ana, bulk.id, "Is there a discount for 200 pieces?").await?;

    let trio = chat.as_user(leo.id).create_group(Some("Mug order, 40 pieces"), vec![bo.id, dana.id]).await?;
    say(&leo, trio.id, "Bo, Dana: let us settle the mugs here.").await?;
    say(&dana, trio.id, "The proof will be ready on Friday.").await?;
    say(&bo, trio.id, "Perfect.").await?;

    Ok(Demo { people: vec![admin, leo, dana, milo, ana, bo] })
}
