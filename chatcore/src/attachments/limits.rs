/// What may be sent with messages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttachmentLimits {
    /// The largest file, bytes. Default 5 MiB.
    pub bytes: u64,
    /// The most files with one message. Default 10.
    pub per_message: usize,
    /// How much one person may upload in a day of UTC, bytes. Default 1 GiB.
    pub bytes_per_day: u64,
}

impl Default for AttachmentLimits {
    fn default() -> Self {
        Self { bytes: 5 << 20, per_message: 10, bytes_per_day: 1 << 30 }
    }
}
