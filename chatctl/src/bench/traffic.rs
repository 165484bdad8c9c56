//! A run with messages: connections that write, read, and enter everything into the ledger.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Window;
use super::failure::Failure;
use super::frame::{self, Heard, hear};
use super::ledger::Ledger;
use super::line::{Address, Line, ReadBuffer, open_all};
use super::measure::Process;
use super::pace;
use super::report::{Figures, Used};
use super::shop::Shop;

/// Messages that wait to be written on one connection.
const WAITING: usize = 256;
/// When nothing has come for so long, nothing more will.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether everything has come.
const LOOK: Duration = Duration::from_millis(20);

/// Who is measured.
#[derive(Clone, Debug)]
pub(super) struct Venue {
    pub(super) address: Address,
    pub(super) process: Option<Process>,
}

/// How messages are sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Load {
    /// So many a second, in turn by all members of all conversations; each is due at its moment, whatever became of
    /// those before.
    Open { rate: u32 },
    /// The first member of each conversation keeps so many unanswered.
    Closed { pipeline: usize },
}

/// A load for some time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) load: Load,
    pub(super) text_bytes: usize,
    pub(super) window: Window,
}

/// What the connections of a run share.
#[derive(Debug)]
struct Run {
    name: String,
    text_bytes: usize,
    shop: Shop,
    ledger: RefCell<Ledger>,
    /// Whether answers are followed by new messages.
    sending: Cell<bool>,
    /// Connections that have not ended.
    standing: Cell<usize>,
    end: CancellationToken,
}

/// Runs a load against a server and waits for everything to come.
pub(super) async fn run(venue: &Venue, shop: Shop, plan: Plan) -> Result<Figures, Failure> {
    let rss_before = venue.process.map(Process::rss_kib).transpose()?;
    let tokens = shop.seats.iter().map(|seat| seat.token.as_str());
    let lines = open_all(&venue.address, tokens, plan.load.read_buffer()).await?;
    let rss = venue.process.map(Process::rss_kib).transpose()?;
    let seats = shop.seats.iter().map(|seat| (seat.conversation, shop.conversations[seat.conversation].last_seq));
    let ledger = Ledger::new(shop.conversations.len(), seats);
    let run = Rc::new(Run {
        name: name(),
        text_bytes: plan.text_bytes,
        ledger: RefCell::new(ledger),
        shop,
        sending: Cell::new(true),
        standing: Cell::new(lines.len()),
        end: CancellationToken::new(),
    });
    let connections = lines.len();
    let mut tasks = JoinSet::new();
    let mut outboxes = Vec::with_capacity(connections);
    for (seat, line) in lines.into_iter().enumerate() {
        let (outbox, orders) = mpsc::channel(WAITING);
        outboxes.push(outbox);
        let attendance = Attendance { run: Rc::clone(&run), seat, line };
        tasks.spawn_local(attendance.attend(orders, run.pipeline(seat, plan.load)));
    }
    if let Load::Open { rate } = plan.load {
        tasks.spawn_local(Rc::clone(&run).dispatch(pace::moments(rate)?, outboxes));
    }
    sleep(Duration::from_secs(plan.window.warmup)).await;
    let (began, cpu_before) = (Instant::now(), venue.process.map(Process::cpu).transpose()?);
    run.ledger.borrow_mut().open_window();
    sleep(Duration::from_secs(plan.window.seconds)).await;
    run.ledger.borrow_mut().close_window();
    let (took, cpu) = (began.elapsed(), venue.process.map(Process::cpu).transpose()?);
    run.sending.set(false);
    run.settle().await;
    run.end.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| Failure::new(error.to_string()))?;
    }
    let ledger = run.ledger.borrow();
    let used = Used::between(cpu_before.zip(cpu), rss_before.zip(rss));
    Ok(Figures::new(&ledger, connections, took, used))
}

impl Load {
    /// With a steady load each connection gets a frame now and then; where it gets hundreds, fewer reads cost less.
    fn read_buffer(self) -> ReadBuffer {
        match self {
            Self::Open { .. } => ReadBuffer(4 << 10),
            Self::Closed { .. } => ReadBuffer(16 << 10),
        }
    }
}

impl Run {
    /// How many messages this connection keeps unanswered.
    fn pipeline(&self, seat: usize, load: Load) -> usize {
        let is_first = seat == 0 || self.shop.seats[seat - 1].conversation != self.shop.seats[seat].conversation;
        match load {
            Load::Closed { pipeline } if is_first => pipeline,
            _ => 0,
        }
    }

    /// Gives each message that is due to a connection: the first members of all conversations, then the second …
    async fn dispatch(self: Rc<Self>, mut moments: mpsc::Receiver<Instant>, outboxes: Vec<mpsc::Sender<u64>>) {
        let members = (outboxes.len() / self.shop.conversations.len()).max(1);
        let turns = (0..members).flat_map(|member| (0..outboxes.len() / members).map(move |c| c * members + member));
        for seat in turns.collect::<Vec<_>>().into_iter().cycle() {
            let Some(due) = moments.recv().await else { return };
            if !self.sending.get() {
                return;
            }
            let number = self.ledger.borrow_mut().sent(self.shop.seats[seat].conversation, due);
            // A connection that has ended has told so itself; its messages stay unanswered.
            let _ = outboxes[seat].send(number).await;
        }
    }

    /// Waits until everything is answered and has come, or nothing comes any more.
    async fn settle(&self) {
        let (mut came, mut last) = (self.ledger.borrow().came(), Instant::now());
        while self.standing.get() > 0 && !self.ledger.borrow().is_settled() && last.elapsed() < PATIENCE {
            sleep(LOOK).await;
            let now = self.ledger.borrow().came();
            if now != came {
                (came, last) = (now, Instant::now());
            }
        }
    }

    fn frame(&self, seat: usize, number: u64) -> String {
        let conversation = &self.shop.conversations[self.shop.seats[seat].conversation].id;
        frame::send(&self.name, conversation, number, self.text_bytes)
    }
}

/// A connection during a run.
struct Attendance {
    run: Rc<Run>,
    seat: usize,
    line: Line,
}

impl Attendance {
    async fn attend(mut self, mut orders: mpsc::Receiver<u64>, pipeline: usize) {
        let end = self.run.end.clone();
        let attended = tokio::select! {
            attended = self.work(&mut orders, pipeline) => attended,
            () = end.cancelled() => Ok(()),
        };
        self.run.standing.update(|standing| standing - 1);
        if let Err(failure) = attended {
            self.run.ledger.borrow_mut().broken(failure.what);
        }
    }

    async fn work(&mut self, orders: &mut mpsc::Receiver<u64>, pipeline: usize) -> Result<(), Failure> {
        self.send_more(pipeline).await?;
        loop {
            tokio::select! {
                frame = self.line.next() => {
                    let mut answers = self.hear(&frame?)?;
                    while let Some(frame) = self.line.next_now() {
                        answers += self.hear(&frame?)?;
                    }
                    if pipeline > 0 && answers > 0 && self.run.sending.get() {
                        self.send_more(answers).await?;
                    }
                }
                Some(number) = orders.recv() => {
                    self.line.feed(self.run.frame(self.seat, number)).await?;
                    self.line.flush().await?;
                    self.run.ledger.borrow_mut().written(number, Instant::now());
                }
            }
        }
    }

    async fn send_more(&mut self, messages: usize) -> Result<(), Failure> {
        let conversation = self.run.shop.seats[self.seat].conversation;
        for _ in 0..messages {
            let number = self.run.ledger.borrow_mut().sent(conversation, Instant::now());
            self.line.feed(self.run.frame(self.seat, number)).await?;
        }
        self.line.flush().await
    }

    /// Enters a frame; 1 when it answers a send.
    fn hear(&mut self, text: &str) -> Result<usize, Failure> {
        let now = Instant::now();
        let run = &*self.run;
        let mut ledger = run.ledger.borrow_mut();
        match hear(text, &run.name) {
            Heard::Message { conversation, seq, number } => {
                if conversation == run.shop.conversations[run.shop.seats[self.seat].conversation].id {
                    ledger.delivered(self.seat, seq, number, now);
                } else {
                    ledger.faults.strange += 1;
                }
            }
            Heard::Ok { re, seq } => {
                ledger.acked(re, seq, now);
                return Ok(1);
            }
            Heard::Refused { re, why } => {
                ledger.refused(re, why);
                return Ok(1);
            }
            Heard::Bye(why) => return Err(Failure::new(why)),
            Heard::Live | Heard::Other => {}
        }
        Ok(0)
    }
}

/// A name for this run that no other had, and greater than theirs, as the server likes its client ids best.
pub(super) fn name() -> String {
    #[expect(clippy::disallowed_methods, reason = "a name, not a measurement; runs have no clock of their own")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("bench-{:012x}", now.as_millis())
}
