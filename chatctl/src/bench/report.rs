//! What was measured, as a table and as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use chat_client::{plain, plain_line};
use serde::Serialize;

use super::Window;
use super::ledger::{Faults, Ledger};
use super::measure::{Percentiles, ratio};
use crate::exit::{Exit, complain, print};

/// All of a run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    scenario: &'static str,
    setting: String,
    server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    warmup_s: Option<u64>,
    figures: Figures,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<Figures>,
    /// How many times what the floor needs the server needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    times_floor: Option<Used>,
}

/// What was measured of one server. What a scenario does not have is absent.
#[derive(Debug, Default, Serialize)]
pub(super) struct Figures {
    connections: u64,
    seconds: f64,
    /// While it was measured, as are all that follow but the faults.
    acked: u64,
    deliveries: u64,
    acked_per_s: f64,
    deliveries_per_s: f64,
    /// From the moment a message was due to its coming to a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_ms: Option<Percentiles>,
    /// From the moment a message was due to its `ok`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ack_ms: Option<Percentiles>,
    /// From the moment a message was due to its writing: the bench's own part in the two above.
    #[serde(skip_serializing_if = "Option::is_none")]
    late_ms: Option<Percentiles>,
    /// From the cut to `live`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) back_ms: Option<Percentiles>,
    /// From `hello` to `live`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) told_ms: Option<Percentiles>,
    #[serde(flatten)]
    faults: Faults,
    /// Of the first fault that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    used: Used,
}

/// What the server's process used.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Used {
    #[serde(skip)]
    cpu: Option<Duration>,
    /// Of one processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_us_per_delivery: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_us_per_ack: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rss_kib: Option<u64>,
    /// What the connections added, each.
    #[serde(skip_serializing_if = "Option::is_none")]
    rss_kib_per_connection: Option<f64>,
    #[serde(skip)]
    rss_before_kib: Option<u64>,
}

impl Used {
    /// Between two looks at CPU time and memory; `None`: nobody looked.
    pub(super) fn between(cpu: Option<(Duration, Duration)>, rss_kib: Option<(u64, u64)>) -> Self {
        Self {
            cpu: cpu.map(|(before, after)| after.saturating_sub(before)),
            rss_kib: rss_kib.map(|(_, after)| after),
            rss_before_kib: rss_kib.map(|(before, _)| before),
            ..Self::default()
        }
    }

    fn spread(self, figures: &Figures) -> Self {
        let us = self.cpu.map(|cpu| cpu.as_secs_f64() * 1e6);
        let per = |count: u64| us.filter(|_| count > 0).map(|us| us / ratio(count, 1));
        let added = self.rss_kib.zip(self.rss_before_kib).map(|(after, before)| after.saturating_sub(before));
        Self {
            cpu_percent: us.map(|us| us / figures.seconds / 1e4),
            cpu_us_per_delivery: per(figures.deliveries),
            cpu_us_per_ack: per(figures.acked),
            rss_kib_per_connection: added.map(|added| ratio(added, figures.connections)),
            ..self
        }
    }

    fn times(self, floor: Self) -> Self {
        let times = |of: Option<f64>, to: Option<f64>| Some(of? / to.filter(|to| *to > 0.0)?);
        Self {
            cpu_percent: times(self.cpu_percent, floor.cpu_percent),
            cpu_us_per_delivery: times(self.cpu_us_per_delivery, floor.cpu_us_per_delivery),
            cpu_us_per_ack: times(self.cpu_us_per_ack, floor.cpu_us_per_ack),
            rss_kib_per_connection: times(self.rss_kib_per_connection, floor.rss_kib_per_connection),
            ..Self::default()
        }
    }
}

impl Figures {
    pub(super) fn new(ledger: &Ledger, connections: usize, took: Duration, used: Used) -> Self {
        let window = ledger.window;
        let per_second = |count| ratio(count, 1) / took.as_secs_f64();
        let figures = Self {
            connections: connections as u64,
            seconds: took.as_secs_f64(),
            acked: window.acked,
            deliveries: window.deliveries,
            acked_per_s: per_second(window.acked),
            deliveries_per_s: per_second(window.deliveries),
            delivery_ms: ledger.delivery.percentiles(),
            ack_ms: ledger.ack.percentiles(),
            late_ms: ledger.late.percentiles(),
            faults: ledger.close(),
            reason: ledger.reason.clone(),
            ..Self::default()
        };
        Self { used: used.spread(&figures), ..figures }
    }

    /// The table's rows: what it is, the figure, and how many digits stand after its point.
    fn rows(&self) -> Vec<(&'static str, Option<f64>, usize)> {
        let Self { faults, used, .. } = self;
        let count = |count: u64| Some(ratio(count, 1));
        let rate = |count: u64, rate: f64| Some(rate).filter(|_| count > 0);
        let mut rows = vec![
            ("connections", count(self.connections), 0),
            ("acknowledged sends /s", rate(self.acked, self.acked_per_s), 1),
            ("deliveries /s", rate(self.deliveries, self.deliveries_per_s), 1),
        ];
        for (names, of) in [
            (["delivery p50 ms", "p90", "p99", "p99.9", "max"], self.delivery_ms),
            (["ok p50 ms", "p90", "p99", "p99.9", "max"], self.ack_ms),
            (["sent late p50 ms", "p90", "p99", "p99.9", "max"], self.late_ms),
            (["back p50 ms", "p90", "p99", "p99.9", "max"], self.back_ms),
            (["hello to live p50 ms", "p90", "p99", "p99.9", "max"], self.told_ms),
        ] {
            let Some(Percentiles { p50, p90, p99, p999, max }) = of else { continue };
            rows.extend(names.into_iter().zip([p50, p90, p99, p999, max]).map(|(name, ms)| (name, Some(ms), 3)));
        }
        let Faults { lost, duplicated, out_of_order, unanswered, refused, broken, strange } = *faults;
        rows.extend([
            ("lost", count(lost), 0),
            ("duplicated", count(duplicated), 0),
            ("out of order", count(out_of_order), 0),
            ("unanswered", count(unanswered), 0),
            ("refused", count(refused), 0),
            ("broken connections", count(broken), 0),
            ("strange frames", count(strange), 0),
            ("server CPU, % of one", used.cpu_percent, 1),
            ("server CPU us / delivery", used.cpu_us_per_delivery, 1),
            ("server CPU us / ok", used.cpu_us_per_ack, 1),
            ("server memory MiB", used.rss_kib.map(|kib| ratio(kib, 1024)), 1),
            ("added KiB / connection", used.rss_kib_per_connection, 1),
        ]);
        rows
    }
}

impl Report {
    pub(super) fn new(
        scenario: &'static str,
        setting: String,
        server: &str,
        window: Option<Window>,
        figures: Figures,
        floor: Option<Figures>,
    ) -> Self {
        let times_floor = floor.as_ref().map(|floor| figures.used.times(floor.used));
        let (server, warmup_s) = (server.to_owned(), window.map(|window| window.warmup));
        Self { scenario, setting, server, warmup_s, figures, floor, times_floor }
    }

    /// Prints it; faults make it a failure.
    pub(super) fn print(&self, json: bool) -> Exit {
        let all = [Some(&self.figures), self.floor.as_ref()];
        let is_well = all.into_iter().flatten().all(|figures| figures.faults.none());
        let exit = if is_well { Exit::Ok } else { Exit::Unhealthy };
        if !json {
            return print(&self.table(), exit);
        }
        match serde_json::to_string_pretty(self) {
            // JSON escapes some of what a terminal could obey, not all of it.
            Ok(json) => print(&(plain(&json).into_owned() + "\n"), exit),
            Err(error) => complain(&error.to_string(), Exit::Failed),
        }
    }

    fn table(&self) -> String {
        let mut table = format!("{}: {}\n{}\n", self.scenario, self.setting, plain_line(&self.server));
        if let Some(warmup) = self.warmup_s {
            let _ = writeln!(table, "{:.0} s, after {warmup} s", self.figures.seconds);
        }
        let floor = self.floor.as_ref().map(Figures::rows);
        let _ = write!(table, "\n{:<26}{:>12}", "", "server");
        if floor.is_some() {
            let _ = write!(table, "{:>12}{:>12}", "floor", "times");
        }
        for (n, (name, figure, digits)) in self.figures.rows().into_iter().enumerate() {
            let Some(figure) = figure else { continue };
            let indent = if name.starts_with('p') || name == "max" { "  " } else { "" };
            let _ = write!(table, "\n{:<26}{figure:>12.digits$}", format!("{indent}{name}"));
            let Some((_, Some(beneath), _)) = floor.as_ref().and_then(|floor| floor.get(n)).copied() else { continue };
            let _ = write!(table, "{beneath:>12.digits$}");
            if beneath > 0.0 && (name.starts_with("server CPU us") || name.starts_with("added")) {
                let _ = write!(table, "{:>12.2}", figure / beneath);
            }
        }
        for (whose, figures) in [("server", Some(&self.figures)), ("floor", self.floor.as_ref())] {
            if let Some(reason) = figures.and_then(|figures| figures.reason.as_deref()) {
                let _ = write!(table, "\n\n{whose}: {}", plain_line(reason));
            }
        }
        table + "\n"
    }
}
