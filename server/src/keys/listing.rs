//! The book as a person or a program sees it: ids, never a secret nor its hash.

use super::book::{Book, Key};
use crate::remote::table;
use overtime_protocol::UnixMillis;
use serde_json::{Value, json};

const KEY_COLUMNS: [&str; 5] = ["id", "tenant", "state", "created", "expires"];
const TENANT_COLUMNS: [&str; 2] = ["tenant", "may"];

/// Two tables: keys by age, and tenants.
pub(super) fn tables(book: &Book, now: UnixMillis) -> String {
    let key = |(id, key): &(&String, &Key)| {
        let expires = key.expires_at.map_or_else(|| "never".to_owned(), String::from);
        vec![
            (*id).clone(),
            key.tenant.clone(),
            state(key, now).to_owned(),
            key.created_at.into(),
            expires,
        ]
    };
    let keys: Vec<Vec<String>> = by_age(book).iter().map(key).collect();
    let tenants = book.tenants.iter();
    let tenants: Vec<Vec<String>> =
        tenants.map(|(name, limits)| vec![name.clone(), limits.to_string()]).collect();
    format!("{}\n{}", table(&KEY_COLUMNS, &keys), table(&TENANT_COLUMNS, &tenants))
}

/// One document with all of it.
pub(super) fn document(book: &Book, now: UnixMillis) -> String {
    let key = |(id, key): &(&String, &Key)| {
        json!({
            "id": id,
            "tenant": key.tenant,
            "state": state(key, now),
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
        })
    };
    let keys: Vec<Value> = by_age(book).iter().map(key).collect();
    let tenant = |(name, limits)| json!({ "tenant": name, "limits": limits });
    let tenants: Vec<Value> = book.tenants.iter().map(tenant).collect();
    format!("{}\n", json!({ "keys": keys, "tenants": tenants }))
}

fn by_age(book: &Book) -> Vec<(&String, &Key)> {
    let mut keys: Vec<_> = book.keys.iter().collect();
    keys.sort_by_key(|(_, key)| key.created_at);
    keys
}

fn state(key: &Key, now: UnixMillis) -> &'static str {
    match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(at)) if at.0 <= now => "expired",
        (None, _) => "counts",
    }
}
