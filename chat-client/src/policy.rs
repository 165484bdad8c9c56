use chat_proto::wire::Policy;

use crate::{Client, Error};

impl Client {
    /// Who may do what, and why; for the staff.
    pub async fn policy(&self) -> Result<Policy, Error> {
        self.get("/policy").await
    }
}
