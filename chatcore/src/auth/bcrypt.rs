use bcrypt::HashParts;

/// A hash of bcrypt, as systems keep them that people are brought over from. Nothing is hashed like this any more: at the
/// first sign-in Argon2id takes its place.
///
/// Of a password the first 72 bytes count, as they did where the hash was made.
#[derive(Debug)]
pub struct Bcrypt<'a> {
    stored: &'a str,
    cost: u32,
}

impl<'a> Bcrypt<'a> {
    /// The lowest cost that the algorithm knows.
    pub const LOWEST_COST: u32 = 4;
    /// The highest that is taken: each step doubles the time, and with this one it is about a second.
    pub const HIGHEST_COST: u32 = 14;

    /// A hash as bcrypt's implementations write it: `$2b$10$`, and 53 characters for salt and hash. `$2a$` and `$2y$` are
    /// the same in what is computed.
    #[must_use]
    pub fn parse(stored: &'a str) -> Option<Self> {
        if !["$2a$", "$2b$", "$2y$"].iter().any(|version| stored.starts_with(version)) {
            return None;
        }
        let cost = stored.parse::<HashParts>().ok()?.get_cost();
        (Self::LOWEST_COST..=Self::HIGHEST_COST).contains(&cost).then_some(Self { stored, cost })
    }

    /// Two to the power of this is how much work it is.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// Whether it is the password of this hash.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        bcrypt::verify(password, self.stored).is_ok_and(|right| right)
    }
}

/// Works as long as looking at a hash of this cost takes.
pub(super) fn toil(cost: u32) {
    let cost = cost.clamp(Bcrypt::LOWEST_COST, Bcrypt::HIGHEST_COST);
    std::hint::black_box(bcrypt::bcrypt(cost, [0; 16], b"toil"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vectors of another implementation, Openwall's `crypt_blowfish`.
    const HASHES: [(&str, &str); 3] = [
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    ];

    #[test]
    fn hashes_that_were_made_elsewhere_verify() {
        for (password, stored) in HASHES {
            for version in ["$2a$", "$2b$", "$2y$"] {
                let stored = stored.replace("$2a$", version);
                let hash = Bcrypt::parse(&stored).expect("a hash");
                assert_eq!(hash.cost(), 5);
                assert!(hash.verify(password.as_bytes()), "{stored}");
                assert!(!hash.verify(b"U*V"), "{stored}");
            }
        }
    }

    #[test]
    fn the_first_72_bytes_count() {
        let password = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        assert_eq!(password.len(), 72);
        let stored = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
        let hash = Bcrypt::parse(stored).expect("a hash");
        assert!(hash.verify(format!("{password}chars after 72 are ignored").as_bytes()));
        assert!(hash.verify(password.as_bytes()));
        assert!(!hash.verify(&password.as_bytes()[..71]));
    }

    #[test]
    fn what_costs_too_much_or_is_none_is_not_taken() {
        let (_, stored) = HASHES[0];
        assert!(Bcrypt::parse(&stored.replace("$05$", "$14$")).is_some());
        let too_high = stored.replace("$05$", "$15$");
        let too_low = stored.replace("$05$", "$03$");
        let huge = stored.replace("$05$", "$31$");
        let old = stored.replace("$2a$", "$2x$");
        let odd = stored.replace('E', "é");
        let long = format!("{stored}x");
        for bad in [&too_high, &too_low, &huge, &old, &odd, &long, "", "$2a$", "hunter2", "$argon2id$v=19$m=1,t=1,p=1$"]
        {
            assert!(Bcrypt::parse(bad).is_none(), "{bad}");
        }
    }
}
