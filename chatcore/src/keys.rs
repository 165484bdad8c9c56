//! The server's one secret, and the keys that are derived from it.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use chat_proto::Timestamp;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::clock::{Clock, Entropy, SystemClock, SystemEntropy};

/// 256 random bits; every key is derived from it under a label of its own (HMAC-SHA-256 as in RFC 5869's expand
/// step, one block).
pub(crate) struct ServerKey(Zeroizing<[u8; 32]>);

/// The store's file in a data folder.
pub(crate) const DATABASE: &str = "chat.redb";
const FILE: &str = "server.key";
/// The key before, and behind it the moment since which it is that: milliseconds since 1970, big-endian.
const PREVIOUS: &str = "server.key.previous";

/// The key that was in use until a rotation.
pub(crate) struct PreviousKey {
    pub(crate) key: ServerKey,
    /// What it signed is no longer taken then.
    pub(crate) until: Timestamp,
}

impl ServerKey {
    pub(crate) fn random(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(entropy.bytes()))
    }

    pub(crate) fn given(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// The key of this data folder; made, readable by its owner alone, when there is none.
    pub(crate) fn of_folder(folder: &Path, entropy: &dyn Entropy) -> io::Result<Self> {
        let path = folder.join(FILE);
        match fs::File::open(&path) {
            Ok(mut file) => {
                narrow(&file, &path)?;
                let mut key = Zeroizing::new([0; 32]);
                file.read_exact(&mut *key).map_err(|error| {
                    io::Error::new(error.kind(), format!("{} is damaged: it must hold 32 bytes", path.display()))
                })?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::random(entropy);
                write_private(folder, FILE, &*key.0)?;
                Ok(key)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&*self.0).unwrap_or_else(|_| {
            unreachable!("HMAC takes keys of any length");
        });
        mac.update(label.as_bytes());
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

impl PreviousKey {
    /// The one of this data folder, when what it signed may still be in use; after `overlap` its file goes.
    pub(crate) fn of_folder(folder: &Path, now: Timestamp, overlap: Duration) -> io::Result<Option<Self>> {
        let path = folder.join(PREVIOUS);
        let stored = match fs::read(&path) {
            Ok(stored) => Zeroizing::new(stored),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()));
        let (key, since) = stored.split_first_chunk::<32>().ok_or_else(damaged)?;
        let since = Timestamp::from_millis(i64::from_be_bytes(since.try_into().map_err(|_| damaged())?));
        // From the future: the clock was set back. Nothing is taken for longer than the overlap, counted from now.
        let until = since.min(now).after(overlap);
        if until <= now {
            fs::remove_file(&path)?;
            return Ok(None);
        }
        Ok(Some(Self { key: ServerKey(Zeroizing::new(*key)), until }))
    }
}

/// Gives the data folder a new key; the server must not run. What was signed with the old one is taken for as long as
/// an access token is good, or not at all (`overlap: false`) when somebody else may have it.
///
/// Cursors of before cannot be followed any more: clients load anew, once. Sessions go on.
///
/// # Errors
/// `ResourceBusy` when a server runs on the folder; the file system's, among them that there is no key yet.
pub fn rotate_server_key(folder: &Path, overlap: bool) -> io::Result<()> {
    // Who serves from the folder has the database locked, and would go on with the key that it has read.
    match fs::File::open(folder.join(DATABASE)) {
        Ok(database) => {
            if let Err(TryLockError::WouldBlock) = database.try_lock() {
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another program has the data folder open"));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    rotate(folder, overlap, SystemClock.now(), &SystemEntropy)
}

fn rotate(folder: &Path, overlap: bool, now: Timestamp, entropy: &dyn Entropy) -> io::Result<()> {
    let old = Zeroizing::new(fs::read(folder.join(FILE))?);
    if overlap {
        let mut previous = Zeroizing::new(old.to_vec());
        previous.extend_from_slice(&now.as_millis().to_be_bytes());
        write_private(folder, PREVIOUS, &previous)?;
    } else if let Err(error) = fs::remove_file(folder.join(PREVIOUS))
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    write_private(folder, FILE, &*ServerKey::random(entropy).0)
}

/// Takes the key out of the reach of others on this machine, if it is there: copied or restored by a program that does not
/// know what it is.
fn narrow(file: &fs::File, path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(|error| {
                let path = path.display();
                io::Error::new(
                    error.kind(),
                    format!("others can read {path}, and it cannot be changed; run: chmod 600 {path}"),
                )
            })?;
            tracing::warn!(path = %path.display(), "others could read the server's key; now they cannot. If they may have, change it");
        }
    }
    #[cfg(not(unix))]
    let _ = (file, path);
    Ok(())
}

/// Messages and accounts are nobody else's business on this machine.
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Says so when others can look into this folder, which was there before or was restored.
pub(crate) fn warn_if_open(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0) {
            let path = folder.display();
            tracing::warn!("Others can look into the data folder {path}. Run: chmod 700 {path}");
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
}

/// Complete or as before, whatever happens in between; readable by its owner alone.
pub(crate) fn write_private(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let fresh = folder.join(format!("{name}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, folder.join(name))?;
    fs::File::open(folder)?.sync_all()
}

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const OVERLAP: Duration = Duration::from_mins(15);

    fn key(folder: &Path) -> Zeroizing<[u8; 32]> {
        ServerKey::of_folder(folder, &SystemEntropy).unwrap().derive("x")
    }

    fn previous(folder: &Path, now: Timestamp) -> Option<(Zeroizing<[u8; 32]>, Timestamp)> {
        let previous = PreviousKey::of_folder(folder, now, OVERLAP).unwrap();
        previous.map(|previous| (previous.key.derive("x"), previous.until))
    }

    #[test]
    fn a_rotation_keeps_the_old_key_for_the_overlap_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(rotate(folder, true, NOW, &SystemEntropy).is_err(), "there is none yet");
        let first = key(folder);
        assert_eq!(previous(folder, NOW), None);
        rotate(folder, true, NOW, &SystemEntropy).unwrap();
        let second = key(folder);
        assert_ne!(second, first);
        assert_eq!(previous(folder, NOW), Some((first, NOW.after(OVERLAP))));
        for file in [FILE, PREVIOUS] {
            #[cfg(unix)]
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(folder.join(file)).unwrap().permissions());
            #[cfg(unix)]
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        // Set back by a day: not a day longer.
        let yesterday = Timestamp::from_millis(NOW.as_millis() - 86_400_000);
        assert_eq!(previous(folder, yesterday).unwrap().1, yesterday.after(OVERLAP));
        assert_eq!(previous(folder, NOW.after(OVERLAP)), None);
        assert!(!folder.join(PREVIOUS).exists());
        assert_eq!(key(folder), second);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_taken_out_of_their_reach() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let before = key(folder.path());
        let path = folder.path().join(FILE);
        for mode in [0o644, 0o640, 0o604, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(key(folder.path()), before);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{mode:o}");
        }
    }

    #[test]
    fn a_key_that_somebody_else_has_is_good_for_nothing_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        key(folder);
        rotate(folder, true, NOW, &SystemEntropy).unwrap();
        rotate(folder, false, NOW, &SystemEntropy).unwrap();
        assert_eq!(previous(folder, NOW), None);
    }
}
