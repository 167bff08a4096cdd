//! The file of keys in the data folder. It is replaced as a whole, never written to in place, and who
//! changes it holds a lock, so that of two changes at once none is lost. It knows nothing of what
//! it says.

use super::book::Book;
use anyhow::{Context, Result, anyhow};
use rustix::fs::fchown;
use rustix::fs::{Gid, Uid};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file's name in the data folder.
const FILE: &str = "keys.toml";

/// Where the next one is made.
const FRESH: &str = "keys.toml.new";

/// What is locked by whoever changes it.
const LOCK: &str = "keys.lock";

/// More is no file of keys.
const FILE_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The file of one data folder.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

/// Tells one state of the file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Store {
    /// That of this data folder, which need not be there yet.
    pub(crate) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Whether there is a file, so that callers are asked for keys.
    pub(crate) fn exists(&self) -> bool {
        // What cannot be looked at may be there.
        self.path().try_exists().unwrap_or(true)
    }

    /// The file's state; `None` if there is none.
    pub(super) fn stamp(&self) -> Result<Option<Stamp>> {
        match fs::metadata(self.path()) {
            Ok(found) => Ok(Some(Stamp {
                inode: found.ino(),
                bytes: found.len(),
                modified: (found.mtime(), found.mtime_nsec()),
                changed: (found.ctime(), found.ctime_nsec()),
            })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// What the file says; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub(crate) fn read(&self) -> Result<Option<Book>> {
        let text = match fs::metadata(self.path()) {
            Ok(found) if found.len() > FILE_MAX_BYTES => Err(anyhow!("it is far too long")),
            Ok(_) => fs::read_to_string(self.path()).map_err(|error| self.unreadable(&error)),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unreadable(&error)),
        };
        let book = text.and_then(|text| Book::from_text(&text).map_err(|why| anyhow!(why)));
        let damaged = || format!("{} is damaged", self.path().display());
        book.map(Some).with_context(damaged)
    }

    fn unreadable(&self, error: &std::io::Error) -> anyhow::Error {
        anyhow!("cannot read {}: {error}", self.path().display())
    }

    /// Changes what the file says, and makes it if there is none. It says the new before this
    /// returns, or the old if that fails.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Book) -> Result<T>) -> Result<T> {
        self.make_folder()?;
        let _lock = self.lock()?;
        let mut book = self.read()?.unwrap_or_default();
        let done = change(&mut book)?;
        let written = self.write(&book.to_text());
        written.with_context(|| format!("{} cannot be written", self.path().display()))?;
        Ok(done)
    }

    fn make_folder(&self) -> Result<()> {
        if self.folder.is_dir() {
            return Ok(());
        }
        let made = || -> std::io::Result<()> {
            fs::create_dir_all(&self.folder)?;
            let parent = self.folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
        };
        made().with_context(|| format!("{} cannot be made", self.folder.display()))
    }

    /// Waits for whoever changes the file.
    fn lock(&self) -> Result<File> {
        let path = self.folder.join(LOCK);
        let locked = || -> std::io::Result<File> {
            let mut options = OpenOptions::new();
            let lock = options.create(true).truncate(false).write(true).mode(0o600).open(&path)?;
            self.give_to_owner(&lock);
            lock.lock()?;
            Ok(lock)
        };
        locked().with_context(|| format!("{} cannot be locked", path.display()))
    }

    fn write(&self, text: &str) -> std::io::Result<()> {
        let fresh = self.folder.join(FRESH);
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
        self.give_to_owner(&file);
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, self.path())?;
        File::open(&self.folder)?.sync_all()
    }

    /// What root makes in somebody's folder must be readable for the server, which is not root.
    /// Nobody else may give files away, nor has to.
    fn give_to_owner(&self, file: &File) {
        if let Ok(folder) = fs::metadata(&self.folder) {
            let (user, group) = (Uid::from_raw(folder.uid()), Gid::from_raw(folder.gid()));
            let _ = fchown(file, Some(user), Some(group));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limits;
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::thread;

    fn add(store: &Store, tenant: String) -> Result<()> {
        store.change(|book| {
            book.tenants.insert(tenant, Limits::default());
            Ok(())
        })
    }

    #[test]
    fn of_changes_at_once_none_is_lost() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::of(&root.path().join("not/yet"));
        assert!(!store.exists() && store.read().unwrap().is_none());
        thread::scope(|scope| {
            for thread in 0..4 {
                let store = &store;
                scope.spawn(move || {
                    (0..5).for_each(|turn| add(store, format!("t{thread}-{turn}")).unwrap());
                });
            }
        });
        assert_eq!(store.read().unwrap().unwrap().tenants.len(), 20);
        assert!(store.exists());
    }

    #[test]
    fn the_file_is_for_its_owner_alone_and_tells_its_states_apart() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::of(root.path());
        assert_eq!(store.stamp().unwrap(), None);
        // What an interrupted change left behind is in nobody's way.
        fs::write(root.path().join(FRESH), "half").unwrap();
        add(&store, "one".to_owned()).unwrap();
        let first = store.stamp().unwrap();
        assert_eq!(fs::metadata(store.path()).unwrap().permissions().mode() & 0o777, 0o600);
        add(&store, "two".to_owned()).unwrap();
        assert_ne!(store.stamp().unwrap(), first);
    }

    #[test]
    fn a_change_that_fails_and_one_of_a_damaged_file_leave_it_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::of(root.path());
        add(&store, "one".to_owned()).unwrap();
        let before = fs::read_to_string(store.path()).unwrap();
        let failed: Result<()> = store.change(|book| {
            book.tenants.clear();
            Err(anyhow!("no"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(store.path()).unwrap(), before);
        let damaged = before.replace("one", "two");
        fs::write(store.path(), &damaged).unwrap();
        let refused = format!("{:#}", add(&store, "three".to_owned()).unwrap_err());
        assert!(refused.contains("is damaged: its checksum"), "{refused}");
        assert_eq!(fs::read_to_string(store.path()).unwrap(), damaged);
    }
}
