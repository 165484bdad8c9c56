use chat_proto::model::User;
use clap::Args;
use serde::Serialize;

use crate::access::Door;
use crate::ask;
use crate::exit::{Exit, Failure};
use crate::files::{Credentials, Profiles, Server};
use crate::output::Style;
use crate::profile::for_sign_in;
use crate::session::kept;
use crate::text;

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The server, such as <http://127.0.0.1:9000>; without it the one of the profile
    url: Option<String>,
    /// Your address; asked for when it is missing
    #[arg(long, value_name = "ADDRESS", env = "CHATCTL_EMAIL")]
    email: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
}

pub(crate) async fn login(args: &Login, door: &Door, style: &Style) -> Result<Exit, Failure> {
    let server = match &args.url {
        Some(url) => Server { server: url.clone(), email: None },
        None => door.server()?,
    };
    let client = door.stranger(&server)?;
    if chat_client::is_in_clear(&server.server) {
        style.remark(
            "The password goes to this server in clear, for everybody on the way to read; https:// keeps it secret.",
        );
    }
    let email = match args.email.clone().or(server.email.clone()).filter(|email| !email.trim().is_empty()) {
        Some(email) => email,
        None => ask_address(style).await?,
    };
    let name = |known: &Profiles, credentials: &Credentials| {
        for_sign_in(door.named(), (&server.server, &email), known, credentials)
    };
    // Before anything is asked of the server: a session that cannot be kept is not to begin.
    name(&door.places.profiles()?, &door.places.credentials()?)?;
    let password = if args.password_stdin { read_password().await? } else { ask_password(&email, style).await? };
    let (_, signed_in) = client.login(&email, &password).await?;

    let _lock = door.places.lock()?;
    let mut known = door.places.profiles()?;
    let mut credentials = door.places.credentials()?;
    let name = name(&known, &credentials)?;
    known.profiles.insert(name.clone(), Server { server: server.server.clone(), email: Some(email.clone()) });
    let default = known.default.get_or_insert_with(|| name.clone()).clone();
    credentials.sessions.insert(name.clone(), kept(&signed_in));
    door.places.keep_credentials(&credentials)?;
    door.places.keep_profiles(&known)?;
    let User { name: who, role, .. } = &signed_in.user;
    let used = if default == name {
        "It is used when no profile is named.".to_owned()
    } else {
        format!("When none is named, {default} is used; `chatctl profile use {name}` changes that.")
    };
    let says = format!("Signed in to {} as {who} ({role}), profile {name}. {used}", server.server);
    style.done(&signed_in.user, &says)
}

pub(crate) async fn logout(door: &Door, style: &Style) -> Result<Exit, Failure> {
    let chosen = door.choose()?;
    let ended = match door.client().await {
        Ok(client) => client.logout().await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    let _lock = door.places.lock()?;
    let mut credentials = door.places.credentials()?;
    let Some(profile) = chosen.profile.filter(|profile| credentials.sessions.remove(profile).is_some()) else {
        return Err(Failure::says(format!("Nobody is signed in to {}.", chosen.server.server), Exit::Denied));
    };
    door.places.keep_credentials(&credentials)?;
    if let Err(failure) = ended
        && !failure.is_signed_out()
    {
        let failure = failure.at(Some(&chosen.server.server));
        let says = format!(
            "The session is forgotten here; whether it ended on the server is not known. {}",
            failure.sentence()
        );
        return Err(Failure::says(says, failure.exit()));
    }
    style.done(&serde_json::json!({ "profile": profile }), &format!("Signed out of {}.", chosen.server.server))
}

/// What `whoami --json` prints.
#[derive(Serialize)]
struct Identity<'a> {
    server: &'a str,
    profile: Option<&'a str>,
    user: &'a User,
}

pub(crate) async fn whoami(door: &Door, style: &Style) -> Result<Exit, Failure> {
    let chosen = door.choose()?;
    let user = door.client().await?.me().await?;
    let identity = Identity { server: &chosen.server.server, profile: chosen.profile.as_deref(), user: &user };
    style.card(
        &identity,
        &[
            ("Name", user.name.clone()),
            ("Login", user.email.clone()),
            ("Role", user.role.to_string()),
            ("Server", chosen.server.server.clone()),
            ("Profile", chosen.profile.clone().unwrap_or_default()),
        ],
    )
}

/// Asks until there is one.
async fn ask_address(style: &Style) -> Result<String, Failure> {
    let missing = || Failure::usage("Whose address? Say --email ADDRESS.");
    if !style.may_ask() {
        return Err(missing());
    }
    loop {
        let email = ask::line("Address:").await?.ok_or_else(missing)?;
        if !email.trim().is_empty() {
            return Ok(email.trim().to_owned());
        }
    }
}

async fn ask_password(email: &str, style: &Style) -> Result<String, Failure> {
    let missing = || Failure::usage("The password is asked for on a terminal, or read with --password-stdin.");
    if !style.may_ask() {
        return Err(missing());
    }
    ask::hidden(&format!("Password of {}:", text::line(email))).await?.ok_or_else(missing)
}

/// The first line of standard input; what is typed for it at a terminal is not shown.
async fn read_password() -> Result<String, Failure> {
    let read = if ask::is_possible() { ask::hidden("Password:").await? } else { ask::piped_line().await? };
    read.ok_or_else(|| Failure::usage("There is no password on standard input."))
}

/// The password of an account to be: asked for twice, since nobody sees what they type, or read from standard input.
pub(crate) async fn new_password(email: &str, from_stdin: bool, style: &Style) -> Result<String, Failure> {
    if from_stdin {
        return read_password().await;
    }
    let missing = || {
        Failure::usage(
            "A password is asked for on a terminal, or read with --password-stdin. Who is invited (`chatctl user invite`) \
             chooses it themselves.",
        )
    };
    if !style.may_ask() {
        return Err(missing());
    }
    loop {
        let password = ask::hidden(&format!("Password for {}:", text::line(email))).await?.ok_or_else(missing)?;
        if ask::hidden("The same again:").await?.ok_or_else(missing)? == password {
            return Ok(password);
        }
        style.remark("These were two different ones.");
    }
}
