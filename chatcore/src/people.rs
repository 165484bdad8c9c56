use chat_proto::model::User;
use chat_proto::{Role, UserId};

use crate::auth::strength;
use crate::chat::Chat;
use crate::error::Result;
use crate::shape;
use crate::state::{Command, Origin, fold_email};

/// The people of the shop, as the embedding program sees them. Over the wire only admins come near this.
#[derive(Clone, Debug)]
pub struct People {
    chat: Chat,
}

/// Somebody to be made known to the chat.
#[derive(Clone)]
pub struct NewPerson {
    role: Role,
    email: String,
    name: Option<String>,
    password: Option<String>,
}

impl NewPerson {
    /// Somebody of this role, with this sign-in address.
    #[must_use]
    pub fn new(role: Role, email: impl Into<String>) -> Self {
        Self { role, email: email.into(), name: None, password: None }
    }

    /// A customer.
    #[must_use]
    pub fn customer(email: impl Into<String>) -> Self {
        Self::new(Role::Customer, email)
    }

    /// A support agent.
    #[must_use]
    pub fn agent(email: impl Into<String>) -> Self {
        Self::new(Role::Agent, email)
    }

    /// As shown to others. Default: the part of the address before the `@`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Lets them sign in. Default: they cannot.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }
}

impl People {
    pub(crate) fn new(chat: Chat) -> Self {
        Self { chat }
    }

    /// Makes an account.
    ///
    /// # Errors
    /// `invalid` for a malformed value, `weak_password`, `email_taken`.
    pub async fn create(&self, person: NewPerson) -> Result<User> {
        let engine = self.chat.engine();
        let email = shape::email(&person.email)?;
        let local = email.split('@').next().unwrap_or_default().to_owned();
        let name = shape::name(&person.name.unwrap_or(local))?;
        let password = match person.password {
            Some(password) => {
                Some(engine.passwords.hash(strength::password("/password", password, &email, &name)?).await?)
            }
            None => None,
        };
        let id = engine.new_user_id();
        engine
            .user(Command::CreateUser {
                by: None,
                id,
                email,
                name,
                role: person.role,
                password,
                origin: Origin::default(),
            })
            .await
    }

    /// The account that signs in with this address.
    ///
    /// # Errors
    /// The store's.
    pub async fn by_email(&self, email: &str) -> Result<Option<User>> {
        let folded = fold_email(email);
        let read = self.chat.engine().read(move |view| {
            let no = view.user_by_email(&folded)?;
            Ok(no.map(|no| view.account(no)).transpose()?.flatten().map(|account| account.user()))
        });
        read.await
    }

    /// The account with this id.
    ///
    /// # Errors
    /// The store's.
    pub async fn get(&self, id: UserId) -> Result<Option<User>> {
        let read = self.chat.engine().read(move |view| {
            let no = view.user_no(id)?;
            Ok(no.map(|no| view.account(no)).transpose()?.flatten().map(|account| account.user()))
        });
        read.await
    }
}

impl std::fmt::Debug for NewPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPerson").field("role", &self.role).finish_non_exhaustive()
    }
}
