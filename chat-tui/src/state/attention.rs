/// Whether somebody reads. A message does not become read by being on a screen that nobody looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attention {
    /// The terminal has the focus, or does not say.
    pub(crate) focused: bool,
    /// Seconds since the last key.
    idle: u16,
    /// Seconds until the selected conversation counts as looked at: passing by is not reading.
    dwell: u8,
    away: bool,
    /// Seconds since the last key, as far as it takes for the hands to rest.
    quiet: u8,
}

impl Attention {
    /// How long a conversation is open until it counts as read, seconds.
    const DWELL: u8 = 1;
    /// Without a key for so long, what comes is not read by itself any more, seconds.
    const READING: u16 = 30;
    /// Without a key for so long, nobody sits here, seconds.
    const AWAY: u16 = 300;
    /// Seconds that begin without a key until the hands rest: between one and two, a second and a half as a rule.
    const REST: u8 = 2;

    /// A conversation was selected, or the terminal was come back to.
    pub(crate) fn settle(&mut self) {
        self.dwell = Self::DWELL;
    }

    /// Somebody opened it, which is no passing by.
    pub(crate) fn open(&mut self) {
        self.dwell = 0;
    }

    /// There was a key; `true`: somebody came back.
    pub(crate) fn act(&mut self) -> bool {
        (self.idle, self.quiet) = (0, 0);
        std::mem::replace(&mut self.away, false)
    }

    /// A second has passed; `(looked, left)`: what is open has been looked at just now; nobody sits here any more.
    pub(crate) fn tick(&mut self) -> (bool, bool) {
        let looked = self.dwell == 1;
        self.dwell = self.dwell.saturating_sub(1);
        self.idle = self.idle.saturating_add(1);
        self.quiet = self.quiet.saturating_add(1).min(Self::REST);
        let left = self.idle >= Self::AWAY && !self.away;
        self.away |= left;
        (looked, left)
    }

    /// Whether somebody reads what is open.
    pub(crate) fn reads(self) -> bool {
        self.focused && self.dwell == 0 && self.idle < Self::READING
    }

    /// Whether no key is about to come.
    pub(crate) fn rests(self) -> bool {
        self.quiet >= Self::REST
    }

    pub(crate) fn wants_ticks(self) -> bool {
        self.dwell > 0 || !self.away
    }
}

impl Default for Attention {
    fn default() -> Self {
        Self { focused: true, idle: 0, dwell: 0, away: false, quiet: Self::REST }
    }
}
