//! The key pair by which push services know a server. Made here, not by a server, so that it can stand in a
//! configuration before the first one starts.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chat_client::{Entropy, SystemEntropy};
use clap::{Args, Subcommand};
use data_encoding::BASE64URL_NOPAD;
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use serde::Serialize;

use crate::exit::{Exit, Failure, print};
use crate::output::{Style, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Vapid {
    /// Make a key pair for web push
    ///
    /// A server makes its own at the first start. A pair from here is for a configuration: several servers of one shop, or
    /// one that is made anew each time. With another pair, all subscriptions of browsers are void.
    Generate(Generate),
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Print it as chatd's configuration file wants it, instead of as variables
    #[arg(long, conflicts_with = "key_file")]
    toml: bool,
    /// Write the private key into this new file, for its owner alone, and print the public one
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Pair {
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<String>,
}

pub(crate) fn run(vapid: &Vapid, style: &Style) -> Result<Exit, Failure> {
    let Vapid::Generate(args) = vapid;
    let secret = secret(&SystemEntropy);
    let public_key = BASE64URL_NOPAD.encode(secret.public_key().to_encoded_point(false).as_bytes());
    let private_key = BASE64URL_NOPAD.encode(&secret.to_bytes());
    if let Some(path) = &args.key_file {
        write_private(path, &private_key)?;
    }
    if style.json {
        let private_key = Some(private_key).filter(|_| args.key_file.is_none());
        return json(&Pair { public_key, private_key });
    }
    let text = match &args.key_file {
        Some(_) => format!("{public_key}\n"),
        None if args.toml => format!("[push]\npublic_key = \"{public_key}\"\nprivate_key = \"{private_key}\"\n"),
        None => format!("VAPID_PUBLIC_KEY={public_key}\nVAPID_PRIVATE_KEY={private_key}\n"),
    };
    Ok(print(&text, Exit::Ok))
}

/// Not every number is a key of the curve, though all but one in four thousand million are.
fn secret(entropy: &dyn Entropy) -> SecretKey {
    loop {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        if let Ok(secret) = SecretKey::from_slice(&bytes) {
            return secret;
        }
    }
}

/// A key that is there already is not overwritten: subscriptions depend on it.
fn write_private(path: &Path, key: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(format!("{key}\n").as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::AlreadyExists { Exit::Conflict } else { Exit::Failed };
        Failure::says(format!("{}: {error}", path.display()), exit)
    })
}
