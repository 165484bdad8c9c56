//! The power goes out at every sync of a run, and at every sync of the recovery after that.
//!
//! One run is written down call by call. Each crash is then made from it: what was synced is there, of what was
//! written since a random part is, some of it torn. Whatever the store had acknowledged by then must be found, the
//! batch that was on its way as a whole or not at all, and nothing else. What should be found is what the store in
//! memory shows after the same batches.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod disk;

use std::fmt::Write as _;
use std::sync::Arc;

use chat_proto::{AttachmentId, ClientId, ConversationId, Role, Seq, UserId};
use chatcore::state::{
    Channel, Command, ConversationNo, DeliveryId, FileRow, Notice, Origin, Outcome, Post, Telling, Unread, UserNo,
};
use chatcore::store::conformance::{Acting, Backend, Shop, Snapshot, client_id};
use chatcore::store::memory::MemoryStore;
use chatcore::store::redb::{RedbOptions, RedbStore};
use chatcore::store::{Store, StoreError};
use chatcore::testing::SeededEntropy;
use chatcore::{Clock, Entropy};
use disk::{Call, Disk, Images};

const OPTIONS: RedbOptions =
    RedbOptions { cache_bytes: 1 << 20, fold_after: 12, fold_rows: 3, fold_beside: false, epoch: 7 };

/// The first two who come.
const LEO: UserNo = UserNo(1);
const ANA: UserNo = UserNo(2);

#[derive(Debug)]
struct Memory(Arc<MemoryStore>);

impl Backend for Memory {
    fn open(&self) -> Arc<dyn Store> {
        self.0.clone()
    }
}

impl Backend for Disk {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(open(self).unwrap())
    }
}

/// The same, folding on a thread of its own: each run has another order of calls.
#[derive(Debug)]
struct Beside(Disk);

impl Backend for Beside {
    fn open(&self) -> Arc<dyn Store> {
        let disk = self.0.clone();
        let options = RedbOptions { fold_beside: true, ..OPTIONS };
        Arc::new(RedbStore::with_backend(options, move |file| disk.file(file)).unwrap())
    }
}

fn open(disk: &Disk) -> Result<RedbStore, StoreError> {
    let disk = disk.clone();
    RedbStore::with_backend(OPTIONS, move |file| disk.file(file))
}

/// A run of the workload: what could be seen after each step, and how many calls the disk had had when the step was
/// acknowledged.
struct Run {
    states: Vec<Snapshot>,
    acknowledged_at: Vec<usize>,
    sent: Vec<(UserId, ClientId)>,
}

/// Groups that come and go, messages that are sent again, files, reads, names, who is told, folding and restarts.
fn run(backend: Box<dyn Backend>, now: impl Fn() -> usize) -> Run {
    let mut run = Run { states: Vec::new(), acknowledged_at: Vec::new(), sent: Vec::new() };
    let mut shop = Shop::open(backend);
    let acknowledged = |run: &mut Run, shop: &Shop| {
        run.acknowledged_at.push(now());
        run.states.push(Snapshot::of(&*shop.view()));
    };
    acknowledged(&mut run, &shop);
    let mut people = Vec::new();
    for role in [Role::Agent, Role::Customer, Role::Agent, Role::Designer] {
        people.push(shop.person(role, &format!("p{}", people.len())));
        acknowledged(&mut run, &shop);
    }
    let [leo, ana, mia, zoe] = people[..] else { unreachable!() };
    let group = shop.group(leo, &[ana, mia]);
    acknowledged(&mut run, &shop);
    let direct = shop.direct(ana, leo);
    acknowledged(&mut run, &shop);
    for round in 0..23_u64 {
        let mut batch = Vec::new();
        for i in 0..=round % 5 {
            // Every third message is one that was sent before.
            let name = format!("c{}", (round * 5 + i) / 3 * 3 % 40 + i % 2);
            let text = format!("{name} {}", "x".repeat(50 * usize::try_from(i).unwrap()));
            let (who, to) =
                [(leo, group), (ana, direct), (mia, group), (leo, direct)][usize::try_from((round + i) % 4).unwrap()];
            let command = who.send(to, &name, &text);
            if let Command::Send { post, .. } = &command {
                run.sent.push((who, post.client_id.clone()));
            }
            batch.push(command);
        }
        match round % 6 {
            0 => batch.insert(0, leo.add(group, zoe)),
            1 => batch.push(ana.read(direct, round)),
            2 => batch.push(leo.rename(&format!("Leo {round}"))),
            // Unlike bringing somebody in, leaving is nothing for the audit log, whose entries are rows of their own.
            3 => batch.push(zoe.remove(group, zoe)),
            4 => batch.push(zoe.send(group, "stranger", "refused")),
            _ => batch.push(shop.open_direct(mia, [leo, ana, zoe][usize::try_from(round / 6 % 3).unwrap()])),
        }
        // These go straight into the tables; what is only said goes by the write-ahead log.
        if round % 5 == 2 {
            batch.extend(in_rows_of_their_own(&shop, leo, direct, round / 5));
        }
        shop.commit(batch);
        acknowledged(&mut run, &shop);
        match round % 4 {
            1 => _ = shop.store().maintain().unwrap(),
            2 => shop.fold(),
            3 if round % 8 == 3 => shop.drop_and_open(),
            3 => shop.restart(),
            _ => {}
        }
        acknowledged(&mut run, &shop);
    }
    shop.store().close().unwrap();
    run
}

/// What stands in rows of its own: files that are kept, sent in the next round and deleted with their message in the one
/// after it, and people who are told.
fn in_rows_of_their_own(shop: &Shop, by: UserId, direct: ConversationId, round: u64) -> Vec<Command> {
    let of_round = |round: u64| AttachmentId::from_bytes([u8::try_from(round).unwrap(); 16]);
    let file = FileRow {
        id: of_round(round),
        name: "a.txt".to_owned(),
        media_type: "text/plain".to_owned(),
        size: 5,
        // Every other has the content of the one before.
        sha256: [u8::try_from(round / 2).unwrap(); 32],
        width: None,
        height: None,
        thumbnail: None,
    };
    let mut commands = vec![Command::KeepAttachment { by: by.author(), file: Box::new(file) }];
    if let Some(before) = round.checked_sub(1) {
        let post = Post { attachments: vec![of_round(before)], ..Post::new(client_id(&format!("f{before}")), "") };
        commands.push(Command::Send { by: by.author(), conversation: direct, post });
    }
    let view = shop.view();
    let sent = round.checked_sub(2).and_then(|round| view.sent(LEO, &client_id(&format!("f{round}"))).unwrap());
    if let Some((no, seq)) = sent {
        let (conversation, message) = (direct, view.message(no, seq).unwrap().unwrap().id);
        commands.push(Command::DeleteMessage {
            by: by.author(),
            conversation,
            message,
            if_version: None,
            origin: Origin::default(),
        });
    }
    let of = Unread { conversation: ConversationNo(2), from: Seq(1), to: Seq(round) };
    let telling = Telling {
        id: DeliveryId([u8::try_from(round).unwrap(); 16]),
        channel: Channel::Mail,
        user: ANA,
        of: vec![of],
        settled: Vec::new(),
        together: false,
        looked_at: None,
    };
    let claim = Notice::Claim { channel: Channel::Mail, until: shop.clock.now(), most: 1 };
    commands.extend([Notice::Tell(vec![telling]), claim].map(|notice| Command::Notice(Box::new(notice))));
    commands
}

/// Where the power goes out: between two syncs.
struct Outage {
    /// What is on the disk for certain.
    synced: Images,
    /// What was written since to files that were not synced after it, and may be there.
    since: Vec<Call>,
    /// The moment right before the next sync, in calls.
    at: usize,
}

fn outages(calls: &[Call]) -> Vec<Outage> {
    let mut outages = Vec::new();
    let (mut synced, mut since) = (Images::default(), Vec::<Call>::new());
    for (at, call) in calls.iter().enumerate() {
        if let Call::Sync { file } = call {
            outages.push(Outage { synced: synced.clone(), since: since.clone(), at });
            let (now_synced, others): (Vec<Call>, Vec<_>) = since.into_iter().partition(|call| call.file() == *file);
            for call in &now_synced {
                call.apply(&mut synced);
            }
            since = others;
        } else {
            since.push(call.clone());
        }
    }
    outages.push(Outage { synced, since, at: calls.len() });
    outages
}

/// A number below `bound` that follows from the seed.
fn random(entropy: &SeededEntropy, bound: usize) -> usize {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    usize::try_from(u64::from_be_bytes(bytes) % bound as u64).unwrap()
}

impl Outage {
    /// The files after it, when all, none or a random part of the unsynced writes got through. A disk writes sectors of
    /// 512 bytes, so one write may be torn between two of them.
    fn images(&self, part: Part) -> Images {
        let mut images = self.synced.clone();
        let Part::Random(seed) = part else { return images };
        let entropy = SeededEntropy::new(seed);
        for call in &self.since {
            match (random(&entropy, 4), call) {
                (0, _) => {}
                (1, Call::Write { file, offset, data }) if data.len() > 512 => {
                    let kept = 512 * random(&entropy, data.len() / 512);
                    Call::Write { file: *file, offset: *offset, data: data[..kept].to_vec() }.apply(&mut images);
                }
                _ => call.apply(&mut images),
            }
        }
        images
    }
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Nothing,
    Random(u64),
}

/// Opens the store after a crash and says what is wrong with it. Before `acknowledged` steps nothing may be missing;
/// the step after them may be there.
fn check(disk: &Disk, expected: &Run, acknowledged: usize) -> Result<Arc<RedbStore>, String> {
    let store = Arc::new(open(disk).map_err(|error| format!("it does not open: {error:?}"))?);
    let found = Snapshot::read(&*store.view()).map_err(|error| format!("it cannot be read: {error:?}"))??;
    let allowed = &expected.states[acknowledged - 1..expected.states.len().min(acknowledged + 1)];
    if !allowed.contains(&found) {
        let mut says = format!("the log ends at {:?}; expected were", found.position);
        for state in allowed {
            write!(says, " {:?}", state.position).unwrap();
        }
        return Err(says);
    }
    // No name of a message without the message: of those that are not found above, none is known.
    let view = store.view();
    for (user, client_id) in &expected.sent {
        let Some(no) = view.user_no(*user).map_err(|error| error.to_string())? else {
            continue;
        };
        let listed = found.messages().any(|(author, name)| (author, name) == (no, client_id));
        if view.sent(no, client_id).map_err(|error| error.to_string())?.is_some() != listed {
            return Err(format!("{client_id} is known without its message"));
        }
    }
    Ok(store)
}

/// A file that was not finished when the power went out has not got its name yet: it is made anew.
fn check_unfinished([image, ..]: Images) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("chat.new"), image).unwrap();
    let store = RedbStore::open(&folder.path().join("chat.redb"), OPTIONS).unwrap();
    assert!(Snapshot::of(&*store.view()).log.is_empty());
    assert!(!folder.path().join("chat.new").exists());
}

/// Goes on after a crash: sending again makes nothing twice, and numbers and positions go on without a hole.
fn go_on(store: Arc<RedbStore>, disk: &Disk) {
    drop(store);
    let mut shop = Shop::open(Box::new(disk.clone()));
    let before = Snapshot::of(&*shop.view());
    let Some(leo) = shop.view().account(LEO).unwrap().map(|account| account.id) else {
        return;
    };
    let group = shop.group(leo, &[]);
    let outcomes = shop.commit(vec![leo.send(group, "new", "a"), leo.send(group, "new", "a")]).outcomes;
    let [Ok(Outcome::Sent { duplicate: false, .. }), Ok(Outcome::Sent { duplicate: true, .. })] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    shop.fold();
    let after = Snapshot::of(&*shop.view());
    assert_eq!(after.log[..before.log.len()], before.log[..]);
    assert_eq!(after.position.0, before.position.0 + 2);
}

fn acknowledged(run: &Run, at: usize) -> usize {
    run.acknowledged_at.iter().filter(|acknowledged| **acknowledged <= at).count()
}

fn workload() -> (Run, Vec<Call>) {
    workload_on(|disk| Box::new(disk))
}

fn workload_on(backend: impl Fn(Disk) -> Box<dyn Backend>) -> (Run, Vec<Call>) {
    let disk = Disk::default();
    let watched = disk.clone();
    let run_on_disk = run(backend(disk.clone()), move || watched.now());
    let reference = run(Box::new(Memory(Arc::new(MemoryStore::new(7)))), || 0);
    assert_eq!(run_on_disk.states, reference.states, "without a crash both stores show the same");
    (run_on_disk, disk.calls())
}

/// Cuts the power at every sync of a run.
fn crash_at_any_sync(run: &Run, calls: &[Call]) {
    let outages = outages(calls);
    assert!(outages.len() > 100, "{} syncs are no workload", outages.len());
    for (n, outage) in outages.iter().enumerate() {
        let seed = n as u64 * 1_000;
        for part in [Part::Nothing, Part::Random(seed + 1), Part::Random(seed + 2)] {
            if acknowledged(run, outage.at) == 0 {
                check_unfinished(outage.images(part));
                continue;
            }
            let disk = Disk::holding(outage.images(part));
            match check(&disk, run, acknowledged(run, outage.at)) {
                Ok(store) => go_on(store, &disk),
                Err(wrong) => panic!("after a crash before sync {n} with {part:?}: {wrong}"),
            }
        }
    }
}

#[test]
fn a_crash_at_any_sync_loses_nothing_acknowledged() {
    let (run, calls) = workload();
    crash_at_any_sync(&run, &calls);
}

#[test]
fn a_crash_while_another_thread_folds_loses_nothing_either() {
    let (run, calls) = workload_on(|disk| Box::new(Beside(disk)));
    crash_at_any_sync(&run, &calls);
}

#[test]
fn a_crash_at_any_sync_of_the_recovery_loses_nothing_either() {
    let (run, calls) = workload();
    let mut crashes = 0;
    for (n, outage) in outages(&calls).iter().enumerate() {
        let seed = n as u64 * 1_000;
        let acknowledged = acknowledged(&run, outage.at);
        if acknowledged == 0 {
            continue;
        }
        let first = outage.images(Part::Random(seed));
        let disk = Disk::holding(first.clone());
        drop(check(&disk, &run, acknowledged).unwrap_or_else(|wrong| panic!("crash {n}, seed {seed}: {wrong}")));
        let recovery = disk.calls();
        for (m, again) in outages_from(first, &recovery).into_iter().enumerate() {
            let seed = seed + m as u64;
            crashes += 1;
            for part in [Part::Nothing, Part::Random(seed)] {
                let disk = Disk::holding(again.images(part));
                let checked = check(&disk, &run, acknowledged);
                drop(checked.unwrap_or_else(|wrong| panic!("crash {n}, sync {m} of the recovery, {part:?}: {wrong}")));
            }
        }
    }
    assert!(crashes > 200, "{crashes} crashes in the middle of recoveries");
}

fn outages_from(images: Images, calls: &[Call]) -> Vec<Outage> {
    let whole = |(file, data)| [Call::Write { file, offset: 0, data }, Call::Sync { file }];
    let mut all: Vec<_> = images.into_iter().enumerate().flat_map(whole).collect();
    let files = all.len() / 2;
    all.extend_from_slice(calls);
    // Before they are all synced the files are not there yet.
    outages(&all).split_off(files)
}

/// The negative control: a disk that says it has synced and has not is found out.
#[test]
fn a_disk_that_lies_about_a_commit_is_found_out() {
    let (run, calls) = workload();
    let mut lies = 0;
    for step in 1..run.states.len() {
        if run.states[step] == run.states[step - 1] {
            continue;
        }
        lies += 1;
        // Nothing of what the step wrote is there.
        let from = run.acknowledged_at[step - 1];
        let mut lost = Images::default();
        calls[..from].iter().for_each(|call| call.apply(&mut lost));
        let wrong = check(&Disk::holding(lost), &run, step + 1);
        assert!(wrong.is_err(), "the loss of step {step} is not seen");
    }
    assert!(lies > 15, "{lies} lies are no control");
}

/// The same for a single write to the write-ahead log that is lost though it was synced, while what came after it got
/// through. Some are overwritten by that, or folded by then; the others are seen. Of the file of the tables redb may
/// notice such a loss by ending the process.
#[test]
fn a_disk_that_drops_a_synced_write_is_found_out() {
    let (run, calls) = workload();
    let (mut dropped, mut seen) = (0, 0);
    for step in 2..run.states.len() {
        let [from, to, end] = [2, 1, 0].map(|before| run.acknowledged_at[step - before]);
        for lost in (from..to).filter(|i| matches!(calls[*i], Call::Write { file: 1.., .. })) {
            let mut images = Images::default();
            calls[..end].iter().enumerate().filter(|(i, _)| *i != lost).for_each(|(_, call)| call.apply(&mut images));
            dropped += 1;
            seen += usize::from(check(&Disk::holding(images), &run, step + 1).is_err());
        }
    }
    assert!(dropped > 20 && seen > 4, "{seen} of {dropped} losses were seen");
}
