//! What a caller is told of the rate that it is held to, as the fields `RateLimit` and
//! `RateLimit-Policy` say it (draft-ietf-httpapi-ratelimit-headers). It counts nothing itself.

/// How much of its rate a tenant has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The most submissions at once: `q`.
    pub quota: u32,
    /// The seconds in which so many come back: `w`.
    pub window_s: u64,
    /// Submissions that would be taken now: `r`.
    pub remaining: u32,
    /// The seconds until there is one more: `t`.
    pub reset_s: u64,
}

impl RateLimit {
    /// The value of the field `RateLimit`.
    pub fn state(&self) -> String {
        format!("\"default\";r={};t={}", self.remaining, self.reset_s)
    }

    /// The value of the field `RateLimit-Policy`.
    pub fn policy(&self) -> String {
        format!("\"default\";q={};w={}", self.quota, self.window_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_items_with_parameters() {
        let limit = RateLimit { quota: 100, window_s: 1, remaining: 0, reset_s: 3 };
        assert_eq!(limit.state(), r#""default";r=0;t=3"#);
        assert_eq!(limit.policy(), r#""default";q=100;w=1"#);
    }
}
