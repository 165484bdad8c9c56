use axum::Json as Shown;
use chat_proto::model::StatsOverview;
use chat_proto::wire::Problem;
use serde::Deserialize;

use super::Answer;
use crate::extract::{Caller, Query};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct OverviewQuery {
    /// How many days the period has, of which today is the last: 1 to 90; 7 without it.
    days: Option<u32>,
}

/// Days of the period when the request does not say.
const DEFAULT_DAYS: u32 = 7;

/// How the shop does
///
/// Admins only. People by what they are, who is there now, and what happened in the last days beside what happened in as
/// many days before. Days are those of UTC. Read from counters that are kept with the event log.
#[utoipa::path(get, path = "/stats/overview", tag = "statistics", security(("bearer" = [])), params(OverviewQuery),
    responses(
    (status = 200, description = "The figures", body = StatsOverview),
    (status = 400, description = "`invalid`: not 1 to 90 days", body = Problem),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 503, description = "`unavailable`: right after a start it may still be counting", body = Problem),
))]
pub(crate) async fn overview(Caller(me): Caller, Query(query): Query<OverviewQuery>) -> Answer<Shown<StatsOverview>> {
    Ok(Shown(me.stats_overview(query.days.unwrap_or(DEFAULT_DAYS)).await?))
}
