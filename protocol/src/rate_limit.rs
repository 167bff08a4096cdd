//! What a caller is told of the rate that it is held to, as the fields `RateLimit` and
//! `RateLimit-Policy` say it (draft-ietf-httpapi-ratelimit-headers). It counts nothing itself.

use crate::json::write_decimal;

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
    /// Appends the value of the field `RateLimit`.
    pub fn write_state(&self, out: &mut Vec<u8>) {
        write_item(out, [(";r=", self.remaining.into()), (";t=", self.reset_s)]);
    }

    /// Appends the value of the field `RateLimit-Policy`.
    pub fn write_policy(&self, out: &mut Vec<u8>) {
        write_item(out, [(";q=", self.quota.into()), (";w=", self.window_s)]);
    }
}

fn write_item(out: &mut Vec<u8>, parameters: [(&str, u64); 2]) {
    out.extend_from_slice(b"\"default\"");
    for (name, value) in parameters {
        out.extend_from_slice(name.as_bytes());
        write_decimal(out, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_items_with_parameters() {
        let limit = RateLimit { quota: 100, window_s: 1, remaining: 0, reset_s: 3 };
        let mut out = Vec::new();
        limit.write_state(&mut out);
        limit.write_policy(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#""default";r=0;t=3"default";q=100;w=1"#);
    }
}
