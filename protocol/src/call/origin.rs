//! Whether a request comes from another page in a browser. Without keys the only guard of the
//! server is that it listens on loopback, and every page that its user opens is behind that guard.
//! With keys nobody need look: no browser adds a key by itself to what a page sends.

use crate::http::{Field, Head};
use crate::problem::{Code, Problem};

/// Refuses what a browser sends on behalf of another page.
///
/// # Errors
/// `cross-origin` if `Sec-Fetch-Site` tells another site or origin, or if `Origin` is not this
/// very host.
pub fn check_origin(head: &Head) -> Result<(), Problem> {
    let other_site = head.field(Field::SecFetchSite).is_some_and(|site| {
        ["cross-site", "same-site"].iter().any(|o| o.eq_ignore_ascii_case(site))
    });
    let other_origin = head.field(Field::Origin).is_some_and(|origin| !is_own(origin, head));
    if other_site || other_origin {
        let detail = "Pages of other origins may not call this server from a browser.";
        return Err(Problem::new(Code::CrossOrigin, detail));
    }
    Ok(())
}

fn is_own(origin: &str, head: &Head) -> bool {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    host.is_some() && host == head.field(Field::Host)
}
