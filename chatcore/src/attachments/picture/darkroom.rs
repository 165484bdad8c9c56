//! The thread on which pictures are decoded, one after the other.
//!
//! The C library gives each thread memory of its own to hand out, and keeps some of what is given back: of a thread that
//! has decoded a picture about as much as the picture's file. Were it any thread that is free, in time that would be kept
//! for dozens of them. Several would hardly be faster: large pictures have the memory to themselves anyway, and small ones
//! are done in no time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::{fmt, io, thread};

use tokio::sync::{mpsc, oneshot};

/// Work that waits. It has its memory already, so there is little of it.
const WAITING: usize = 32;

type Job = Box<dyn FnOnce() + Send>;

/// A thread for pictures; it starts with the first one, and ends when this is dropped.
#[derive(Default)]
pub struct Darkroom {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
}

impl Darkroom {
    /// Does the work on the thread. It is done to its end when nobody waits for it any more.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let (done, outcome) = oneshot::channel();
        let job: Job = Box::new(move || drop(done.send(work())));
        self.jobs()?.send(job).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
        outcome.await.map_err(io::Error::other)
    }

    fn jobs(&self) -> io::Result<mpsc::Sender<Job>> {
        let mut open = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = &*open {
            return Ok(jobs.clone());
        }
        let (jobs, waiting) = mpsc::channel(WAITING);
        thread::Builder::new().name("pictures".to_owned()).spawn(move || work_off(waiting))?;
        *open = Some(jobs.clone());
        Ok(jobs)
    }
}

fn work_off(mut waiting: mpsc::Receiver<Job>) {
    while let Some(job) = waiting.blocking_recv() {
        // Whoever waits for it is told by its silence.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

impl fmt::Debug for Darkroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Darkroom")
    }
}
