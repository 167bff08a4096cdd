//! All pages of an archive that nobody has open, one after the other. It reads, and changes nothing.

use super::vfs::{PAGE, is_sound};
use super::wal::{self, Found};
use foldhash::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// The numbers of the pages of an archive that are not as they were written, in ascending order, but
/// for those that its write-ahead log has: a crash may have left of these what it likes. Nobody may
/// be writing.
///
/// # Errors
/// If the operating system refuses.
pub fn check_pages(archive: &Path) -> io::Result<Vec<u32>> {
    let newer = match wal::read(archive)? {
        Found::Log(log) => log.pages,
        Found::Nothing | Found::Unreadable => HashSet::default(),
    };
    let mut file = BufReader::with_capacity(128 * 1024, File::open(archive)?);
    let mut damaged = Vec::new();
    for number in 1.. {
        let mut page = [0; PAGE];
        let read = read_page(&mut file, &mut page)?;
        // A page that is cut short goes on with zeros, and so is not sound.
        if read > 0 && !is_sound(&page, number) && !newer.contains(&number) {
            damaged.push(number);
        }
        if read < PAGE {
            break;
        }
    }
    Ok(damaged)
}

/// Reads as much of a page as there is.
fn read_page(file: &mut impl Read, page: &mut [u8; PAGE]) -> io::Result<usize> {
    let mut read = 0;
    while read < PAGE {
        match file.read(&mut page[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}
