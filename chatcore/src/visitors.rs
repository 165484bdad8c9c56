//! People who come from a page of the shop: visitors whom nobody knows, and customers for whom the site vouches.

use std::sync::{Arc, Weak};
use std::time::Duration;

use chat_proto::{ErrorCode, Timestamp};

use crate::actor::Actor;
use crate::auth::{RefreshToken, identity};
use crate::chat::{Chat, Engine, SignedIn};
use crate::entrance::Entrance;
use crate::error::{Error, Result};
use crate::site::Site;
use crate::state::{Author, Command, ConversationNo, Origin, RecordKey, RefreshHashes, UserNo, VisitorClaim};
use crate::store::View;

/// How often it is looked which visitors are not coming back, …
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// … and of how many at once.
const LOOK_AT_ONCE: usize = 64;
/// Conversations that are handed over in one commit.
const HAND_OVER_AT_ONCE: usize = 100;

impl Chat {
    /// The site of the shop that is known under this key.
    #[must_use]
    pub fn site(&self, key: &str) -> Option<&Site> {
        self.engine().sites.iter().find(|site| site.key() == key)
    }

    /// The sites of the shop.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.engine().sites
    }

    fn known_site(&self, key: Option<&str>) -> Result<&Site> {
        let found = match (key, self.sites()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(key), _) => self.site(key),
        };
        found.ok_or_else(|| Error::invalid("/site_key", "There is no such site."))
    }
}

impl Entrance {
    /// Somebody whom nobody knows begins to look at the chat on a page of this site. They are a customer; whoever says
    /// nothing is forgotten after a day, the others when their session was not renewed for as long as sessions last.
    ///
    /// # Errors
    /// `invalid` when there is no such site.
    pub async fn admit_visitor(&self, site_key: &str) -> Result<SignedIn> {
        let site = self.chat().known_site(Some(site_key))?.key.clone();
        let id = self.chat().engine().new_user_id();
        self.begin_session(id, |session| Command::AdmitVisitor { id, site, session }).await
    }

    /// Somebody signs in by a token that a site of the shop has signed: a JWT by one of the site's keys, with `sub` (who
    /// they are to the site), `aud`, `iat` and `exp`, no more than ten minutes apart, and `name`, `email` and `jti` if it
    /// likes. It can be used once. `site_key` may be left out where there is only one site. `visitor`: who they were
    /// until now, by an access or refresh token; its conversations go over to them.
    ///
    /// # Errors
    /// `unauthenticated` when it is not good, `token_expired`, `token_revoked` when it was used before,
    /// `invalid_credentials` when the account is disabled; `invalid` when there is no such site, when a claim has no
    /// good form, and when `visitor` is no good.
    pub async fn sign_in_identity(
        &self,
        site_key: Option<&str>,
        token: &str,
        visitor: Option<&str>,
    ) -> Result<SignedIn> {
        let chat = self.chat();
        let engine = chat.engine();
        let identity = Box::new(identity::read(chat.known_site(site_key)?, token, engine.clock.now())?);
        let visitor = visitor.map(|token| Visitor::by_token(engine, token)).transpose()?;
        let id = engine.new_user_id();
        let signed_in = self.begin_session(id, |session| Command::SignInIdentity { id, identity, session }).await?;
        if let Some(visitor) = visitor {
            let by = Author { user: signed_in.user.id, session: Some(signed_in.session) };
            // The token is used up, so they are signed in all the same; the visitor can be claimed again.
            if let Err(error) = claim(engine, by, visitor, self.origin()).await {
                tracing::warn!(user = %by.user, code = %error.code(), "a visitor could not be claimed");
            }
        }
        Ok(signed_in)
    }
}

/// The visitor that a token was given to.
#[derive(Clone, Copy)]
struct Visitor {
    author: Author,
    refresh: Option<RefreshHashes>,
}

impl Visitor {
    /// Whether it is a visitor, and whether the session stands, is seen where it counts.
    fn by_token(engine: &Engine, token: &str) -> Result<Self> {
        if let Some(token) = RefreshToken::parse(token) {
            let author = Author { user: token.user(), session: Some(token.session()) };
            engine.revoked.refuse(author)?;
            return Ok(Self { author, refresh: Some(token.hashes()) });
        }
        let (author, _) = engine.tokens.author(token).map_err(|error| match error.code() {
            ErrorCode::TokenExpired => Error::invalid("/visitor_token", "This visitor's token has expired; renew it."),
            _ => Error::invalid("/visitor_token", "This is not a visitor's token."),
        })?;
        engine.revoked.refuse(author)?;
        Ok(Self { author, refresh: None })
    }
}

impl Actor {
    /// Takes over the conversations of the visitor that I was before I signed in; the visitor's access or refresh token is
    /// the proof. What the visitor wrote is mine from now on. Doing it again does nothing.
    ///
    /// # Errors
    /// `forbidden` unless I am a customer, `conflict` when I am a visitor myself, `invalid` when the token is no
    /// visitor's, or the visitor's session is over.
    pub async fn claim_visitor(&self, visitor_token: &str) -> Result<()> {
        let engine = self.chat().engine();
        let visitor = Visitor::by_token(engine, visitor_token)?;
        claim(engine, self.by(), visitor, &self.origin()).await
    }
}

async fn claim(engine: &Arc<Engine>, by: Author, visitor: Visitor, origin: &Origin) -> Result<()> {
    let command = |conversations| {
        let Visitor { author: visitor, refresh } = visitor;
        let claim = VisitorClaim { visitor, refresh, conversations, origin: origin.clone() };
        Command::ClaimVisitor { by, claim: Box::new(claim) }
    };
    // From here on the visitor says nothing more, so that their conversations do not become more.
    engine.writer.carry(command(Vec::new())).await?;
    loop {
        let conversations = engine.read(move |view| conversations(view, visitor.author)).await?;
        if conversations.is_empty() {
            return Ok(());
        }
        engine.writer.carry(command(conversations)).await?;
    }
}

fn conversations(view: &dyn View, visitor: Author) -> Result<Vec<ConversationNo>> {
    let Some(no) = view.user_no(visitor.user)? else { return Ok(Vec::new()) };
    let rows = view.inbox(no, None, HAND_OVER_AT_ONCE)?;
    Ok(rows.into_iter().map(|(_, conversation)| conversation).collect())
}

/// Lets go of visitors who are not coming back, as long as the engine is there.
pub(crate) async fn look_after(engine: Weak<Engine>) {
    let Some(clock) = engine.upgrade().map(|engine| Arc::clone(&engine.clock)) else { return };
    loop {
        clock.sleep_until(clock.now().after(LOOK_EVERY)).await;
        let Some(engine) = engine.upgrade() else { return };
        while matches!(engine.expire_visitors(clock.now()).await, Ok(true)) {}
    }
}

impl Engine {
    /// A piece of it; `true`: there is more.
    async fn expire_visitors(&self, now: Timestamp) -> Result<bool> {
        let due = self
            .read(move |view| {
                let before = RecordKey::visitor_due(now, UserNo(0));
                Ok(view.records(&RecordKey::first_visitor_due(), &before, LOOK_AT_ONCE)?)
            })
            .await?;
        let due: Vec<RecordKey> = due.into_iter().map(|(key, _)| key).collect();
        let more = due.len() == LOOK_AT_ONCE;
        if !due.is_empty() {
            self.writer.carry(Command::ExpireVisitors { due }).await?;
        }
        Ok(more)
    }
}
