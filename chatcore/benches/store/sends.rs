//! Durable sends through the whole engine, and beside them the store alone and redb alone, in the same minutes of the
//! same machine.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chatcore::store::Store;
use chatcore::store::redb::RedbStore;
use chatcore::{Chat, Draft};
use tokio::task::JoinSet;

use crate::measure::{Run, Watch, median_run, now};
use crate::raw::{Layout, Raw};
use crate::shop::{self, Dice, FILES, Hand, Shop, text};
use crate::{Asked, Result};

const AT_ONCE: [usize; 4] = [1, 16, 64, 256];
const AGENTS: usize = 20;
const CONVERSATIONS: usize = 20_000;
/// So many of them are written to.
const ACTIVE: usize = 200;

pub(crate) fn run(asked: Asked) -> Result<()> {
    let (messages, rounds, time) =
        if asked.quick { (20_000, 1, Duration::from_millis(700)) } else { (260_000, 5, Duration::from_millis(1_500)) };
    let folder = tempfile::tempdir()?;
    let shop = Arc::new(Shop::new(AGENTS, CONVERSATIONS));
    let alone = folder.path().join("store");
    std::fs::create_dir(&alone)?;
    let store = shop::open(&alone)?;
    shop.fill(&store, messages)?;
    store.close()?;
    drop(store);
    let engine = folder.path().join("engine");
    std::fs::create_dir(&engine)?;
    for file in FILES {
        std::fs::copy(alone.join(file), engine.join(file))?;
    }
    let mut everything = Raw::new(folder.path(), Layout::Everything, messages)?;
    let mut log = Raw::new(folder.path(), Layout::LogOnly, messages)?;
    let store = shop::open(&alone)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let chat = runtime.block_on(Chat::builder().data_dir(&engine).open())?;

    println!(
        "Durable sends: {ACTIVE} active of {CONVERSATIONS} conversations, {messages} messages before, median of {rounds}"
    );
    println!("{:<28}{:>9}{:>12}{:>10}{:>10}{:>10}", "", "at once", "per second", "CPU us", "p50 ms", "p99 ms");
    for at_once in AT_ONCE.into_iter().filter(|at_once| asked.at_once.is_none_or(|only| only == *at_once)) {
        let mut runs: [Vec<Run>; 4] = Default::default();
        for round in 0..rounds {
            let seed = (at_once * 100 + round) as u64;
            runs[0].push(runtime.block_on(through_the_engine(&chat, &shop, at_once, seed, time))?);
            runs[1].push(store_alone(&store, &shop, at_once, seed, time)?);
            runs[2].push(log.run(at_once, time)?);
            runs[3].push(everything.run(at_once, time)?);
        }
        let names = ["engine, writers", "store alone, batch", "redb: log only", "redb: every table each time"];
        for (name, runs) in names.iter().zip(&runs) {
            let Run { per_second, cpu_us, p50_ms, p99_ms } = median_run(runs);
            println!("{name:<28}{at_once:>9}{per_second:>12.0}{cpu_us:>10.1}{p50_ms:>10.2}{p99_ms:>10.2}");
        }
    }
    println!("file of the engine after it: {} MiB\n", mebibytes(&engine)?);
    runtime.block_on(chat.close(Duration::from_mins(1)))?;
    store.close()?;
    Ok(())
}

/// Each writer sends, waits until it is on disk, and sends again.
async fn through_the_engine(chat: &Chat, shop: &Arc<Shop>, writers: usize, seed: u64, time: Duration) -> Result<Run> {
    let stop = Arc::new(AtomicBool::new(false));
    let watch = Watch::start()?;
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let (chat, shop, stop) = (chat.clone(), Arc::clone(shop), Arc::clone(&stop));
        let mut dice = Dice::new(seed * 1_000 + writer as u64);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let conversation = dice.below(ACTIVE);
                let author = chat.as_user(shop.author(conversation, &mut dice));
                let draft = Draft::text(text()).client_id(dice.client_id());
                let sending = now();
                author.conversation(shop.conversations[conversation]).send(draft).await?;
                latencies.push(sending.elapsed().as_secs_f32());
            }
            Ok::<_, chatcore::Error>(latencies)
        });
    }
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        latencies.append(&mut ended??);
    }
    let sends = latencies.len();
    watch.end(latencies, sends)
}

/// The writer's work without queue, tasks and answers.
fn store_alone(store: &RedbStore, shop: &Shop, at_once: usize, seed: u64, time: Duration) -> Result<Run> {
    let mut hand = Hand::new(store);
    let mut dice = Dice::new(seed);
    let watch = Watch::start()?;
    let started = now();
    let (mut latencies, mut records) = (Vec::new(), 0);
    while started.elapsed() < time {
        let commit = now();
        let mut batch = Vec::with_capacity(at_once);
        batch.resize_with(at_once, || shop.send(dice.below(ACTIVE), &mut dice));
        hand.commit(batch)?;
        latencies.push(commit.elapsed().as_secs_f32());
        records += at_once;
    }
    watch.end(latencies, records)
}

fn mebibytes(folder: &Path) -> Result<u64> {
    Ok(std::fs::metadata(folder.join(FILES[0]))?.len() >> 20)
}
