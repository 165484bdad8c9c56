//! Customers who come from a page of the shop: those whom nobody knows, and those for whom the shop vouches.

use chat_proto::wire::{ClaimVisitorBody, IdentityBody, SignedIn, VisitorBody};

use crate::{Client, Error};

impl Client {
    /// Admits somebody whom nobody knows to the site of this key; the returned client acts for them.
    pub async fn admit_visitor(&self, site_key: &str) -> Result<(Self, SignedIn), Error> {
        self.adopt(self.post("/auth/visitor", &VisitorBody { site_key: site_key.to_owned() }).await?.json()?)
    }

    /// Signs a customer in by the shop's word, a token that its backend has signed and that is good once; the returned
    /// client acts for them.
    pub async fn sign_in_identity(&self, identity: &IdentityBody) -> Result<(Self, SignedIn), Error> {
        self.adopt(self.post("/auth/identity", identity).await?.json()?)
    }

    /// I was this visitor before I signed in, as their access or refresh token proves: what they said becomes mine, and
    /// their session ends.
    pub async fn claim_visitor(&self, visitor_token: &str) -> Result<(), Error> {
        let body = ClaimVisitorBody { visitor_token: visitor_token.to_owned() };
        self.post("/me/visitors", &body).await.map(drop)
    }
}
