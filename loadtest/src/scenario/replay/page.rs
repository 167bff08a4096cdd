//! An outage as a page: how what was pending was worked off, or not.

use super::{Contest, Options};
use crate::crowd::picture::{Plots, Shown};
use crate::report::{Chart, Curve, Dash, Page, Phase};

pub(super) fn draw(options: &Options, contests: &[Contest]) -> Page {
    let story = format!(
        "The server is away for {:.0} seconds while work goes on arriving at half of what it can \
         do. Whoever waits for it tries again every two to three seconds, so that all of them come \
         back when it does.",
        options.away().as_secs_f64()
    );
    let mut page = Page::new("The return of all who waited", &story);
    page.chart(&Chart {
        title: "What is pending".into(),
        caption: "Operations that have arrived and have no result.".into(),
        unit: "",
        curves: contests.iter().map(pending).collect(),
        level: None,
        phases: phases(options),
    });
    let shown = contests.iter().map(|contest| Shown {
        name: contest.contestant.name(),
        tone: contest.contestant.tone(),
        course: &contest.course,
    });
    let capacity = contests.first().map_or(0.0, |contest| contest.knee.done_per_second);
    Plots { shown: shown.collect(), phases: phases(options), capacity }.draw(&mut page);
    page
}

fn pending(contest: &Contest) -> Curve {
    let points = contest.pending().map(|(ends, pending)| (ends.as_secs_f64(), pending as f64));
    Curve {
        name: contest.contestant.name().to_owned(),
        tone: contest.contestant.tone(),
        dash: Dash::Solid,
        points: points.collect(),
    }
}

fn phases(options: &Options) -> Vec<Phase> {
    let (before, away) = (options.before(), options.away());
    Phase::in_turn([("", before), ("away", away), ("back", options.until() - before - away)])
}
