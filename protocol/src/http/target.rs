//! The request target (RFC 9112, section 3.2): its form, and where its parts lie. It never decodes
//! a percent sign and never knows what is served.

use super::authority::is_authority;
use super::head::Method;
use super::refusal::Refusal;
use crate::problem::Code;
use std::ops::Range;

/// Where the parts of a target lie in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Of an absolute target only.
    pub(super) authority: Option<Range<usize>>,
    /// Empty for an absolute target that ends behind its authority: that means `/`.
    pub(super) path: Range<usize>,
    /// Without its question mark.
    pub(super) query: Option<Range<usize>>,
}

impl Target {
    /// Reads an origin-form or absolute-form target, or `*` for OPTIONS.
    pub(super) fn of(text: &str, method: Method) -> Result<Self, Refusal> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(Refusal::malformed("The request target holds a character it must not."));
        }
        if text.starts_with('/') {
            return Ok(Self::from_path(text, 0, None));
        }
        if text == "*" && method == Method::Options {
            return Ok(Self { authority: None, path: 0..1, query: None });
        }
        Self::absolute(text)
    }

    fn absolute(text: &str) -> Result<Self, Refusal> {
        const SCHEME: &str = "http://";
        let is_http =
            text.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME));
        if !is_http {
            return Err(Refusal::malformed("The request target is neither a path nor http://…"));
        }
        let rest = &text[SCHEME.len()..];
        let end = SCHEME.len() + rest.find(['/', '?']).unwrap_or(rest.len());
        if !is_authority(&text[SCHEME.len()..end]) {
            return Err(Refusal::new(Code::MalformedHost, "The target's authority is malformed."));
        }
        Ok(Self::from_path(text, end, Some(SCHEME.len()..end)))
    }

    fn from_path(text: &str, start: usize, authority: Option<Range<usize>>) -> Self {
        match text[start..].find('?').map(|at| start + at) {
            Some(mark) => Self { authority, path: start..mark, query: Some(mark + 1..text.len()) },
            None => Self { authority, path: start..text.len(), query: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, authority: Option<&str>, path: &str, query: Option<&str>) {
        let target = Target::of(text, Method::Get).expect(text);
        assert_eq!(target.authority.map(|range| &text[range]), authority, "{text}");
        assert_eq!(&text[target.path], path, "{text}");
        assert_eq!(target.query.map(|range| &text[range]), query, "{text}");
    }

    #[test]
    fn targets_are_parted() {
        check("/", None, "/", None);
        check("/a?b?c", None, "/a", Some("b?c"));
        check("/a?", None, "/a", Some(""));
        check("//a/b", None, "//a/b", None);
        check("http://a:1/b?c", Some("a:1"), "/b", Some("c"));
        check("HTTP://a", Some("a"), "", None);
        check("http://a?b/c", Some("a"), "", Some("b/c"));
    }

    #[test]
    fn an_asterisk_is_for_options_only() {
        assert!(Target::of("*", Method::Options).is_ok());
        assert!(Target::of("*", Method::Get).is_err());
        assert!(Target::of("*/", Method::Options).is_err());
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "a",
            "a:80",
            "https://a/",
            "ftp://a/",
            "http:/a",
            "http://",
            "http:///a",
            "http://u@a/",
            "http://a b/",
            "/a b",
            "/a#b",
            "/\t",
            "/ä",
            "/\u{7f}",
            "?a",
        ] {
            assert!(Target::of(text, Method::Get).is_err(), "{text}");
        }
    }
}
