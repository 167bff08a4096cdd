//! Callers of many tenants: each has a key, or there are no keys and all are one. Requests are taken
//! from them in turn.

pub mod calls;

use crate::home::Home;
use crate::request::Template;
use std::net::SocketAddr;

/// So many names go on one command line; the system allows no line without an end.
const NAMES_AT_ONCE: usize = 5_000;

/// The keys of all tenants, in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    keys: Vec<String>,
}

impl Tenants {
    /// So many, each with what `limits` allows, on a server that is yet to be started. One tenant
    /// needs no key.
    pub fn settle(home: &Home, count: usize, limits: &[&str]) -> anyhow::Result<Self> {
        let mut keys = Vec::new();
        if count > 1 {
            let names: Vec<String> = (0..count).map(name).collect();
            for part in names.chunks(NAMES_AT_ONCE) {
                keys.extend(home.add_keys(part, limits)?);
            }
        }
        Ok(Self { keys })
    }

    /// So many without a key; they differ in nothing but their numbers.
    pub fn without_keys() -> Self {
        Self::default()
    }

    /// The key of a tenant; none if nobody has one.
    pub fn key(&self, number: usize) -> Option<&str> {
        self.keys.get(number % self.keys.len().max(1)).map(String::as_str)
    }

    /// A `POST` of a JSON document to `path` from a tenant.
    pub fn post_json(
        &self,
        (target, path): (SocketAddr, &str),
        body: &str,
        number: usize,
    ) -> Template {
        let template = Template::post(target, path, "application/json", body.as_bytes());
        match self.key(number) {
            Some(key) => template.from_holder_of(key),
            None => template,
        }
    }
}

fn name(number: usize) -> String {
    format!("tenant-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_take_turns_and_without_keys_nobody_shows_one() {
        let place = ("127.0.0.1:1".parse().unwrap(), "/x");
        let tenants = Tenants { keys: vec!["one".into(), "two".into()] };
        let shows = |tenants: &Tenants, number, key: &str| {
            let request = tenants.post_json(place, "{}", number);
            String::from_utf8_lossy(request.bytes()).contains(&format!("Bearer {key}\r\n"))
        };
        assert!(
            shows(&tenants, 0, "one") && shows(&tenants, 1, "two") && shows(&tenants, 2, "one")
        );
        assert!(!shows(&Tenants::default(), 0, ""));
    }
}
