use chat_proto::{ErrorCode, InvitationId, SessionId, UserId};

use crate::auth::{LinkToken, Purpose, RefreshToken, Verdict, strength};
use crate::chat::{Chat, SignedIn};
use crate::error::{Error, Result};
use crate::letters;
use crate::pace::stranger;
use crate::shape;
use crate::state::{
    Acceptance, Command, ForeignHashes, LetterKind, NewSession, Origin, Outcome, RecordKey, Refusal, Renewal,
    fold_email,
};
use crate::store::{StoreError, View};

/// Where people come in who are nobody yet: they sign up, sign in, or go on under new tokens.
#[derive(Clone, Debug)]
pub struct Entrance {
    chat: Chat,
    origin: Origin,
    lasting: bool,
}

impl Entrance {
    pub(crate) fn new(chat: Chat, origin: Origin) -> Self {
        Self { chat, origin, lasting: false }
    }

    /// For programs that never come for new tokens: those of who comes in here are good until their session ends. That a
    /// session was ended is seen at once all the same; but whoever finds such a token can use it for as long.
    #[must_use]
    pub fn with_lasting_tokens(self) -> Self {
        Self { lasting: true, ..self }
    }

    /// A customer signs up; nobody becomes anything else this way. They are sent a letter to verify their address.
    ///
    /// # Errors
    /// `invalid` for a malformed value, `weak_password`, `email_taken`.
    pub async fn register(&self, email: &str, name: &str, password: String) -> Result<SignedIn> {
        let engine = self.chat.engine();
        let (email, name) = (shape::email(email)?, shape::name(name)?);
        let password = strength::password("/password", password, &email, &name)?;
        let password = engine.passwords.hash(password).await?;
        let id = engine.new_user_id();
        let letter = Box::new(engine.new_letter(LetterKind::EmailVerification));
        self.begin_session(id, |session| Command::Register { id, email, name, password, session, letter }).await
    }

    /// Somebody signs in.
    ///
    /// # Errors
    /// `invalid_credentials`, the same for an unknown address, a disabled account and a wrong password, after the same
    /// time. `rate_limited` after failures: see [`retry_after`](Error::retry_after).
    pub async fn login(&self, email: &str, password: String) -> Result<SignedIn> {
        let engine = self.chat.engine();
        let wrong = || Error::new(ErrorCode::InvalidCredentials, "No account with this address and password.");
        let folded = fold_email(email);
        // Longer ones are nobody's, and not worth remembering.
        if shape::password(password.clone()).is_err() || folded.len() > shape::EMAIL_BYTES {
            return Err(wrong());
        }
        engine.passwords.admit()?;
        let (from, now, sought) = (stranger(self.origin.address), engine.clock.now(), folded.clone());
        let (account, familiar, bcrypt) = engine
            .read(move |view| {
                let no = view.user_by_email(&sought)?;
                let account = no.map(|no| view.account(no)).transpose()?.flatten();
                let sessions = no.map(|no| view.sessions(no)).transpose()?.unwrap_or_default();
                let familiar = sessions
                    .iter()
                    .any(|session| session.expires_at > now && from.is_some() && stranger(session.address) == from);
                let hashes = view.record(&RecordKey::foreign_hashes())?;
                let hashes = hashes.map(|row| ForeignHashes::decoded(&row)).transpose()?;
                Ok((account, familiar, hashes.and_then(|hashes| hashes.highest_cost())))
            })
            .await?;
        let attempt = engine.guard.attempt(&folded, from, familiar)?.known_as(account.is_some(), &self.origin);
        let stored = account.as_ref().and_then(|account| account.password.clone());
        let verdict = engine.passwords.sign_in(password.clone(), stored, bcrypt).await?;
        let (Some(account), Verdict::Right { renewed }) = (account, verdict) else {
            return Err(wrong());
        };
        let user = account.id;
        let start =
            |stored| self.begin_session(user, |session| Command::StartSession { user, password: stored, session });
        let mut started = start(account.password.clone()).await;
        if let (Some(before), Some(after)) = (account.password.clone(), renewed) {
            match &started {
                Ok(_) => self.renew_hash(user, before, after).await,
                // Another sign-in may have renewed it just now.
                Err(error) if error.code() == ErrorCode::InvalidCredentials => {
                    let stored = engine.read(move |view| Ok(stored_password(view, user)?)).await?;
                    if engine.passwords.verify(password, stored.clone()).await? {
                        started = start(stored).await;
                    }
                }
                Err(_) => {}
            }
        }
        // A disabled account looks like none.
        match started.as_ref().map_err(Error::code) {
            Err(ErrorCode::TokenRevoked | ErrorCode::InvalidCredentials) => return Err(wrong()),
            _ => attempt.succeeded(),
        }
        started
    }

    /// Keeps a password that was right as passwords are kept now. Failing in it is no reason to let nobody in: the next
    /// sign-in tries again.
    async fn renew_hash(&self, user: UserId, before: String, after: String) {
        let renew = Command::RenewPasswordHash { user, before, after };
        if let Err(error) = self.chat.engine().writer.carry(renew).await {
            tracing::warn!(code = %error.code(), "a password could not be stored in its new form");
        }
    }

    /// Sends a letter with which somebody sets a new password, if there is an account of this address. Whether there is
    /// shows neither in the answer nor in the time it takes.
    ///
    /// # Errors
    /// `draining`, `unavailable`; never anything that depends on the address.
    pub async fn forgot_password(&self, email: &str) -> Result<()> {
        let engine = self.chat.engine();
        let Ok(email) = shape::email(email) else { return Ok(()) };
        let (letter, origin) = (Box::new(engine.new_letter(LetterKind::PasswordReset)), self.origin.clone());
        let command = Command::ForgotPassword { email: fold_email(&email), letter, origin };
        // Not waited for: what comes of it takes longer when there is an account.
        engine.writer.queue(command).await.map(drop)
    }

    /// Sets a new password with the token of such a letter. All sessions of the account end, nobody has to wait to sign in
    /// to it any more, and its address is verified: the letter has arrived.
    ///
    /// # Errors
    /// `invalid` for a token (`/token`) that was used before or is over; `invalid`, `weak_password` for the password.
    pub async fn reset_password(&self, token: &str, password: String) -> Result<()> {
        let engine = self.chat.engine();
        let (letter, token) = letters::link(LetterKind::PasswordReset, token)?;
        let now = engine.clock.now();
        // Asked before the hash, which costs more than the whole rest, and again where it counts.
        let account = engine
            .read(move |view| {
                let letter = view.letter(letter)?;
                let letter = letter.filter(|letter| letter.is_good(LetterKind::PasswordReset, &token, now));
                Ok(letter.map(|letter| view.account(letter.user)).transpose()?.flatten())
            })
            .await?;
        let account = account.ok_or_else(|| Error::from(Refusal::spent_link()))?;
        let password = strength::password("/password", password, &account.email, &account.name)?;
        let (password, origin) = (engine.passwords.hash(password).await?, self.origin.clone());
        engine.writer.carry(Command::ResetPassword { letter, token, password, origin }).await?;
        engine.guard.forgive(&fold_email(&account.email), stranger(self.origin.address));
        Ok(())
    }

    /// Shows that a letter has arrived at its address.
    ///
    /// # Errors
    /// `invalid` for a token (`/token`) that was used before or is over.
    pub async fn verify_email(&self, token: &str) -> Result<()> {
        let (letter, token) = letters::link(LetterKind::EmailVerification, token)?;
        let origin = self.origin.clone();
        self.chat.engine().writer.carry(Command::VerifyEmail { letter, token, origin }).await.map(drop)
    }

    /// Goes on in a session under new tokens; the refresh token is spent by it.
    ///
    /// # Errors
    /// `unauthenticated` when it is none of ours, `token_expired` when it was not used for too long, `token_revoked` when
    /// the session has ended. It ends here and now when the token was used before: somebody else has it.
    pub async fn refresh(&self, refresh_token: &str) -> Result<SignedIn> {
        let engine = self.chat.engine();
        let none = || Error::new(ErrorCode::Unauthenticated, "This is not a refresh token of this server.");
        let token = RefreshToken::parse(refresh_token).ok_or_else(none)?;
        if engine.revoked.contains(token.session()) {
            return Err(session_ended());
        }
        let next = token.next(&*engine.entropy);
        let renewal = Box::new(Renewal {
            presented: token.hashes(),
            next: next.hashes().token,
            expires_at: engine.clock.now().after(engine.refresh_ttl),
            origin: self.origin.clone(),
        });
        let (user, session) = (token.user(), token.session());
        self.sign_in(Command::RenewSession { user, session, renewal }, &next).await
    }

    pub(crate) fn chat(&self) -> &Chat {
        &self.chat
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Somebody accepts an invitation: they have an account of the role that it names, and are signed in.
    ///
    /// # Errors
    /// `invalid` for a malformed value, and for a token (`/token`) that was used before, was taken back or is over;
    /// `weak_password`, `email_taken`.
    pub async fn accept_invitation(&self, token: &str, name: &str, password: String) -> Result<SignedIn> {
        let engine = self.chat.engine();
        let name = shape::name(name)?;
        let spent = || Error::from(Refusal::spent_link());
        let token = LinkToken::parse(Purpose::Invitation, token).ok_or_else(spent)?;
        let (invitation, token) = (InvitationId::from_bytes(token.id()), token.hash(Purpose::Invitation));
        let now = engine.clock.now();
        // Asked before the hash, which costs more than the whole rest, and again where it counts.
        let stored = engine.read(move |view| Ok(view.invitation(invitation)?)).await?;
        let stored = stored.filter(|stored| stored.is_good(&token, now)).ok_or_else(spent)?;
        let password = strength::password("/password", password, &stored.email, &name)?;
        let password = engine.passwords.hash(password).await?;
        let id = engine.new_user_id();
        let letter = engine.new_letter(LetterKind::EmailVerification);
        let accept = |session: Box<NewSession>| {
            let acceptance = Acceptance { invitation, token, id, name, password, session: *session, letter };
            Command::AcceptInvitation(Box::new(acceptance))
        };
        self.begin_session(id, accept).await
    }

    pub(crate) async fn begin_session(
        &self,
        user: UserId,
        command: impl FnOnce(Box<NewSession>) -> Command,
    ) -> Result<SignedIn> {
        let engine = self.chat.engine();
        let now = engine.clock.now();
        let id = SessionId::new(now, engine.entropy.bytes());
        let token = RefreshToken::new(user, id, &*engine.entropy);
        let (expires_at, origin) = (now.after(engine.refresh_ttl), self.origin.clone());
        let session = Box::new(NewSession { id, expires_at, refresh: token.hashes(), origin });
        self.sign_in(command(session), &token).await
    }

    async fn sign_in(&self, command: Command, refresh_token: &RefreshToken) -> Result<SignedIn> {
        let engine = self.chat.engine();
        let (user, session, session_ends) = match engine.writer.carry(command).await? {
            Outcome::SignedIn { user, session, expires_at } => (user, session, expires_at),
            Outcome::Spent => return Err(session_ended()),
            _ => return Err(Error::unexpected()),
        };
        let now = engine.clock.now();
        let expires_at = if self.lasting { session_ends } else { now.after(engine.access_ttl).min(session_ends) };
        let token = engine.tokens.access(user.id, session, expires_at)?;
        let expires_in = expires_at.since(now);
        Ok(SignedIn { user, session, token, refresh_token: refresh_token.text(), expires_at, expires_in })
    }
}

/// What a session that does not stand any more is answered with.
pub(crate) fn session_ended() -> Error {
    Error::new(ErrorCode::TokenRevoked, "This session has ended. Sign in again.")
}

fn stored_password(view: &dyn View, user: UserId) -> Result<Option<String>, StoreError> {
    let Some(no) = view.user_no(user)? else { return Ok(None) };
    Ok(view.account(no)?.and_then(|account| account.password.clone()))
}
