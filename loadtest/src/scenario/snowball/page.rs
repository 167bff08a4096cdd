//! A snowball as a page: the connections that are held, minute by minute.

use super::{Options, Outage, UP_MINUTES};
use crate::report::{Chart, Curve, Dash, Headline, Page, Phase, Tone};
use std::time::Duration;

/// As finely as connections are shown.
const STEP: Duration = Duration::from_millis(500);

pub(super) fn draw(options: &Options, outages: [&Outage; 2]) -> Page {
    let mut page = Page::new("A snowball", &story(options));
    page.headlines(&outages.map(headline));
    let up = options.minute * UP_MINUTES;
    page.chart(&Chart {
        title: "Connections held".into(),
        caption: "Calls to the API that are under way.".into(),
        unit: "",
        curves: outages.iter().map(|outage| curve(options, outage)).collect(),
        level: Some((f64::from(options.users), "all users".into())),
        phases: Phase::in_turn([("up", up), ("down", options.minute * options.minutes)]),
    });
    let minutes: Vec<String> = (1..=options.minutes).map(|minute| minute.to_string()).collect();
    let columns: Vec<&str> =
        ["held in minute"].into_iter().chain(minutes.iter().map(String::as_str)).collect();
    let row = |outage: &&Outage| {
        let held = outage.held(options).into_iter().map(|held| held.to_string());
        [outage.name.to_owned()].into_iter().chain(held).collect()
    };
    page.table(&columns, &outages.iter().map(row).collect::<Vec<_>>());
    page
}

fn story(options: &Options) -> String {
    format!(
        "{} users are polled every {} minutes. The API that all of them use goes down: it takes \
         calls, and answers none. A minute takes {} seconds here.",
        options.users,
        options.every,
        options.minute.as_secs_f64()
    )
}

fn tone(outage: &Outage) -> Tone {
    if outage.name == "no gate" { Tone::Control } else { Tone::Ours }
}

fn headline(outage: &Outage) -> Headline {
    Headline {
        figure: outage.ledger.told().under_way_max.to_string(),
        caption: format!("{}: connections held at most", outage.name),
        tone: tone(outage),
    }
}

fn curve(options: &Options, outage: &Outage) -> Curve {
    let up = options.minute * UP_MINUTES;
    let begun = outage.down - up;
    let until = up + options.minute * options.minutes;
    let looks = (0..).map(|step| STEP * step).take_while(|after| *after <= until);
    let held = |after: Duration| outage.ledger.under_way_at(begun + after) as f64;
    Curve {
        name: outage.name.to_owned(),
        tone: tone(outage),
        dash: Dash::Solid,
        points: looks.map(|after| (after.as_secs_f64(), held(after))).collect(),
    }
}
