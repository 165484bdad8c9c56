//! The server's one secret, and the keys that are derived from it.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::clock::Entropy;

/// 256 random bits; every key is derived from it under a label of its own (HMAC-SHA-256 as in RFC 5869's expand
/// step, one block).
pub(crate) struct ServerKey(Zeroizing<[u8; 32]>);

const FILE: &str = "server.key";

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
                let mut key = Zeroizing::new([0; 32]);
                file.read_exact(&mut *key).map_err(|error| {
                    io::Error::new(error.kind(), format!("{} is damaged: it must hold 32 bytes", path.display()))
                })?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::random(entropy);
                // Complete or absent, whatever happens in between.
                let fresh = folder.join("server.key.new");
                let mut options = OpenOptions::new();
                options.write(true).create(true).truncate(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(&fresh)?;
                file.write_all(&*key.0)?;
                file.sync_all()?;
                fs::rename(&fresh, &path)?;
                fs::File::open(folder)?.sync_all()?;
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

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerKey")
    }
}
