//! `overtime serve --accept-loss`: has the journal set aside what is damaged, and says what is lost.

use crate::lines::Lines;
use anyhow::{Context, Result};
use overtime_journal::{Loss, Options, accept_loss};

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
        let lost = accept_loss(options, &say).context("nothing was changed")?;
        match lost {
            None => lines.say("--accept-loss: nothing is damaged, and nothing was changed"),
            Some(Loss { folder, lines: told }) => {
                told.iter().for_each(|line| lines.say(line));
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
