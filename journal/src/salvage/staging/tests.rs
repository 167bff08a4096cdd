use super::*;
use crate::salvage::go_on;
use std::cell::Cell;
use std::collections::BTreeMap;

const OLD: [(&str, &str); 6] = [
    ("FORMAT", "format"),
    ("archive.db", "old"),
    ("archive.db-wal", "old log of the archive"),
    ("archive.moved", "old witness"),
    ("log/00000001.seg", "old"),
    ("spool/01", "payload"),
];

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Every file below a folder, by its path there.
fn read(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let (path, name) = {
            let entry = entry.unwrap();
            (entry.path(), entry.file_name().into_string().unwrap())
        };
        if path.is_dir() {
            let below = read(&path).into_iter();
            files.extend(below.map(|(file, text)| (format!("{name}/{file}"), text)));
        } else {
            files.insert(name, fs::read_to_string(path).unwrap());
        }
    }
    files
}

/// Builds both parts and has them change places, until a crash comes.
fn replace_all(folder: &Path, moment: Moment<'_>) -> io::Result<PathBuf> {
    let staging = Staging::make(folder)?;
    staging.keep_payloads(&folder.join("spool"))?;
    write(&staging.part(""), &[("log/00000001.seg", "new"), ("archive.db", "new")]);
    let lost = staging.commit(moment)?;
    finish(folder, moment)?;
    Ok(lost)
}

/// A moment that comes `count` times before the crash, which is the end of the process: nothing
/// comes after it.
fn crash_after(count: &Cell<usize>) -> impl Fn() -> io::Result<()> {
    move || {
        let left = count.get().checked_sub(1).ok_or(ErrorKind::Interrupted)?;
        count.set(left);
        Ok(())
    }
}

#[test]
fn a_crash_at_any_moment_leaves_all_of_the_old_or_all_of_the_new() {
    for moments in 0.. {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path();
        write(folder, &OLD);
        let replaced = replace_all(folder, &crash_after(&Cell::new(moments)));
        let was_committed = names(folder).unwrap().iter().any(|name| !name.ends_with(UNFINISHED));
        // The next start may crash as well, again and again.
        let mut later = 0;
        while finish(folder, &crash_after(&Cell::new(later))).is_err() {
            later += 1;
        }
        assert!(!is_unfinished(folder).unwrap());
        let files = read(folder);
        let current = if was_committed { "new" } else { "old" };
        assert_eq!(files["archive.db"], current, "after {moments} moments");
        assert_eq!(files["log/00000001.seg"], current);
        assert_eq!(files.contains_key("archive.db-wal"), !was_committed);
        assert_eq!((&*files["FORMAT"], &*files["spool/01"]), ("format", "payload"));
        // Whoever asks again gets there, and nothing of the old has gone.
        let lost = replaced.as_ref().cloned().or_else(|_| replace_all(folder, &go_on)).unwrap();
        assert_eq!(read(folder)["archive.db"], "new");
        let all = read(folder);
        for (name, text) in &OLD[1..] {
            let is_kept = |(path, found): (&String, &String)| path.ends_with(name) && found == text;
            assert!(all.iter().any(is_kept), "{name} after {moments} moments");
        }
        assert!(all.keys().all(|path| !path.contains(UNFINISHED)), "{all:?}");
        if replaced.is_ok() {
            assert!(lost.join("archive.moved").exists() && moments > 5);
            return;
        }
    }
}
