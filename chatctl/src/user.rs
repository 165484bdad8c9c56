use chat_proto::Role;
use chat_proto::wire::NewUser;
use clap::{Args, Subcommand};

use crate::access::Door;
use crate::exit::{Exit, Failure};
use crate::output::Style;
use crate::sign_in::read_password;

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Make an account
    Create(Create),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The address to sign in with
    email: String,
    /// What they are to the shop: admin, agent, customer, designer, merchant
    #[arg(long)]
    role: Role,
    /// How others see them named; the address up to its @ unless given
    #[arg(long)]
    name: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long, required = true)]
    password_stdin: bool,
}

pub(crate) async fn run(user: &User, door: &Door, style: &Style) -> Result<Exit, Failure> {
    let client = door.client().await?;
    match user {
        User::Create(args) => {
            let name = args.name.as_deref().or(args.email.split('@').next()).unwrap_or_default().to_owned();
            let password = read_password()?;
            let user = NewUser { email: args.email.clone(), name, password, role: args.role };
            let made = client.create_user(&user).await?;
            style.done(&made, &format!("Created {} {} ({}).", made.id, made.name, made.role))
        }
    }
}
