//! Wall time, processor time, and what they come to.

use std::time::{Duration, Instant};

use crate::Result;

pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
    Instant::now()
}

/// Processor time of this process so far, user and system, all threads.
pub(crate) fn cpu() -> Result<Duration> {
    // proc_pid_stat(5): the name in parentheses may hold anything; utime and stime are the 12th and 13th after it,
    // in ticks of 10 ms.
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let mut ticks = 0;
    for field in fields.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u64>()?;
    }
    Ok(Duration::from_millis(ticks * 10))
}

/// One run of one way to write.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) per_second: f64,
    pub(crate) cpu_us: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Times whatever happens between [`start`](Self::start) and [`end`](Self::end).
pub(crate) struct Watch {
    wall: Instant,
    cpu: Duration,
}

impl Watch {
    pub(crate) fn start() -> Result<Self> {
        Ok(Self { cpu: cpu()?, wall: now() })
    }

    /// `latencies`: of single writes, in seconds; `records`: how many records all of them wrote.
    pub(crate) fn end(self, mut latencies: Vec<f32>, records: usize) -> Result<Run> {
        let (wall, cpu) = (self.wall.elapsed().as_secs_f64(), cpu()?.saturating_sub(self.cpu).as_secs_f64());
        let records = records as f64;
        let (p50, p99) = percentiles(&mut latencies);
        Ok(Run { per_second: records / wall, cpu_us: cpu * 1e6 / records, p50_ms: p50 * 1e3, p99_ms: p99 * 1e3 })
    }
}

/// The median run, by each figure on its own.
pub(crate) fn median_run(runs: &[Run]) -> Run {
    let of = |figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
    Run {
        per_second: of(|run| run.per_second),
        cpu_us: of(|run| run.cpu_us),
        p50_ms: of(|run| run.p50_ms),
        p99_ms: of(|run| run.p99_ms),
    }
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median, and what one in a hundred exceeds.
pub(crate) fn percentiles(figures: &mut [f32]) -> (f64, f64) {
    figures.sort_unstable_by(f32::total_cmp);
    let at = |share: usize| figures.get(figures.len() * share / 100).copied().map_or(f64::NAN, f64::from);
    (at(50), at(99))
}
