use data_encoding::HEXLOWER;
use minicbor::{Decode, Encode};

/// Somebody's picture of themselves, as it was made of what they sent; it lies among the contents of attachments.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct AvatarRow {
    #[n(0)]
    pub media_type: String,
    #[n(1)]
    pub size: u64,
    /// Of what is handed out, and where it lies.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub sha256: [u8; 32],
    /// Pixels of a side.
    #[n(3)]
    pub side: u32,
}

/// So much of a digest tells two pictures of somebody apart.
const VERSION_BYTES: usize = 8;

impl AvatarRow {
    /// Another picture has another one.
    pub fn version(&self) -> String {
        HEXLOWER.encode(&self.sha256[..VERSION_BYTES])
    }
}
