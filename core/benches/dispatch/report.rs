//! The report: a table for each measure, one histogram, and the bars that the figures are held
//! against. It only prints.

use crate::round::{Round, Spans};

/// What the core may take, as a multiple of its floor.
const FLOOR_BARS: [(&str, f64, f64); 2] = [("p50", 0.5, 1.5), ("p99", 0.99, 2.0)];
/// What many workers may take, as a multiple of few.
const FLAT_BAR: f64 = 1.2;
/// The few and the many.
const FLAT_WORKERS: (usize, usize) = (16, 1000);
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];
/// How long the line of a histogram is that has everything in it.
const LINE_LENGTH: f64 = 60.0;
/// A histogram's steps double, from this many nanoseconds on.
const FIRST_STEP_NANOS: u64 = 1_000;

/// How a measure is picked from a run.
type Pick = fn(&Round) -> &Spans;

const MEASURES: [(&str, Pick); 2] =
    [("dispatch", |round| &round.dispatch), ("return", |round| &round.back)];

/// The runs with one number of workers and one load.
#[derive(Debug)]
pub(crate) struct Case {
    workers: usize,
    load: &'static str,
    pub(crate) overtime: Vec<Round>,
    pub(crate) floor: Vec<Round>,
}

impl Case {
    pub(crate) fn new(workers: usize, load: &'static str) -> Self {
        Self { workers, load, overtime: Vec::new(), floor: Vec::new() }
    }

    fn print(&self, pick: Pick) {
        let told = |rounds: &[Round]| QUANTILES.map(|(_, quantile)| median(rounds, pick, quantile));
        let (overtime, floor) = (told(&self.overtime), told(&self.floor));
        print!("{:>7}  {:<22}|", self.workers, self.load);
        overtime.iter().for_each(|micros| print!("{micros:>9.1}"));
        print!(" |");
        floor.iter().for_each(|micros| print!("{micros:>9.1}"));
        print!(" |");
        overtime.iter().zip(&floor).for_each(|(ours, floor)| print!("{:>7.2}", ours / floor));
        let count = sum(&self.overtime, |round| pick(round).0.len());
        let [late, floor_late] = [&self.overtime, &self.floor].map(|it| sum(it, |run| run.late));
        let refused = sum(&self.overtime, |round| round.refused);
        println!(" |{count:>8}{refused:>8}{late:>8}{floor_late:>8}");
    }
}

fn sum(rounds: &[Round], what: impl Fn(&Round) -> u64) -> u64 {
    rounds.iter().map(what).sum()
}

/// In microseconds, the median over the runs of what each has at `quantile`.
fn median(rounds: &[Round], pick: Pick, quantile: f64) -> f64 {
    let at = |round: &Round| pick(round).0.value_at_quantile(quantile) as f64 / 1e3;
    let mut values: Vec<f64> = rounds.iter().map(at).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// All cases.
#[derive(Debug, Default)]
pub(crate) struct Results {
    cases: Vec<Case>,
}

impl Results {
    pub(crate) fn add(&mut self, case: Case) {
        self.cases.push(case);
    }

    fn case(&self, workers: usize, load: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.workers == workers && case.load == load)
    }

    /// Each measure of each case.
    pub(crate) fn print_tables(&self) {
        for (name, pick) in MEASURES {
            print_heading(name);
            self.cases.iter().for_each(|case| case.print(pick));
            println!();
        }
    }

    /// How the dispatches of one case are spread, over all its runs.
    pub(crate) fn print_histogram(&self, workers: usize, load: &str) {
        let Some(case) = self.case(workers, load) else { return };
        for (name, rounds) in [("overtime", &case.overtime), ("its floor", &case.floor)] {
            println!("dispatch, {workers} workers, {load}: {name}");
            let mut all = Spans::default();
            rounds.iter().for_each(|round| all += &round.dispatch);
            all.print();
            println!();
        }
    }

    /// What the figures at that many workers and that load are held against.
    pub(crate) fn print_bars(&self, workers: usize, load: &str) {
        for (name, pick) in MEASURES {
            let Some(case) = self.case(workers, load) else { continue };
            for (quantile_name, quantile, bar) in FLOOR_BARS {
                let [ours, floor] =
                    [&case.overtime, &case.floor].map(|rounds| median(rounds, pick, quantile));
                let what =
                    format!("{name} {quantile_name}, {workers} workers, {load}, by its floor");
                print_bar(&what, ours / floor, bar);
            }
            let (few, many) = FLAT_WORKERS;
            let (Some(at_few), Some(at_many)) = (self.case(few, load), self.case(many, load))
            else {
                continue;
            };
            let [few_p50, many_p50] =
                [at_few, at_many].map(|case| median(&case.overtime, pick, 0.5));
            let what = format!("{name} p50, {load}, {many} workers by {few}");
            print_bar(&what, many_p50 / few_p50, FLAT_BAR);
        }
    }
}

fn print_heading(measure: &str) {
    let (wide, narrow) = (
        QUANTILES.map(|(name, _)| format!("{name:>9}")).concat(),
        QUANTILES.map(|(name, _)| format!("{name:>7}")).concat(),
    );
    let counts = ["count", "refused", "late", "f.late"].map(|name| format!("{name:>8}")).concat();
    println!("{measure:<31}|{:^27} |{:^27} |{:^21} |", "overtime, us", "floor, us", "ratio");
    println!("workers  {:<22}|{wide} |{wide} |{narrow} |{counts}", "load");
}

fn print_bar(what: &str, ratio: f64, bar: f64) {
    let verdict = if ratio <= bar { "kept" } else { "MISSED" };
    println!("{what:<58} {ratio:>6.2}, at most {bar:.1}: {verdict}");
}

impl Spans {
    fn print(&self) {
        let total = self.0.len().max(1) as f64;
        let (mut low, mut high) = (0, FIRST_STEP_NANOS);
        while low <= self.0.max() {
            let share = self.0.count_between(low, high - 1) as f64 / total;
            let line = "#".repeat((share * LINE_LENGTH).ceil() as usize);
            println!("< {:>6} us {:>7.3} %  {line}", high / 1000, share * 100.0);
            (low, high) = (high, high * 2);
        }
    }
}
