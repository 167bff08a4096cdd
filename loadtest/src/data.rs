//! `data`: writes what the scenarios send, to look at it or to send it with curl.

use crate::argument::size;
use crate::contacts::{Contacts, Form};
use crate::random::fresh_seed;
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes that are made before they are written.
const PART_BYTES: usize = 1_000_000;

/// What to write.
#[derive(Debug, clap::Subcommand)]
pub enum Data {
    /// Realistic contacts with unique emails in a random order.
    Contacts(Options),
}

/// Which contacts, and where to.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many.
    #[arg(long, default_value_t = 1_000)]
    items: u32,
    /// Decides all of them.
    #[arg(long)]
    seed: Option<u64>,
    /// In which form.
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Form,
    /// Where to; without it, to the standard output.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Cut them into bodies of about this size, in files numbered before the ending of `--out`.
    #[arg(long, value_parser = size)]
    bodies_of: Option<usize>,
}

impl Data {
    /// Writes it.
    pub fn write(&self) -> anyhow::Result<()> {
        let Self::Contacts(options) = self;
        let contacts = Contacts::new(options.items, options.seed.unwrap_or_else(fresh_seed));
        match (&options.out, options.bodies_of) {
            (None, None) => write_whole(&mut std::io::stdout().lock(), &contacts, options.format),
            (Some(path), None) => {
                let file = File::create(path).with_context(|| format!("cannot create {path:?}"))?;
                write_whole(&mut BufWriter::new(file), &contacts, options.format)
            }
            (Some(path), Some(bytes)) => {
                let bodies = contacts.bodies(options.format, bytes).zip(1..);
                for ((body, _), number) in bodies {
                    let path = numbered(path, options.format, number);
                    std::fs::write(&path, body)
                        .with_context(|| format!("cannot write {path:?}"))?;
                }
                Ok(())
            }
            (None, Some(_)) => bail!("--bodies-of needs --out, since it writes several files"),
        }
    }
}

/// Writes one body. NDJSON goes out in parts, so that its length is not held in memory.
fn write_whole(out: &mut impl Write, contacts: &Contacts, form: Form) -> anyhow::Result<()> {
    let bytes = if form == Form::Ndjson { PART_BYTES } else { usize::MAX };
    for (part, _) in contacts.bodies(form, bytes) {
        out.write_all(&part).context("cannot write")?;
    }
    out.flush().context("cannot write")
}

fn numbered(path: &Path, form: Form, number: usize) -> PathBuf {
    path.with_extension(format!("{number:04}.{}", form.extension()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(out: Option<PathBuf>, bodies_of: Option<usize>) -> Data {
        let (items, seed, format) = (2_000, Some(1), Form::Csv);
        Data::Contacts(Options { items, seed, format, out, bodies_of })
    }

    #[test]
    fn a_file_has_all_and_several_have_them_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contacts.csv");
        options(Some(path.clone()), None).write().unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        assert_eq!(whole.lines().count(), 2_001);

        options(Some(path.clone()), Some(50_000)).write().unwrap();
        let part = |number| std::fs::read_to_string(numbered(&path, Form::Csv, number));
        let rows: usize = (1..).map_while(|n| part(n).ok()).map(|p| p.lines().count() - 1).sum();
        assert_eq!(rows, 2_000);
        assert!(folder.path().join("contacts.0002.csv").exists());
    }

    #[test]
    fn several_bodies_need_a_name() {
        assert!(options(None, Some(1)).write().is_err());
    }
}
