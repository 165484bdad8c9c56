//! Whose an object store is. A server removes what lies in its store and is not in its database: two of them with one
//! prefix would take each other's files away. So each leaves a mark there, and keeps and removes nothing where another's
//! stands. The folder of a data folder needs none: the database beside it is locked.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use data_encoding::HEXLOWER;
use object_store::path::Path as Place;
use object_store::{ObjectStore, ObjectStoreExt};

use super::store::failed;
use crate::clock::Entropy;
use crate::error::{Error, Result};
use crate::keys::write_private;
use chat_proto::ErrorCode;

/// In the object store: the mark of the server that it belongs to.
const OWNER: &str = "owner";
/// In the data folder: the mark of this server.
const MARK: &str = "mark";

/// The mark of a server, and whether it is known to stand in its object store.
#[derive(Debug, Default)]
pub(super) struct Claim {
    /// A server without a data folder has none, and takes what nobody has marked.
    mark: Option<String>,
    stands: AtomicBool,
}

impl Claim {
    /// With the mark that lies in this folder, made when there is none.
    pub(super) fn of_folder(folder: &Path, entropy: &dyn Entropy) -> io::Result<Self> {
        let mark = match std::fs::read_to_string(folder.join(MARK)) {
            Ok(mark) if !mark.trim().is_empty() => mark.trim().to_owned(),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {
                let mark = HEXLOWER.encode(&entropy.bytes::<16>());
                write_private(folder, MARK, mark.as_bytes())?;
                mark
            }
        };
        Ok(Self { mark: Some(mark), stands: AtomicBool::new(false) })
    }

    /// Refused where another's mark stands; asks once, and leaves the mark where there is none.
    pub(super) async fn require(&self, objects: &dyn ObjectStore) -> Result<()> {
        if self.stands.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut found = find(objects).await?;
        if let (None, Some(mark)) = (&found, &self.mark) {
            objects.put(&Place::from(OWNER), mark.clone().into()).await.map_err(failed)?;
            // Of two that come at the same time one finds the other's.
            found = find(objects).await?;
        }
        if found != self.mark {
            return Err(Error::new(ErrorCode::Conflict, ANOTHERS));
        }
        self.stands.store(true, Ordering::Release);
        Ok(())
    }
}

const ANOTHERS: &str = "The place for attachments belongs to another server, by its object `owner`. Give this server a \
    prefix of its own; or, if no other server uses it, remove that object.";

async fn find(objects: &dyn ObjectStore) -> Result<Option<String>> {
    match objects.get(&Place::from(OWNER)).await {
        Ok(found) => {
            let mark = found.bytes().await.map_err(failed)?;
            Ok(Some(String::from_utf8_lossy(&mark).trim().to_owned()))
        }
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}
