//! The chapters of the report, in the order in which they are told: the question of each, and the
//! words of its command line, whole and quick.

use serde::Serialize;

/// What chapters have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Part {
    /// More comes than can be done.
    Overload,
    /// Some do not treat others well.
    Isolation,
    /// Those that it calls are slow, or down.
    Upstreams,
    /// How fast it is.
    Speed,
    /// What was promised is kept.
    Promises,
}

impl Part {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Overload => "More than can be done",
            Self::Isolation => "One caller's flood is nobody else's outage",
            Self::Upstreams => "When others are slow or down",
            Self::Speed => "Speed",
            Self::Promises => "What was promised, under load",
        }
    }
}

/// What a scenario needs to be told about its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Which binary; it starts its own.
    Binary,
    /// Where one listens that was started for it.
    Target,
}

/// Whether a scenario draws a page of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draws {
    Page,
    Nothing,
}

/// One scenario, as it is played here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chapter {
    pub(super) part: Part,
    /// Names it in the report.
    pub(super) name: &'static str,
    /// What it answers.
    pub(super) question: &'static str,
    /// The words that make it what it is.
    pub(super) words: &'static [&'static str],
    /// The words that make it short.
    pub(super) quick: &'static [&'static str],
    pub(super) needs: Needs,
    pub(super) draws: Draws,
}

const fn drawn(
    part: Part,
    [name, question]: [&'static str; 2],
    words: &'static [&'static str],
    quick: &'static [&'static str],
) -> Chapter {
    Chapter { part, name, question, words, quick, needs: Needs::Binary, draws: Draws::Page }
}

const fn told(
    [name, question]: [&'static str; 2],
    words: &'static [&'static str],
    quick: &'static [&'static str],
) -> Chapter {
    let (part, needs, draws) = (Part::Promises, Needs::Binary, Draws::Nothing);
    Chapter { part, name, question, words, quick, needs, draws }
}

const fn of_upstreams(chapter: Chapter) -> Chapter {
    Chapter { part: Part::Upstreams, ..chapter }
}

const fn at_target(chapter: Chapter) -> Chapter {
    Chapter { needs: Needs::Target, ..chapter }
}

/// All of them.
pub(super) const CHAPTERS: &[Chapter] = &[
    drawn(
        Part::Overload,
        ["capacity", "How much can a server do while it is still fast?"],
        &["capacity"],
        &["--probe", "1s"],
    ),
    drawn(
        Part::Overload,
        ["stampede", "Does it do its work when fifty times as much is asked of it?"],
        &["stampede"],
        &["--seconds", "15s", "--calm", "5s"],
    ),
    drawn(
        Part::Overload,
        ["step", "What happens in the second in which it becomes too much?"],
        &["step"],
        &["--seconds", "4s"],
    ),
    drawn(
        Part::Overload,
        ["replay", "How soon is it back when all return who waited out an outage?"],
        &["replay"],
        &["--scale", "0.1"],
    ),
    drawn(
        Part::Overload,
        ["replay-mannered", "And if they all call by our own client?"],
        &["replay", "--callers", "mannered", "--against", "overtime"],
        &["--scale", "0.1"],
    ),
    drawn(
        Part::Overload,
        ["refusal", "What does a refusal cost?"],
        &["refusal"],
        &["--runs", "3", "--seconds", "2s", "--rate", "3000"],
    ),
    drawn(
        Part::Overload,
        ["waiting", "Does a long queue make its own work dearer?"],
        &["waiting"],
        &["--tasks", "100000", "--tenants", "1000", "--rounds", "5"],
    ),
    drawn(
        Part::Isolation,
        ["noisy", "Do the others notice a noisy tenant?"],
        &["noisy"],
        &["--seconds", "6s"],
    ),
    drawn(
        Part::Isolation,
        ["inversion", "Do the many stand in front of the few?"],
        &["inversion"],
        &["--seconds", "8s"],
    ),
    drawn(
        Part::Isolation,
        ["slow", "Do ten thousand slow clients shut others out?"],
        &["slow"],
        &["--clients", "2000", "--quiet", "5s", "--seconds", "20s", "--hurry", "5"],
    ),
    drawn(
        Part::Isolation,
        ["incident", "Do small calls wait while others stream bulk?"],
        &["incident", "--rate", "2000"],
        &["--seconds", "4s"],
    ),
    drawn(
        Part::Isolation,
        ["incident-on-disk", "And if each of them has to be on disk?"],
        &["incident", "--durable"],
        &["--seconds", "4s"],
    ),
    drawn(
        Part::Isolation,
        ["mixed", "What does a day look like?"],
        &["mixed"],
        &["--seconds", "4s"],
    ),
    told(
        ["flood", "Does anything stand still when hundreds upload at once?"],
        &["flood"],
        &["--sized", "20", "--chunked", "10", "--trickling", "10", "--long-bytes", "8MB"],
    ),
    drawn(
        Part::Upstreams,
        ["brownout", "Does it notice that an upstream hangs, before its other calls do?"],
        &["brownout"],
        &["--runs", "1", "--calm", "6s", "--bad-for", "20s", "--timeout", "10s"],
    ),
    drawn(
        Part::Upstreams,
        ["snowball", "Does an API that is down take all connections, minute by minute?"],
        &["snowball"],
        &["--minute", "3s"],
    ),
    of_upstreams(told(
        ["flaky", "Does everything end if a hundred thousand calls come to nothing?"],
        &["flaky"],
        &["--failures", "5000"],
    )),
    of_upstreams(told(
        ["items", "Is each item of a bulk body delivered, if the server is killed meanwhile?"],
        &["items"],
        &["--items", "1600"],
    )),
    of_upstreams(told(
        ["delivery", "How fast are accepted tasks delivered?"],
        &["delivery"],
        &["--tasks", "10000", "--rounds", "1"],
    )),
    at_target(drawn(
        Part::Speed,
        ["echo", "How fast does something small come back?"],
        &["single", "--kind", "echo"],
        &["--seconds", "3s"],
    )),
    at_target(drawn(
        Part::Speed,
        ["upsert", "How fast is a contact changed, and on disk?"],
        &["single", "--kind", "contacts.upsert"],
        &["--seconds", "3s"],
    )),
    drawn(
        Part::Speed,
        ["bulk", "How fast are a million contacts written?"],
        &["bulk"],
        &["--items", "100000", "--body-bytes", "5MB"],
    ),
    at_target(told(
        ["hot-key", "What if all change the same contact?"],
        &["hot-key"],
        &["--each", "100"],
    )),
    at_target(told(
        ["fallover", "Does whoever waits too long learn the result all the same?"],
        &["fallover"],
        &["--tasks", "400", "--at-once", "200"],
    )),
    told(
        ["keys", "Does a request that comes fifty times happen once?"],
        &["keys"],
        &["--keys", "100", "--connections", "500"],
    ),
    told(["duplicate", "What does a duplicate cost?"], &["duplicate"], &["--requests", "10000"]),
    told(["retries", "Does what fails three times succeed?"], &["retries"], &["--tasks", "1000"]),
    told(
        ["steps", "Does a long task go on where it was?"],
        &["steps"],
        &["--steps", "200", "--kills", "1"],
    ),
    told(["cancel", "Do all hear the same of a cancellation?"], &["cancel"], &["--races", "200"]),
    told(
        ["events", "Does every listener hear everything once?"],
        &["events"],
        &["--listeners", "100", "--items", "50000"],
    ),
    told(
        ["restart", "How soon does it answer after a kill, with a million tasks before it?"],
        &["restart", "--tasks", "1000000"],
        &["--tasks", "50000"],
    ),
    told(
        ["archive", "Do lists stay fast over millions of finished tasks?"],
        &["archive", "--tasks", "1000000"],
        &["--tasks", "50000", "--pages", "100", "--before-seconds", "3"],
    ),
];

impl Chapter {
    /// The words of its command line; of two that contradict each other the later one counts.
    pub(super) fn command_line(&self, is_quick: bool) -> Vec<String> {
        let quick = if is_quick { self.quick } else { &[] };
        let is_said_again = |word: &str| word.starts_with("--") && quick.contains(&word);
        let mut words = Vec::new();
        let mut rest = self.words.iter();
        while let Some(word) = rest.next() {
            if is_said_again(word) {
                rest.next();
            } else {
                words.push((*word).to_owned());
            }
        }
        words.extend(quick.iter().map(|word| (*word).to_owned()));
        words
    }
}

#[cfg(test)]
mod tests;
