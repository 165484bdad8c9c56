use chat_proto::model::StatsOverview;

use crate::query::Query;
use crate::{Client, Error};

impl Client {
    /// How the shop does, over so many days of which today is the last (1 to 90; the server's 7 without it); for admins.
    pub async fn stats_overview(&self, days: Option<u32>) -> Result<StatsOverview, Error> {
        self.get(&format!("/stats/overview{}", Query::default().with("days", days.as_ref()))).await
    }
}
