//! `overtime keys`: makes keys, lists and revokes them, in the file of a data folder, whether a server
//! runs there or not. A secret is shown once, on stdout, when its key is made, and never again.

mod book;
mod expiry;
mod limits;
mod listing;
mod mint;
mod store;
mod watch;

pub(crate) use store::Store;
pub(crate) use watch::{Ring, Watch};

use anyhow::{Context, Result, anyhow, bail};
use book::{Book, Hash, Key, Moment, is_key_id};
use clap::Subcommand;
use expiry::Expiry;
use limits::Change;
use mint::Minted;
use overtime_protocol::keyring::KEY_PREFIX;
use overtime_protocol::{Clock, TenantName, UnixMillis};
use std::io::{self, Write};
use std::path::PathBuf;

/// Something to do with the keys of a data folder.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyErrand {
    folder: PathBuf,
    wish: Wish,
}

/// What.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(crate) enum Wish {
    /// Make a key for a tenant, or for each of several, and print it. It is shown this once
    Add(Addition),
    /// Change what a tenant may do
    Limit(Limitation),
    /// List the keys and what the tenants may do
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Have a key count no more
    Revoke {
        /// The key's id, as it is listed; the whole key does too
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Clone, Debug, PartialEq, clap::Args)]
pub(crate) struct Addition {
    /// The tenant; of several, each gets a key of its own, in this order
    #[arg(value_name = "NAME", value_parser = tenant, required = true)]
    tenants: Vec<TenantName>,
    #[command(flatten)]
    limits: Change,
    /// When the key counts no more: in a while, or at a moment
    #[arg(long, value_name = "30d|2027-01-01T00:00:00Z")]
    expires: Option<Expiry>,
}

#[derive(Clone, Debug, PartialEq, clap::Args)]
pub(crate) struct Limitation {
    /// The tenant
    #[arg(value_name = "NAME", value_parser = tenant)]
    tenant: TenantName,
    #[command(flatten)]
    limits: Change,
}

fn tenant(text: &str) -> Result<TenantName, &'static str> {
    TenantName::new(text).ok_or("a tenant is named [a-z0-9][a-z0-9._-]{0,63}")
}

impl KeyErrand {
    pub(crate) fn new(folder: PathBuf, wish: Wish) -> Self {
        Self { folder, wish }
    }

    #[cfg(test)]
    pub(crate) fn is_in(&self, folder: &str) -> bool {
        self.folder.as_os_str() == folder
    }

    /// Does it.
    ///
    /// # Errors
    /// If the file cannot be read or written, is damaged, or there is no such key.
    pub fn run(self) -> Result<()> {
        let (store, now) = (Store::of(&self.folder), Clock::start().now().unix);
        match self.wish {
            Wish::Add(addition) => add(&store, &addition, now),
            Wish::Limit(limitation) => limit(&store, &limitation),
            Wish::List { json } => list(&store, json, now),
            Wish::Revoke { id } => revoke(&store, &id, now),
        }
    }
}

fn add(store: &Store, addition: &Addition, now: UnixMillis) -> Result<()> {
    let expires_at = addition
        .expires
        .map(|expiry| expiry.behind(now).context("the key would have expired already"))
        .transpose()?;
    let is_first = !store.exists();
    let minted = store.change(|book| {
        let key = |tenant: &TenantName| key(book, tenant.as_str(), addition, (now, expires_at));
        addition.tenants.iter().map(key).collect::<Result<Vec<_>>>()
    })?;
    let ids: Vec<&str> = minted.iter().map(|minted| minted.id.as_str()).collect();
    show(&minted).with_context(|| format!("made and could not be shown: {}", ids.join(", ")))?;
    for (tenant, id) in addition.tenants.iter().zip(ids) {
        say(format_args!("this is the key {id} of {tenant}; it is shown this once"));
    }
    if is_first {
        let path = store.path();
        say(format_args!("{} is new: from now on every caller needs a key", path.display()));
    }
    Ok(())
}

/// Writes a new key of a tenant into the book.
fn key(
    book: &mut Book,
    tenant: &str,
    addition: &Addition,
    (created_at, expires_at): (UnixMillis, Option<UnixMillis>),
) -> Result<Minted> {
    let limits = book.tenants.entry(tenant.to_owned()).or_default();
    addition.limits.apply(limits).map_err(|why| anyhow!(why))?;
    let minted = mint::mint(|id| book.keys.contains_key(id))?;
    let key = Key {
        tenant: tenant.to_owned(),
        created_at: Moment(created_at),
        expires_at: expires_at.map(Moment),
        revoked_at: None,
        secret_sha256: Hash(minted.hash),
    };
    book.keys.insert(minted.id.clone(), key);
    Ok(minted)
}

/// The keys alone, each on a line.
fn show(minted: &[Minted]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for minted in minted {
        writeln!(out, "{}", minted.shown())?;
    }
    out.flush()
}

fn limit(store: &Store, limitation: &Limitation) -> Result<()> {
    let Limitation { tenant, limits: change } = limitation;
    let limits = store.change(|book| {
        let limits = book.tenants.get_mut(tenant.as_str());
        let limits = limits.with_context(|| format!("{tenant} has no key"))?;
        change.apply(limits).map_err(|why| anyhow!(why))?;
        Ok(limits.clone())
    })?;
    say(format_args!("{tenant}: {limits}"));
    Ok(())
}

fn list(store: &Store, json: bool, now: UnixMillis) -> Result<()> {
    let book = store.read()?;
    if book.is_none() {
        say(format_args!("{} is not there: nobody is asked for a key", store.path().display()));
    }
    let book = book.unwrap_or_default();
    let text = if json { listing::document(&book, now) } else { listing::tables(&book, now) };
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn revoke(store: &Store, named: &str, now: UnixMillis) -> Result<()> {
    let id = id_of(named)?;
    if !store.exists() {
        bail!("{} is not there: there are no keys", store.path().display());
    }
    let (tenant, before) = store.change(|book| {
        let key = book.keys.get_mut(id).with_context(|| format!("no key has the id {id}"))?;
        let before = key.revoked_at;
        key.revoked_at = before.or(Some(Moment(now)));
        Ok((key.tenant.clone(), before))
    })?;
    match before {
        None => say(format_args!("the key {id} of {tenant} counts no more")),
        Some(at) => say(format_args!("the key {id} of {tenant} was revoked at {}", at.0)),
    }
    Ok(())
}

/// The id in what somebody names a key by. What is not one is not repeated: it may be a secret.
fn id_of(named: &str) -> Result<&str> {
    let inner = named.strip_prefix(KEY_PREFIX).and_then(|rest| rest.split('_').next());
    let id = Some(inner.unwrap_or(named)).filter(|id| is_key_id(id));
    id.context("this is not the id of a key, which is 10 letters")
}

fn say(line: std::fmt::Arguments<'_>) {
    // Nobody reads it: then there is nobody to tell.
    let _ = writeln!(io::stderr(), "overtime: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_tenants_each_gets_a_key_of_its_own() {
        let tenants: Vec<TenantName> = ["one", "two"].map(|name| tenant(name).unwrap()).into();
        let addition = Addition { tenants, limits: Change::default(), expires: None };
        let mut book = Book::default();
        let now = Clock::start().now().unix;
        for tenant in &addition.tenants {
            key(&mut book, tenant.as_str(), &addition, (now, None)).unwrap();
        }
        let mut whose: Vec<&str> = book.keys.values().map(|key| key.tenant.as_str()).collect();
        whose.sort_unstable();
        assert_eq!((whose, book.tenants.len()), (vec!["one", "two"], 2));
    }

    #[test]
    fn a_key_is_named_by_its_id_or_whole() {
        let whole = format!("ot_abcdefghij_{}", "0".repeat(64));
        for named in ["abcdefghij", "ot_abcdefghij", &whole] {
            assert_eq!(id_of(named).unwrap(), "abcdefghij", "{named}");
        }
        for named in ["", "ot_", "abc", "ABCDEFGHIJ", "abcdefghij_0", "0123456789"] {
            assert!(id_of(named).is_err(), "{named}");
        }
    }
}
