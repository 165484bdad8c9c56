use http::{Method, StatusCode};

use crate::{Client, Error};

impl Client {
    /// Whether the server can store changes now, and is not about to stop. Needs no token.
    ///
    /// # Errors
    /// When nobody answers, or something that is no chat server.
    pub async fn ready(&self) -> Result<bool, Error> {
        let uri = self.base.beside("/readyz")?;
        match self.exchange_at(uri, Method::GET, None).await {
            Ok(_) => Ok(true),
            Err(Error::Status(StatusCode::SERVICE_UNAVAILABLE)) => Ok(false),
            Err(Error::Refused(problem)) if problem.status == 503 => Ok(false),
            Err(error) => Err(error),
        }
    }
}
