//! File systems of a test's own, which only root may mount.

use crate::requirement::{has_program, is_granted, is_root};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Where a file system comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Memory.
    Tmpfs,
    /// ext4 in a file.
    Ext4,
}

/// A mounted file system; it goes when it is dropped.
pub(crate) struct Mount {
    root: TempDir,
    sort: Sort,
}

impl Mount {
    /// A file system of so many MiB; `None` if the machine cannot have one.
    pub(crate) fn new(sort: Sort, size_mib: u64) -> Option<Self> {
        if !is_root() || (sort == Sort::Ext4 && !has_program("mkfs.ext4", "-V")) {
            return None;
        }
        let root = tempfile::tempdir().expect("there is room for a folder");
        let mount = Self { root, sort };
        fs::create_dir(mount.folder()).expect("there is room for a folder");
        if sort == Sort::Ext4 {
            let image = fs::File::create(mount.image()).expect("there is room for a file");
            image.set_len(size_mib << 20).expect("there is room for a file");
            let made =
                Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(mount.image()).output();
            assert!(made.as_ref().is_ok_and(|made| made.status.success()), "{made:?}");
        }
        let mounted = mount.mount(size_mib);
        let right = format!("mount {sort:?} ({mounted:?})");
        is_granted(&right, mounted.status.success()).then_some(mount)
    }

    fn mount(&self, size_mib: u64) -> Output {
        let mut command = Command::new("mount");
        match self.sort {
            Sort::Tmpfs => {
                command.args(["-t", "tmpfs", "-o", &format!("size={size_mib}m"), "none"])
            }
            Sort::Ext4 => command.args(["-o", "loop"]).arg(self.image()),
        };
        command.arg(self.folder()).output().expect("every system has it")
    }

    fn image(&self) -> PathBuf {
        self.root.path().join("image")
    }

    /// Where it is mounted.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().join("mount")
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let file = fs::File::create(self.filler()).expect("there is room for a name");
        let mut bytes = &mut io::repeat(b'x');
        let error = io::copy(&mut bytes, &mut &file).expect_err("it has an end");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    /// Makes room again.
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).expect("it was filled");
    }

    fn filler(&self) -> PathBuf {
        self.folder().join("filler")
    }

    /// Makes it `ro` or `rw`.
    pub(crate) fn remount(&self, mode: &str) {
        let mut command = Command::new("mount");
        command.args(["-o", &format!("remount,{mode}")]).arg(self.folder());
        assert!(command.status().expect("every system has it").success());
    }

    /// Takes its power: what is not on the device by now never comes there.
    pub(crate) fn cut_power(&self) {
        shut_down(&self.folder()).expect("ext4 can be shut down by root");
    }

    /// Mounts it anew, as a machine does that has its power again.
    pub(crate) fn restore_power(&self) {
        self.unmount();
        let mounted = self.mount(0);
        assert!(mounted.status.success(), "{mounted:?}");
    }

    fn unmount(&self) {
        let _ = Command::new("umount").arg(self.folder()).output();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.unmount();
    }
}

/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`: not even the file system's own journal is
/// written any more.
#[expect(unsafe_code, reason = "no safe crate offers this ioctl(2)")]
fn shut_down(folder: &Path) -> io::Result<()> {
    const SHUT_DOWN: libc::c_ulong = 0x8004_587d;
    let no_log_flush: u32 = 2;
    let folder = fs::File::open(folder)?;
    // SAFETY: the descriptor is open, and the number is read before the call returns.
    let result = unsafe { libc::ioctl(folder.as_raw_fd(), SHUT_DOWN, &raw const no_log_flush) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
