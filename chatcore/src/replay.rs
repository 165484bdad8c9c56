//! What somebody missed, read from the log again.
//!
//! There are two ways: reading the log, which costs what the shop did; and asking the indexes, which costs what they
//! missed, and a look at each of their conversations for every page. Whichever is less is taken, page by page.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::actor::Reading;
use crate::error::Result;
use crate::events::Told;
use crate::rooms::{MAILBOX_BYTES, weight};
use crate::state::{Envelope, Line, Position, envelope_of};

/// So many events are told at a time, each page read in a view of its own; fewer when what they tell is as much as a
/// mailbox may hold.
const PAGE: usize = 256;
/// Whoever is in more conversations than this reads the log.
const MOST_CONVERSATIONS: usize = 4_096;

/// A page of what somebody missed.
#[derive(Debug)]
pub(crate) enum Replay {
    /// What is for them, in order.
    Page(ReplayPage),
    /// The log does not go back so far any more. This is where it ends now.
    TooOld(Position),
}

#[derive(Debug)]
pub(crate) struct ReplayPage {
    pub(crate) told: VecDeque<Told>,
    /// Everything up to here is in it, or not for them.
    pub(crate) reached: Position,
    pub(crate) more: bool,
    /// How much of the log a page covers, for the next one.
    pub(crate) span: u64,
}

/// Reads on after a position. `span`: how much of the log the page before covered, if there was one.
pub(crate) fn read_page(me: &Reading<'_>, after: Position, span: Option<u64>) -> Result<Replay> {
    let head = me.view.position();
    if after.next() < me.view.oldest()? {
        return Ok(Replay::TooOld(head));
    }
    let span = span.unwrap_or(head.0.saturating_sub(after.0));
    let (lines, more) = match theirs(me, after, span)? {
        Some(positions) => (me.view.lines_at(&positions)?, positions.len() == PAGE),
        None => {
            let lines = me.view.lines_after(after, PAGE)?;
            let more = lines.len() == PAGE;
            (lines, more)
        }
    };
    let mut page = ReplayPage { told: VecDeque::new(), reached: head, more, span: 0 };
    if let Some(last) = lines.last().filter(|_| more) {
        page.reached = last.position;
    }
    let mut bytes = 0;
    for line in &lines {
        let Some(envelope) = tell(me, line)? else { continue };
        bytes += weight(&envelope);
        let rendering = envelope.rendering_for(me.no, me.account.id);
        page.told.push_back(Told::new(Arc::new(envelope), rendering));
        if bytes >= MAILBOX_BYTES {
            (page.more, page.reached) = (true, line.position);
            break;
        }
    }
    page.span = page.reached.0.saturating_sub(after.0);
    Ok(Replay::Page(page))
}

/// The next positions that are their business, by the indexes; `None`: reading the log costs less.
fn theirs(me: &Reading<'_>, after: Position, span: u64) -> Result<Option<Vec<Position>>> {
    let most = usize::try_from(span).unwrap_or(usize::MAX).min(MOST_CONVERSATIONS);
    let conversations = me.view.inbox(me.no, None, most)?;
    if conversations.len() >= most {
        return Ok(None);
    }
    let mut positions = me.view.positions_of_user(me.no, after, PAGE)?;
    for (_, conversation) in conversations {
        positions.extend(me.view.positions_of_conversation(conversation, after, PAGE)?);
    }
    positions.sort_unstable();
    positions.dedup();
    positions.truncate(PAGE);
    Ok(Some(positions))
}

/// The event of a line, if it is for them.
fn tell(me: &Reading<'_>, line: &Line) -> Result<Option<Envelope>> {
    let envelope = envelope_of(line, Some(me.no), me.view)?;
    Ok(Some(envelope).filter(|envelope| envelope.is_for(me.no)))
}
