use chat_proto::model::{AuditEntry, Invitation, Page, Person, Session, User, UserState};
use chat_proto::wire::{
    AcceptBody, ForgotBody, Invited, LoginBody, NewInvitation, NewUser, PasswordBody, PasswordReset, PatchMe,
    PatchUser, RefreshBody, RegisterBody, ResetBody, ServerInfo, SignedIn, VerifyBody, WsTicket,
};
use chat_proto::{InvitationId, Role, SessionId, UserId};

use crate::query::{PageQuery, Query};
use crate::{Client, Error};

impl Client {
    /// Signs up a customer; the returned client acts for them.
    pub async fn register(&self, email: &str, name: &str, password: &str) -> Result<(Self, SignedIn), Error> {
        let body = RegisterBody { email: email.to_owned(), name: name.to_owned(), password: password.to_owned() };
        self.adopt(self.post("/auth/register", &body).await?.json()?)
    }

    /// Signs in; the returned client acts for that person.
    pub async fn login(&self, email: &str, password: &str) -> Result<(Self, SignedIn), Error> {
        let body = LoginBody { email: email.to_owned(), password: password.to_owned() };
        self.adopt(self.post("/auth/login", &body).await?.json()?)
    }

    /// Gets the next pair of tokens; the refresh token is spent by it. [`SignIn`](crate::SignIn) does so when it is due.
    pub async fn refresh(&self, refresh_token: &str) -> Result<(Self, SignedIn), Error> {
        let body = RefreshBody { refresh_token: refresh_token.to_owned() };
        self.adopt(self.post("/auth/refresh", &body).await?.json()?)
    }

    /// Has a letter sent with which somebody sets a new password, if there is such an account.
    pub async fn forgot_password(&self, email: &str) -> Result<(), Error> {
        self.post("/auth/password/forgot", &ForgotBody { email: email.to_owned() }).await.map(drop)
    }

    /// Sets a new password with the token of that letter.
    pub async fn reset_password(&self, token: &str, password: &str) -> Result<(), Error> {
        let body = ResetBody { token: token.to_owned(), password: password.to_owned() };
        self.post("/auth/password/reset", &body).await.map(drop)
    }

    /// Verifies an address with the token of the letter that was sent there.
    pub async fn verify_email(&self, token: &str) -> Result<(), Error> {
        self.post("/auth/verify-email", &VerifyBody { token: token.to_owned() }).await.map(drop)
    }

    /// Has that letter sent again.
    pub async fn ask_to_verify_email(&self) -> Result<(), Error> {
        self.post_empty("/me/verify-email").await.map(drop)
    }

    /// Ends the session of the token, its live connections included.
    pub async fn logout(&self) -> Result<(), Error> {
        self.post_empty("/auth/logout").await.map(drop)
    }

    /// A ticket for one `hello`: for a program that opens the socket itself where it has no token at hand.
    pub async fn ws_ticket(&self) -> Result<WsTicket, Error> {
        self.post_empty("/auth/ws-ticket").await?.json()
    }

    /// My account.
    pub async fn me(&self) -> Result<User, Error> {
        self.get("/me").await
    }

    /// Changes how others see me named.
    pub async fn rename(&self, name: &str) -> Result<User, Error> {
        let body = PatchMe { name: name.to_owned() };
        self.patch("/me", &body).await?.json()
    }

    /// Changes my password, which ends my other sessions.
    pub async fn change_password(&self, current: &str, new: &str) -> Result<(), Error> {
        let body = PasswordBody { current_password: current.to_owned(), new_password: new.to_owned() };
        self.post("/me/password", &body).await.map(drop)
    }

    /// My sessions, the oldest first.
    pub async fn sessions(&self) -> Result<Page<Session>, Error> {
        self.get("/me/sessions").await
    }

    /// Ends one of my sessions.
    pub async fn end_session(&self, session: SessionId) -> Result<(), Error> {
        self.delete(&format!("/me/sessions/{session}")).await.map(drop)
    }

    /// Ends all of my sessions but the one of this token.
    pub async fn end_other_sessions(&self) -> Result<(), Error> {
        self.delete("/me/sessions").await.map(drop)
    }

    /// Makes an account of any role; for admins.
    pub async fn create_user(&self, user: &NewUser) -> Result<User, Error> {
        self.post("/users", user).await?.json()
    }

    /// A part of the accounts, by role and name; for admins.
    pub async fn users(
        &self,
        role: Option<Role>,
        state: Option<UserState>,
        page: &PageQuery,
    ) -> Result<Page<User>, Error> {
        let query = page.to_query().with("role", role.as_ref()).with("state", state.as_ref());
        self.get(&format!("/users{query}")).await
    }

    /// The account with this address, in capital letters or small ones; for admins.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, Error> {
        let query = Query::default().with("email", Some(&email));
        let found: Page<User> = self.get(&format!("/users{query}")).await?;
        let folded = email.trim().to_lowercase();
        // Whoever asks may be about to delete it.
        Ok(found.items.into_iter().find(|user| user.email.to_lowercase() == folded))
    }

    /// An account; for admins.
    pub async fn user(&self, id: UserId) -> Result<User, Error> {
        self.get(&format!("/users/{id}")).await
    }

    /// Changes an account; for admins.
    pub async fn change_user(&self, id: UserId, change: &PatchUser) -> Result<User, Error> {
        self.patch(&format!("/users/{id}"), change).await?.json()
    }

    /// Lets nobody sign in to an account any more; for admins.
    pub async fn disable_user(&self, id: UserId) -> Result<User, Error> {
        self.post_empty(&format!("/users/{id}/disable")).await?.json()
    }

    /// Takes that back; for admins.
    pub async fn enable_user(&self, id: UserId) -> Result<User, Error> {
        self.post_empty(&format!("/users/{id}/enable")).await?.json()
    }

    /// Takes an account back for good; for admins. What was written in it stays, under a name that is nobody's.
    pub async fn delete_user(&self, id: UserId) -> Result<User, Error> {
        self.delete(&format!("/users/{id}")).await?.json()
    }

    /// Where an account is signed in; for admins.
    pub async fn sessions_of(&self, id: UserId) -> Result<Page<Session>, Error> {
        self.get(&format!("/users/{id}/sessions")).await
    }

    /// Signs an account out everywhere; for admins.
    pub async fn end_sessions_of(&self, id: UserId) -> Result<(), Error> {
        self.delete(&format!("/users/{id}/sessions")).await.map(drop)
    }

    /// Lets somebody set a new password with a token, shown this once; for admins.
    pub async fn allow_password_reset(&self, id: UserId) -> Result<PasswordReset, Error> {
        self.post_empty(&format!("/users/{id}/password-reset")).await?.json()
    }

    /// Invites somebody to make an account of this role; for admins.
    pub async fn invite(&self, email: &str, role: Role) -> Result<Invited, Error> {
        self.post("/invitations", &NewInvitation { email: email.to_owned(), role }).await?.json()
    }

    /// The invitations that nobody has accepted yet; for admins.
    pub async fn invitations(&self) -> Result<Page<Invitation>, Error> {
        self.get("/invitations").await
    }

    /// Takes an invitation back; for admins.
    pub async fn take_back_invitation(&self, id: InvitationId) -> Result<(), Error> {
        self.delete(&format!("/invitations/{id}")).await.map(drop)
    }

    /// Accepts an invitation; the returned client acts for the new account.
    pub async fn accept_invitation(&self, token: &str, name: &str, password: &str) -> Result<(Self, SignedIn), Error> {
        let body = AcceptBody { token: token.to_owned(), name: name.to_owned(), password: password.to_owned() };
        self.adopt(self.post("/auth/invitation", &body).await?.json()?)
    }

    /// A part of the audit log, the newest first: only what this person did or what was done to them, and only this
    /// action, such as `user.role_changed`; for admins.
    pub async fn audit_log(
        &self,
        user: Option<UserId>,
        action: Option<&str>,
        page: &PageQuery,
    ) -> Result<Page<AuditEntry>, Error> {
        let query = page.to_query().with("user", user.as_ref()).with("action", action.as_ref());
        self.get(&format!("/audit-log{query}")).await
    }

    /// A part of the people of one role whom I may write to, by name.
    pub async fn directory(&self, role: Role, page: &PageQuery) -> Result<Page<Person>, Error> {
        let query = page.to_query().with("role", Some(&role));
        self.get(&format!("/directory{query}")).await
    }

    /// The people that I may write to whose names have words that begin so, of all roles or of one. A part may have few or
    /// none while others follow.
    pub async fn find_people(&self, words: &str, role: Option<Role>, page: &PageQuery) -> Result<Page<Person>, Error> {
        let query = page.to_query().with("role", role.as_ref()).with("q", Some(&words));
        self.get(&format!("/directory{query}")).await
    }

    /// What the server is and what it takes.
    pub async fn server(&self) -> Result<ServerInfo, Error> {
        self.get("/server").await
    }

    pub(crate) fn adopt(&self, signed_in: SignedIn) -> Result<(Self, SignedIn), Error> {
        if signed_in.token_type.eq_ignore_ascii_case("bearer") {
            Ok((self.authenticated(&signed_in.access_token), signed_in))
        } else {
            Err(Error::Protocol("the access token is no bearer token".into()))
        }
    }
}
