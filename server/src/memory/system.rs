//! What the system says of memory: of the process, of its control group (both versions) if that has a
//! limit, and of the machine. It reads a few small files into one buffer, and judges nothing.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How things stand, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Readings {
    /// What the process uses and the system cannot take back.
    pub(super) used: u64,
    /// What there is: of the control group, or of the machine.
    pub(super) total: u64,
    /// What of that nobody uses, or can be taken back.
    pub(super) available: u64,
}

/// Where to read.
#[derive(Debug)]
pub(super) struct System {
    group: Option<Group>,
    buffer: String,
}

/// A control group with a limit.
#[derive(Debug)]
struct Group {
    folder: PathBuf,
    files: Files,
}

/// How its files are called.
#[derive(Clone, Copy, Debug)]
struct Files {
    limit: &'static str,
    usage: &'static str,
    /// What of the usage are pages of files, which can be taken back: lines in `memory.stat`.
    reclaimable: [&'static str; 2],
}

const SECOND: Files = Files {
    limit: "memory.max",
    usage: "memory.current",
    reclaimable: ["inactive_file", "active_file"],
};

const FIRST: Files = Files {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    reclaimable: ["total_inactive_file", "total_active_file"],
};

impl System {
    /// Finds the control group with the lowest limit that the process is in.
    pub(super) fn find() -> Self {
        let mut system = Self { group: None, buffer: String::with_capacity(8 * 1024) };
        let groups = system.text(Path::new("/proc/self/cgroup")).map(groups).unwrap_or_default();
        let machine = system.machine().map_or(u64::MAX, |(total, _)| total);
        let mut lowest = machine;
        for group in groups {
            let limit = system.number(&group.folder.join(group.files.limit));
            if let Some(limit) = limit.filter(|&limit| limit < lowest) {
                lowest = limit;
                system.group = Some(group);
            }
        }
        system
    }

    /// Reads how things stand; `None` if the system does not say.
    pub(super) fn read(&mut self) -> Option<Readings> {
        let status = self.text(Path::new("/proc/self/status"))?;
        let used = kilobytes(status, "RssAnon:")?;
        let (total, available) = self.machine()?;
        let machine = Readings { used, total, available };
        Some(match self.group() {
            Some((limit, usage)) => Readings {
                used,
                total: limit.min(total),
                available: available.min(limit.saturating_sub(usage)),
            },
            None => machine,
        })
    }

    /// The machine's memory, and what of it is available.
    fn machine(&mut self) -> Option<(u64, u64)> {
        let text = self.text(Path::new("/proc/meminfo"))?;
        Some((kilobytes(text, "MemTotal:")?, kilobytes(text, "MemAvailable:")?))
    }

    /// The limit of the control group, and what of it cannot be taken back.
    fn group(&mut self) -> Option<(u64, u64)> {
        let Group { folder, files } = self.group.as_ref()?;
        let files = *files;
        let [limit, usage, stat] =
            [files.limit, files.usage, "memory.stat"].map(|name| folder.join(name));
        let limit = self.number(&limit)?;
        let usage = self.number(&usage)?;
        let stat = self.text(&stat)?;
        let cached: u64 = files.reclaimable.iter().filter_map(|name| field(stat, name)).sum();
        Some((limit, usage.saturating_sub(cached)))
    }

    /// The number in a file; `None` if it is none, such as `max`.
    fn number(&mut self, path: &Path) -> Option<u64> {
        self.text(path)?.trim().parse().ok()
    }

    fn text(&mut self, path: &Path) -> Option<&str> {
        self.buffer.clear();
        File::open(path).ok()?.read_to_string(&mut self.buffer).ok()?;
        Some(&self.buffer)
    }
}

/// The groups that `/proc/self/cgroup` names, with all those above them, where they are mounted by
/// default. Those that are not there are found out when they are read.
fn groups(text: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let (root, files) = match controllers {
            "" => ("/sys/fs/cgroup", SECOND),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", FIRST)
            }
            _ => continue,
        };
        let within = Path::new(path.trim_start_matches('/'));
        let folders = within.ancestors().map(|folder| Path::new(root).join(folder));
        groups.extend(folders.map(|folder| Group { folder, files }));
    }
    groups
}

/// The number behind a name at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix([' ', '\t']));
    value?.split_whitespace().next()?.parse().ok()
}

/// The same of one that is told in kilobytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    Some(field(text, name)?.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_and_its_machine_can_be_read() {
        let readings = System::find().read().expect("Linux says it");
        assert!(readings.used > 0 && readings.used < readings.total, "{readings:?}");
        assert!(readings.available <= readings.total, "{readings:?}");
    }

    #[test]
    fn lines_are_found_by_their_whole_name() {
        let text = "RssAnonX:\t1 kB\nRssAnon:\t    1234 kB\ninactive_file 5\n";
        assert_eq!(kilobytes(text, "RssAnon:"), Some(1234 * 1024));
        assert_eq!(field(text, "inactive_file"), Some(5));
        assert_eq!(field(text, "inactive"), None);
    }

    #[test]
    fn groups_are_looked_for_up_to_the_top_in_both_versions() {
        let text = "9:name=systemd:/x\n4:cpu,memory:/a/b\n0::/c\nnonsense\n";
        let found = groups(text);
        let folders: Vec<&str> = found
            .iter()
            .map(|group| group.folder.to_str().unwrap().trim_end_matches('/'))
            .collect();
        assert_eq!(
            folders,
            [
                "/sys/fs/cgroup/memory/a/b",
                "/sys/fs/cgroup/memory/a",
                "/sys/fs/cgroup/memory",
                "/sys/fs/cgroup/c",
                "/sys/fs/cgroup",
            ]
        );
    }

    #[test]
    fn a_group_without_a_limit_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let group = Group { folder: folder.path().to_owned(), files: SECOND };
        let mut system = System { group: Some(group), buffer: String::new() };
        write("memory.max", "max\n");
        assert_eq!(system.group(), None);
        write("memory.max", "1000\n");
        write("memory.current", "900\n");
        write("memory.stat", "anon 300\ninactive_file 250\nactive_file 150\n");
        assert_eq!(system.group(), Some((1000, 500)));
        let readings = system.read().unwrap();
        assert_eq!((readings.total, readings.available), (1000, 500));
    }
}
