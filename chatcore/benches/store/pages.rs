//! The pages that every screen begins with, in a small shop and in large ones: they have to cost the same.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chat_proto::Timestamp;
use chatcore::store::Store;
use chatcore::{Chat, Clock, Draft, Span, SystemClock};
use tokio::task::JoinSet;

use crate::measure::{now, percentiles};
use crate::shop::{self, Dice, Shop, text};
use crate::{Asked, Result};

/// The messages of a conversation lie all over the log: as far apart as they can be.
const MESSAGES_EACH: usize = 50;
/// In one agent's inbox.
const CONVERSATIONS_EACH: usize = 1_000;
const PAGE: usize = 50;
/// Fewer than the engine keeps before it begins to fold them.
const UNFOLDED: usize = 8_000;

pub(crate) fn run(asked: Asked) -> Result<()> {
    let mut sizes = vec![10_000, if asked.quick { 100_000 } else { 1_000_000 }];
    if asked.messages_10m {
        sizes.push(10_000_000);
    }
    println!("Pages of {PAGE}, microseconds");
    println!("{:<24}{:>12}{:>12}{:>12}{:>12}", "", "history p50", "p99", "inbox p50", "p99");
    for messages in sizes {
        size(messages)?;
    }
    Ok(())
}

fn size(messages: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let conversations = messages / MESSAGES_EACH;
    let shop = Shop::new(conversations.div_ceil(CONVERSATIONS_EACH), conversations);
    let store = shop::open(folder.path())?;
    shop.fill(&store, messages)?;
    store.close()?;
    drop(store);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let chat = Chat::builder().data_dir(folder.path()).clock(std::sync::Arc::new(NeverCalm)).open().await?;
        row(&format!("{messages} messages"), &chat, &shop).await?;
        write(&chat, &shop).await?;
        row(&format!("  and {UNFOLDED} not folded"), &chat, &shop).await?;
        chat.close(Duration::from_mins(1)).await?;
        Ok(())
    })
}

async fn row(name: &str, chat: &Chat, shop: &Shop) -> Result<()> {
    let agent = chat.as_user(shop.agents[0]);
    let theirs: Vec<_> = shop.conversations.iter().step_by(shop.agents.len()).collect();
    let mut dice = Dice::new(4);
    let (mut history, mut inbox) = (Vec::new(), Vec::new());
    for _ in 0..2_000 {
        let conversation = agent.conversation(*theirs[dice.below(theirs.len())]);
        let reading = now();
        conversation.history(Span::Newest, PAGE).await?;
        history.push(reading.elapsed().as_secs_f32() * 1e6);
        let reading = now();
        agent.conversations(PAGE, None).await?;
        inbox.push(reading.elapsed().as_secs_f32() * 1e6);
    }
    let ((history, history_99), (inbox, inbox_99)) = (percentiles(&mut history), percentiles(&mut inbox));
    println!("{name:<24}{history:>12.0}{history_99:>12.0}{inbox:>12.0}{inbox_99:>12.0}");
    Ok(())
}

/// Sends into conversations all over the shop, which the engine then has in memory only.
async fn write(chat: &Chat, shop: &Shop) -> Result<()> {
    let mut tasks = JoinSet::new();
    let mut dice = Dice::new(5);
    for _ in 0..UNFOLDED {
        let conversation = dice.below(shop.conversations.len());
        let author = chat.as_user(shop.author(conversation, &mut dice)).conversation(shop.conversations[conversation]);
        let draft = Draft::text(text()).client_id(dice.client_id());
        tasks.spawn(async move { author.send(draft).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

/// The machine's clock, with which the quiet moment for folding never comes.
#[derive(Debug)]
struct NeverCalm;

impl Clock for NeverCalm {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn sleep_until(&self, _: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}
