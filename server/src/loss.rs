//! `overtime serve --accept-loss`: has the journal set aside what is damaged, and says what is lost.

use crate::lines::Lines;
use anyhow::{Context, Result};
use overtime_journal::{Loss, Options, accept_loss};

/// So many lines are said at once: there is room for no number of them.
const PART: usize = 16;

/// What is done about a data folder that is damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Damage {
    /// The start is refused.
    #[default]
    Refuse,
    /// What can be read is kept, and what cannot is told.
    AcceptLoss,
}

impl Damage {
    /// Makes the folder one that can be opened, if it is to.
    pub(crate) fn settle(self, options: &Options, lines: &Lines) -> Result<()> {
        if self == Self::Refuse || !options.folder.exists() {
            return Ok(());
        }
        let say = |line: &str| lines.say(line);
        let lost = accept_loss(options, &say).context("the loss cannot be accepted")?;
        match lost {
            None => lines.say(
                "--accept-loss: nothing that stops a server is damaged, and nothing was changed",
            ),
            Some(Loss { folder, lines: told }) => {
                for part in told.chunks(PART) {
                    part.iter().for_each(|line| lines.say(line));
                    lines.finish();
                }
                let folder = folder.display();
                lines.say(format_args!(
                    "what was damaged is in {folder}, and what is lost in its lost.ndjson"
                ));
            }
        }
        lines.finish();
        Ok(())
    }
}
