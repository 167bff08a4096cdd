//! JSON input, read strictly: what is wrong is said with its place, as an input fault. Nothing is
//! guessed and nothing is ignored.

use crate::failure::Failure;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

/// Reads `bytes`, which must hold one JSON object and nothing else. `T` decides which members it
/// may have, and may borrow from `bytes`.
///
/// # Errors
/// [`Failure::Input`]: `malformed-json` if it is not JSON or nested too deeply, `invalid-input` if
/// it is JSON of another shape; both say the line and the column.
pub fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Failure> {
    // A derived `Deserialize` would take an array for the members in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        serde_json::from_slice::<IgnoredAny>(bytes).map_err(refusal)?;
        return Err(Failure::input("invalid-input", "the body must be a JSON object"));
    }
    serde_json::from_slice(bytes).map_err(refusal)
}

fn refusal(error: serde_json::Error) -> Failure {
    match error.classify() {
        Category::Data => Failure::input("invalid-input", error.to_string()),
        Category::Syntax | Category::Eof | Category::Io => {
            Failure::input("malformed-json", format!("the body is not well-formed JSON: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Sample {
        any: Option<Value>,
    }

    fn refused(body: &str, code: &str, detail: &str) {
        match object::<Sample>(body.as_bytes()) {
            Err(Failure::Input(fault)) => {
                assert_eq!(fault.code, code, "{body}: {}", fault.detail);
                assert!(fault.detail.contains(detail), "{body}: {}", fault.detail);
            }
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        refused("", "malformed-json", "line 1 column 0");
        refused("{\"any\":\n tru}", "malformed-json", "line 2 column 5");
        refused("{\"any\":1", "malformed-json", "line 1 column 8");
        refused("{} {}", "malformed-json", "line 1 column 4");
        refused("{\"any\":\"\\ud800\"}", "malformed-json", "column");
        refused("{\"other\":1}", "invalid-input", "`other`");
        refused("{\"any\":1,\"any\":2}", "invalid-input", "`any`");
    }

    #[test]
    fn only_an_object_is_an_object() {
        for body in ["[]", "[null]", "null", "\"any\"", " 1 "] {
            refused(body, "invalid-input", "must be a JSON object");
        }
        refused("[1", "malformed-json", "column");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!("{{\"any\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        refused(&deep, "malformed-json", "recursion limit");
        let deeper = format!("{{\"any\":{}", "[".repeat(1_000_000));
        refused(&deeper, "malformed-json", "recursion limit");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused() {
        let refused = object::<Sample>(b"{\"any\":\"\xff\"}");
        assert!(matches!(refused, Err(Failure::Input(fault)) if fault.code == "malformed-json"));
    }
}
