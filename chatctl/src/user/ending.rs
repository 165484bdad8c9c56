//! What an admin does to an account that its owner will notice for good: its end, and another password.

use chat_client::Client;
use chat_proto::model::UserState;

use super::{Delete, Who, find, named};
use crate::exit::{Exit, Failure};
use crate::output::{Style, moment};

pub(super) async fn delete(client: &Client, args: &Delete, style: &Style) -> Result<Exit, Failure> {
    let account = find(client, &args.who).await?;
    if account.state != UserState::Deleted {
        let warning =
            format!("{} is deleted for good; the address is free again, and what was written stays.", named(&account));
        style.confirm_name(&warning, &account.name, args.confirm.as_deref()).await?;
    }
    let left = client.delete_user(account.id).await?;
    style.done(&left, &format!("Deleted {}. What was written in it shows as {}.", named(&account), left.name))
}

pub(super) async fn reset_password(client: &Client, who: &Who, style: &Style) -> Result<Exit, Failure> {
    let account = find(client, who).await?;
    let made = client.allow_password_reset(account.id).await?;
    let until = moment(made.expires_at);
    let says =
        format!("{} may set a new password until {until}. The token, shown once: {}", named(&account), made.token);
    style.done(&made, &says)
}
