//! Two hundred clients whose connections are cut every few hundred milliseconds, in the middle of frames and with bytes
//! under way, while they write: nothing is lost, doubled or disordered.

mod device;
mod held;
mod outbox;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chat_client::Client;
use chat_proto::{ConversationId, Role};
use chat_tests::history::{Sent, Stored, faults};
use chat_tests::{Cutter, DEADLINE, Dice, Door, PASSWORD, Server, eventually, option};
use chatcore::{Chat, Entropy as _, NewPerson, SystemEntropy};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use self::device::{Device, Owner, Tally};
use self::held::Snapshot;
use crate::CHATD;

/// Two storms at once would starve each other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
/// So many people sign in at once; the server turns away crowds.
const AT_ONCE: usize = 50;
/// In a second with few devices it may happen that nothing goes wrong.
const TRIES: u64 = 10;
/// People in a conversation.
const TOGETHER: usize = 5;

/// A way in which clients break the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sabotage {
    None,
    ComesBackWithoutCursor,
    SendsAgainUnderAnotherName,
}

#[derive(Debug)]
struct Storm {
    seed: u64,
    /// A multiple of 25, so that everybody is in two conversations of five with eight others.
    devices: usize,
    lasts: Duration,
    /// The server is killed so many times meanwhile.
    kills: u32,
    sabotage: Sabotage,
    /// How long everybody may take to come to rest afterwards.
    patience: Duration,
}

fn seed() -> u64 {
    option("CHAT_CHAOS_SEED").unwrap_or_else(|| {
        let mut bytes = [0; 4];
        SystemEntropy.fill(&mut bytes);
        u32::from_be_bytes(bytes).into()
    })
}

fn storm(kills: u32) -> Storm {
    let lasts = Duration::from_secs(option("CHAT_CHAOS_SECONDS").unwrap_or(5));
    Storm { seed: seed(), devices: 200, lasts, kills, sabotage: Sabotage::None, patience: DEADLINE }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_all_the_time_lose_double_and_disorder_nothing() {
    let storm = storm(0);
    let (faults, told) = storm.run().await;
    println!("{told}");
    assert_eq!(faults, Vec::<String>::new(), "CHAT_CHAOS_SEED={}", storm.seed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_a_server_that_is_killed_in_the_middle_of_it() {
    let storm = storm(2);
    let (faults, told) = storm.run().await;
    println!("{told}");
    assert_eq!(faults, Vec::<String>::new(), "CHAT_CHAOS_SEED={}", storm.seed);
}

/// Clients that break the contract must be found out, or the storm proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_break_the_contract_are_found_out() {
    for (sabotage, sign) in [
        (Sabotage::ComesBackWithoutCursor, "something before it was lost"),
        (Sabotage::SendsAgainUnderAnotherName, "was given another number"),
    ] {
        let mut seen = Vec::new();
        let first = seed();
        for seed in first..first + TRIES {
            let lasts = Duration::from_secs(1);
            let storm = Storm { seed, devices: 25, lasts, kills: 0, sabotage, patience: lasts };
            let (faults, told) = storm.run().await;
            println!("{told}: {:?}", faults.first());
            seen = faults;
            if seen.iter().any(|fault| fault.contains(sign)) {
                break;
            }
        }
        assert!(seen.iter().any(|fault| fault.contains(sign)), "{sabotage:?} was not noticed: {seen:#?}");
    }
}

impl Storm {
    /// What went wrong, and what happened.
    async fn run(&self) -> (Vec<String>, String) {
        let _alone = ONE_AT_A_TIME.lock().await;
        let mut dice = Dice::new(self.seed);
        let mut server = Server::new(CHATD, &[]);
        let owners = people(&server, self.devices).await;
        server.spawn();
        server.open().await;
        let cutter = Cutter::start(server.door().address, dice.roll()).await;
        let storming = watch::Sender::new(true);
        let tally = Arc::new(Tally::default());
        let (mut devices, mut riding) = (Vec::new(), JoinSet::new());
        for owner in owners {
            let there = Client::with_token(&format!("http://{}", server.door().address), &owner.token);
            let snapshot = Snapshot::load(&there.expect("an address")).await.expect("nothing is cut yet");
            let device = Device::new(owner, cutter.address(), snapshot, self.sabotage, dice.roll(), Arc::clone(&tally));
            devices.push(device);
        }
        for device in devices {
            riding.spawn(device.ride_out(storming.subscribe()));
        }

        let began = Instant::now();
        for kill in 1..=self.kills {
            sleep_until(began + self.lasts * kill / (self.kills + 1)).await;
            server.kill();
            server.spawn();
            cutter.lead_to(server.ready().await);
        }
        sleep_until(began + self.lasts).await;
        // Nothing is proved by a storm in which nothing happened, on a machine that has other things to do.
        eventually("enough is cut and acknowledged", async || {
            let enough = self.devices as u64;
            let happened = cutter.cuts().min(tally.acknowledged.load(Ordering::Relaxed));
            (happened >= enough).then_some(())
        })
        .await;
        cutter.calm();
        storming.send_replace(false);
        let seed = self.seed;
        let done = timeout(DEADLINE, riding.join_all()).await;
        let devices = done.unwrap_or_else(|_| panic!("CHAT_CHAOS_SEED={seed}: not everything is acknowledged"));
        let settling: JoinSet<Device> = devices.into_iter().map(|device| device.settle(self.patience)).collect();
        let devices = settling.join_all().await;

        let mut faults: Vec<String> = devices.iter().flat_map(|device| device.faults.iter().cloned()).collect();
        faults.extend(history_faults(&devices));
        let Self { devices, kills, lasts, sabotage, .. } = self;
        let cuts = cutter.cuts();
        let told =
            format!("{devices} devices, {lasts:?}, {kills} kills, {sabotage:?}, seed {seed}: {cuts} cuts, {tally:?}");
        (faults, told)
    }
}

/// What is wrong with what is stored: each message must be there once, with the number that it was acknowledged with.
fn history_faults(devices: &[Device]) -> Vec<String> {
    let mut conversations: BTreeMap<ConversationId, (BTreeMap<String, Sent>, Vec<Stored>)> = BTreeMap::new();
    for device in devices {
        for conversation in &device.owner().conversations {
            let (sent, stored) = device.history(*conversation);
            let all = conversations.entry(*conversation).or_default();
            all.0.insert(device.owner().id.to_string(), sent);
            all.1.extend(stored);
        }
    }
    let faults = conversations.values_mut().flat_map(|(sent, stored)| {
        stored.sort_by_key(|message| message.seq);
        let unacknowledged = sent.values().flat_map(|sent| {
            let lost = sent.ids.iter().filter(|id| !sent.acknowledged.contains_key(*id));
            lost.map(|id| format!("{id} was never acknowledged"))
        });
        let unacknowledged: Vec<String> = unacknowledged.collect();
        unacknowledged.into_iter().chain(faults(sent, stored))
    });
    faults.collect()
}

/// Makes the accounts before the server starts on their folder: with its own cost of a password they would take longer
/// than the storm.
async fn people(server: &Server, number: usize) -> Vec<Owner> {
    let chat = Chat::builder().cheap_passwords().data_dir(server.data_dir()).open().await.expect("a chat");
    let admin = chat.bootstrap_admin(Door::ADMIN, "Admin", PASSWORD.to_owned()).await;
    admin.expect("the first admin");
    let stride = number / TOGETHER;
    let mut owners = Vec::new();
    while owners.len() < number {
        let mut joining = JoinSet::new();
        for at in owners.len()..number.min(owners.len() + AT_ONCE) {
            // One agent in each conversation.
            let role = if at % TOGETHER == at / stride { Role::Agent } else { Role::Customer };
            joining.spawn(person(chat.clone(), at, role));
        }
        owners.extend(joining.join_all().await);
        owners.sort_by(|one: &Owner, other| one.name.cmp(&other.name));
    }
    let neighbours = (0..stride).map(|at| (at * TOGETHER..(at + 1) * TOGETHER).collect::<Vec<_>>());
    let strangers = (0..stride).map(|at| (at..number).step_by(stride).collect::<Vec<_>>());
    for members in neighbours.chain(strangers) {
        let ids: Vec<_> = members.iter().map(|at| owners[*at].id).collect();
        let agent = members.iter().find(|at| **at % TOGETHER == **at / stride).expect("an agent");
        let begun = chat.as_user(owners[*agent].id).create_group(Some("Storm"), ids).await.expect("a group");
        for at in members {
            owners[at].conversations.push(begun.id);
        }
    }
    chat.close(DEADLINE).await.expect("an end");
    owners
}

async fn person(chat: Chat, at: usize, role: Role) -> Owner {
    let name = format!("u{at:03}");
    let email = format!("{name}@shop.test");
    let new = NewPerson::new(role, email.clone()).name(name.clone()).password(PASSWORD);
    chat.people().create(new).await.expect("an account");
    let signed_in = chat.login(&email, PASSWORD.to_owned()).await.expect("a session");
    Owner { name, id: signed_in.user.id, token: signed_in.token, conversations: Vec::new() }
}
