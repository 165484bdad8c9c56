//! Lists, which servers give in parts: so many rows of them as were asked for.

use chat_client::{Error, PageQuery};
use chat_proto::model::Page;
use clap::Args;

/// The most rows that a server gives at a time.
const PART: u32 = 200;

/// How much of a list.
#[derive(Debug, Args)]
pub(crate) struct Limit {
    /// So many at the most
    #[arg(long, default_value_t = 50, conflicts_with = "all", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl Limit {
    /// The rows, in the form of one part: it has a cursor when there are more.
    pub(crate) async fn get<T>(
        &self,
        part: impl AsyncFn(PageQuery) -> Result<Page<T>, Error>,
    ) -> Result<Page<T>, Error> {
        self.get_while(part, |_| true).await
    }

    /// … up to the first that is not wanted, behind which none are.
    pub(crate) async fn get_while<T>(
        &self,
        part: impl AsyncFn(PageQuery) -> Result<Page<T>, Error>,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Page<T>, Error> {
        let most = if self.all { usize::MAX } else { self.limit as usize };
        let rows = |held: usize| u32::try_from(most.saturating_sub(held)).unwrap_or(u32::MAX).min(PART);
        let mut list = part(PageQuery::first().limit(rows(0))).await?;
        loop {
            if let Some(end) = list.items.iter().position(|item| !is_wanted(item)) {
                list.items.truncate(end);
                list.next_cursor = None;
            }
            let left = rows(list.items.len());
            match list.next_cursor.take_if(|_| left > 0) {
                None => return Ok(list),
                Some(next) => {
                    let more = part(PageQuery::after(next).limit(left)).await?;
                    list.items.extend(more.items);
                    list.next_cursor = more.next_cursor;
                }
            }
        }
    }
}
