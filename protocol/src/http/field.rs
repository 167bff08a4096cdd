//! The header fields that a call may need, and those that the framing needs. Every other field is
//! checked for its form and forgotten.

/// A field that [`Head`](super::Head) keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `Host` (RFC 9110).
    Host,
    /// `Authorization` (RFC 9110).
    Authorization,
    /// `Content-Type` (RFC 9110).
    ContentType,
    /// `Prefer` (RFC 7240), a list.
    Prefer,
    /// `Priority` (RFC 9218), a list.
    Priority,
    /// `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
    IdempotencyKey,
    /// `If-None-Match` (RFC 9110), a list.
    IfNoneMatch,
    /// `traceparent` (W3C Trace Context).
    Traceparent,
    /// `Origin` (Fetch).
    Origin,
    /// `Sec-Fetch-Site` (Fetch Metadata).
    SecFetchSite,
    /// `Accept` (RFC 9110), a list.
    Accept,
    /// `Last-Event-ID` (HTML, server-sent events).
    LastEventId,
}

/// How many fields are kept.
pub(super) const FIELD_COUNT: usize = 12;

impl Field {
    /// Whether several lines of this field are one list (RFC 9110, section 5.3). Two lines of any
    /// other field are refused: readers would differ about which counts.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::Prefer | Self::Priority | Self::IfNoneMatch | Self::Accept)
    }
}

/// What a field name stands for here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Kept(Field),
    ContentLength,
    TransferEncoding,
    Connection,
    Expect,
    Nothing,
}

impl Meaning {
    /// Names are compared without regard to case, first by their length.
    pub(super) fn of(name: &str) -> Self {
        let candidates: &[(&str, Self)] = match name.len() {
            4 => &[("host", Self::Kept(Field::Host))],
            6 => &[
                ("accept", Self::Kept(Field::Accept)),
                ("prefer", Self::Kept(Field::Prefer)),
                ("expect", Self::Expect),
                ("origin", Self::Kept(Field::Origin)),
            ],
            8 => &[("priority", Self::Kept(Field::Priority))],
            10 => &[("connection", Self::Connection)],
            11 => &[("traceparent", Self::Kept(Field::Traceparent))],
            12 => &[("content-type", Self::Kept(Field::ContentType))],
            13 => &[
                ("authorization", Self::Kept(Field::Authorization)),
                ("if-none-match", Self::Kept(Field::IfNoneMatch)),
                ("last-event-id", Self::Kept(Field::LastEventId)),
            ],
            14 => &[
                ("content-length", Self::ContentLength),
                ("sec-fetch-site", Self::Kept(Field::SecFetchSite)),
            ],
            15 => &[("idempotency-key", Self::Kept(Field::IdempotencyKey))],
            17 => &[("transfer-encoding", Self::TransferEncoding)],
            _ => &[],
        };
        let found = candidates.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or(Self::Nothing, |&(_, meaning)| meaning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_only_whole() {
        let names = [
            ("Host", Meaning::Kept(Field::Host)),
            ("AUTHORIZATION", Meaning::Kept(Field::Authorization)),
            ("content-type", Meaning::Kept(Field::ContentType)),
            ("Prefer", Meaning::Kept(Field::Prefer)),
            ("priority", Meaning::Kept(Field::Priority)),
            ("Idempotency-Key", Meaning::Kept(Field::IdempotencyKey)),
            ("If-None-Match", Meaning::Kept(Field::IfNoneMatch)),
            ("TraceParent", Meaning::Kept(Field::Traceparent)),
            ("Origin", Meaning::Kept(Field::Origin)),
            ("Sec-Fetch-Site", Meaning::Kept(Field::SecFetchSite)),
            ("Accept", Meaning::Kept(Field::Accept)),
            ("Last-Event-ID", Meaning::Kept(Field::LastEventId)),
            ("Content-Length", Meaning::ContentLength),
            ("Transfer-Encoding", Meaning::TransferEncoding),
            ("Connection", Meaning::Connection),
            ("Expect", Meaning::Expect),
            ("Content-Lengt", Meaning::Nothing),
            ("Content_Length", Meaning::Nothing),
        ];
        for (name, meaning) in names {
            assert_eq!(Meaning::of(name), meaning, "{name}");
        }
        let kept = names.iter().filter(|(_, meaning)| matches!(meaning, Meaning::Kept(_)));
        assert_eq!(kept.count(), FIELD_COUNT);
        assert_eq!(Field::LastEventId as usize, FIELD_COUNT - 1);
    }
}
