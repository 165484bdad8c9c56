use chat_client::Client;
use chat_proto::WebhookId;
use chat_proto::model::{Webhook as Row, WebhookDelivery, WebhookState};
use chat_proto::wire::{CreatedWebhook, NewWebhook, PatchWebhook};
use clap::{Args, Subcommand};

use crate::access::Door;
use crate::exit::{Exit, Failure};
use crate::output::{Style, moment};

#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    /// All of them
    #[command(visible_alias = "ls")]
    List,
    /// Have a program told what happens; its secret is shown this once
    Create(Create),
    /// Switch one on again; it goes on where it was
    Enable(Which),
    /// Switch one off
    Disable(Which),
    /// Give one a new secret, shown this once; for a day both sign
    Secret(Which),
    /// Tell one that this is a test, and say what came of it
    Test(Which),
    /// What was given up after a day
    Deliveries(Which),
    /// Try once more what was given up
    Replay(Replay),
    /// Tell one nothing more, and forget what waits for it
    Delete(Which),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Where: https, port 443, on the open Internet
    url: String,
    /// Of this, such as message.created; without it of everything. Repeatable
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its id, hook_...
    id: WebhookId,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Its id, hook_...
    id: WebhookId,
    /// This delivery alone, evt_...
    #[arg(long, value_name = "ID")]
    delivery: Option<String>,
}

pub(crate) async fn run(webhook: &Webhook, door: &Door, style: &Style) -> Result<Exit, Failure> {
    let client = door.client().await?;
    match webhook {
        Webhook::List => list(&client, style).await,
        Webhook::Create(args) => create(&client, args, style).await,
        Webhook::Enable(which) => switch(&client, which.id, true, style).await,
        Webhook::Disable(which) => switch(&client, which.id, false, style).await,
        Webhook::Secret(which) => shown_once(&client.change_webhook_secret(which.id).await?, style),
        Webhook::Test(which) => test(&client, which.id, style).await,
        Webhook::Deliveries(which) => deliveries(&client, which.id, style).await,
        Webhook::Replay(args) => replay(&client, args, style).await,
        Webhook::Delete(which) => delete(&client, which.id, style).await,
    }
}

const fn word(state: WebhookState) -> &'static str {
    match state {
        WebhookState::Enabled => "enabled",
        WebhookState::Disabled => "disabled",
        WebhookState::Failed => "failed",
        WebhookState::Unknown => "unknown",
    }
}

async fn list(client: &Client, style: &Style) -> Result<Exit, Failure> {
    let found = client.webhooks().await?;
    let row = |webhook: &Row| {
        vec![
            webhook.url.clone(),
            word(webhook.state).to_owned(),
            webhook.events.join(" "),
            webhook.last_success_at.map(moment).unwrap_or_default(),
            webhook.failing_since.map(moment).unwrap_or_default(),
            webhook.description.clone().unwrap_or_default(),
            webhook.id.to_string(),
        ]
    };
    let rows: Vec<_> = found.items.iter().map(row).collect();
    let header = ["URL", "STATE", "EVENTS", "LAST DELIVERED", "FAILING SINCE", "FOR", "ID"];
    style.table(&found, &header, &rows, "webhook")
}

async fn create(client: &Client, args: &Create, style: &Style) -> Result<Exit, Failure> {
    let Create { url, events, description } = args;
    let new = NewWebhook { url: url.clone(), description: description.clone(), events: events.clone() };
    shown_once(&client.create_webhook(&new).await?, style)
}

fn shown_once(created: &CreatedWebhook, style: &Style) -> Result<Exit, Failure> {
    let sides = [("id", created.webhook.id.to_string()), ("secret", created.secret.clone())];
    let exit = style.card(created, &sides)?;
    style.remark("The secret is shown this once.");
    Ok(exit)
}

async fn switch(client: &Client, id: WebhookId, on: bool, style: &Style) -> Result<Exit, Failure> {
    let changed = client.change_webhook(id, &PatchWebhook { enabled: Some(on), ..PatchWebhook::default() }).await?;
    style.done(&changed, &format!("{id} is {}.", word(changed.state)))
}

async fn test(client: &Client, id: WebhookId, style: &Style) -> Result<Exit, Failure> {
    let tested = client.test_webhook(id).await?;
    let says = match &tested.trouble {
        None => format!("{id} has it."),
        Some(trouble) => format!("{id} was not reached: {trouble}"),
    };
    let exit = style.done(&tested, &says)?;
    Ok(if tested.delivered { exit } else { Exit::Unhealthy })
}

async fn deliveries(client: &Client, id: WebhookId, style: &Style) -> Result<Exit, Failure> {
    let found = client.webhook_deliveries(id).await?;
    let row = |delivery: &WebhookDelivery| {
        vec![
            moment(delivery.given_up_at),
            delivery.event.clone().unwrap_or_default(),
            delivery.conversation_id.map(|id| id.to_string()).unwrap_or_default(),
            delivery.attempts.to_string(),
            delivery.trouble.clone(),
            delivery.id.clone(),
        ]
    };
    let rows: Vec<_> = found.items.iter().map(row).collect();
    let header = ["GIVEN UP", "EVENT", "CONVERSATION", "ATTEMPTS", "TROUBLE", "ID"];
    style.table(&found, &header, &rows, "delivery")
}

async fn replay(client: &Client, args: &Replay, style: &Style) -> Result<Exit, Failure> {
    let replayed = client.replay_webhook(args.id, args.delivery.as_deref()).await?;
    style.done(&replayed, &format!("On their way to {}: {}.", args.id, replayed.count))
}

async fn delete(client: &Client, id: WebhookId, style: &Style) -> Result<Exit, Failure> {
    let webhook = client.webhook(id).await?;
    style.confirm(&format!("Tell {} nothing more, and forget what waits for it?", webhook.url)).await?;
    client.delete_webhook(id).await?;
    style.done(&webhook, &format!("{id} is deleted."))
}
