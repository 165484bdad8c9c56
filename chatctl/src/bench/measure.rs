//! Latencies, and what the server's process used.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::failure::Failure;

/// From a microsecond to a minute, to three digits; what takes longer counts as a minute.
pub(super) struct Latencies(Histogram<u64>);

const LONGEST_US: u64 = 60_000_000;

/// Percentiles, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Percentiles {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    #[serde(rename = "p99.9")]
    pub(super) p999: f64,
    pub(super) max: f64,
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3);
        Self(histogram.unwrap_or_else(|error| unreachable!("the bounds are valid: {error:?}")))
    }
}

impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Latencies").field(&self.0.len()).finish()
    }
}

impl Latencies {
    pub(super) fn record(&mut self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US);
        self.0.saturating_record(us.clamp(1, LONGEST_US));
    }

    /// `None` when there was nothing to measure.
    pub(super) fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| ratio(self.0.value_at_quantile(quantile), 1_000);
        (!self.0.is_empty()).then(|| Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        })
    }
}

/// A process of this machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pid: u32,
}

/// In what /proc/PID/stat counts, whatever the kernel itself counts in (`USER_HZ`, the same on every architecture that
/// this is built for).
const TICK: Duration = Duration::from_millis(10);

impl Process {
    pub(super) fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// User and system time of all its threads since it began.
    pub(super) fn cpu(self) -> Result<Duration, Failure> {
        let stat = self.read("stat")?;
        ticks(&stat).map(|ticks| TICK * ticks).ok_or_else(|| self.unreadable("stat"))
    }

    /// Resident memory, KiB.
    pub(super) fn rss_kib(self) -> Result<u64, Failure> {
        // The exact figure is for the process's owner only; the other may be behind by some pages for each thread.
        if let Ok(rollup) = self.read("smaps_rollup")
            && let Some(kib) = kib(&rollup, "Rss:")
        {
            return Ok(kib);
        }
        kib(&self.read("status")?, "VmRSS:").ok_or_else(|| self.unreadable("status"))
    }

    fn read(self, file: &str) -> Result<String, Failure> {
        let read = std::fs::read_to_string(format!("/proc/{}/{file}", self.pid));
        read.map_err(|error| Failure::from(error).during(format_args!("process {}", self.pid)))
    }

    fn unreadable(self, file: &str) -> Failure {
        Failure::new(format!("/proc/{}/{file} is not as expected", self.pid))
    }
}

/// `utime` and `stime` of proc(5). The program's name comes before them and may hold spaces and brackets.
fn ticks(stat: &str) -> Option<u32> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    user.checked_add(system)
}

fn kib(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// For figures that people read: counts here are far below where a float stops being exact.
#[expect(clippy::cast_precision_loss, reason = "no count of a run comes near 2^53")]
pub(super) fn ratio(of: u64, to: u64) -> f64 {
    of as f64 / to as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_milliseconds() {
        let mut latencies = Latencies::default();
        assert!(latencies.percentiles().is_none());
        for ms in 1..=1_000 {
            latencies.record(Duration::from_millis(ms));
        }
        latencies.record(Duration::from_hours(1));
        let Percentiles { p50, p90, p99, max, .. } = latencies.percentiles().unwrap();
        for (is, expected) in [(p50, 501.0), (p90, 901.0), (p99, 991.0), (max, 60_000.0)] {
            assert!((is - expected).abs() <= expected / 500.0, "{is} for {expected}");
        }
    }

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 1 2 3";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(kib("Name:\tx\nVmRSS:\t  1234 kB\n", "VmRSS:"), Some(1234));
        let this = Process::new(std::process::id());
        assert!(this.rss_kib().unwrap() > 0);
        assert!(this.cpu().is_ok());
        assert!(Process::new(u32::MAX).cpu().is_err());
    }
}
