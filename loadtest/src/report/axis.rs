//! Axes: which place a value has, and where the ticks are.

/// A logarithmic axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogAxis {
    low: f64,
    high: f64,
}

impl LogAxis {
    /// From the power of ten (or its half) below `low` up to a little above `high`.
    pub(super) fn around(low: f64, high: f64) -> Self {
        let decade = 10_f64.powf(low.log10().floor());
        let low = if low >= decade * 5.0 { decade * 5.0 } else { decade };
        Self { low, high: high * 1.3 }
    }

    /// Where `value` is, from 0 to 1.
    pub(super) fn place(self, value: f64) -> f64 {
        let whole = (self.high / self.low).log10();
        ((value.max(self.low) / self.low).log10() / whole).clamp(0.0, 1.0)
    }

    /// The powers of ten on it.
    pub(super) fn decades(self) -> Vec<f64> {
        let first = self.low.log10().ceil() as i32;
        let powers = (first..).map(|power| 10_f64.powi(power));
        powers.take_while(|tick| *tick <= self.high).collect()
    }

    /// What lies between them: twice to nine times each.
    pub(super) fn minor(self) -> Vec<f64> {
        let first = self.low.log10().floor() as i32;
        let last = self.high.log10().floor() as i32;
        let all = (first..=last).flat_map(|power| (2..10).map(move |times| (power, times)));
        all.map(|(power, times)| f64::from(times) * 10_f64.powi(power))
            .filter(|tick| (self.low..=self.high).contains(tick))
            .collect()
    }
}

/// Round steps from 0 that divide `length` into five to ten parts or so.
pub(super) fn steps(length: f64) -> Vec<f64> {
    let rough = (length / 8.0).max(0.001);
    let decade = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * decade);
    let step = step.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(rough);
    let count = (length / step * 1.000_001) as usize;
    (0..=count).map(|number| number as f64 * step).collect()
}

/// A latency on an axis.
pub(super) fn tick_ms(ms: f64) -> String {
    match ms {
        ms if ms >= 1_000.0 => format!("{} s", ms / 1_000.0),
        ms if ms >= 0.099 => format!("{ms} ms"),
        ms => format!("{} µs", (ms * 1_000.0).round()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_its_ends_and_each_decade_the_same_length() {
        let axis = LogAxis::around(0.07, 700.0);
        assert_eq!((axis.place(0.01), axis.place(0.05)), (0.0, 0.0));
        assert_eq!(axis.place(10_000.0), 1.0);
        let decade = axis.place(10.0) - axis.place(1.0);
        assert!((axis.place(100.0) - axis.place(10.0) - decade).abs() < 1e-9);
        assert_eq!(axis.decades().len(), 4);
        assert!(axis.minor().contains(&200.0) && !axis.minor().contains(&2_000.0));
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(steps(20.0), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(steps(8.0).len(), 9);
        assert_eq!(steps(300.0)[1], 50.0);
    }

    #[test]
    fn ticks_have_the_unit_that_fits() {
        let told: Vec<String> = [0.01, 0.1, 1.0, 100.0, 1_000.0].map(tick_ms).into();
        assert_eq!(told, ["10 µs", "0.1 ms", "1 ms", "100 ms", "1 s"]);
    }
}
