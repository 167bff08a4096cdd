//! The metrics as text, in the OpenMetrics format. Nothing is kept between two looks.

use crate::sample::{Family, Histogram, Sample, Samples, Total};
use crate::window::Window;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// The content type of what [`text_of`] writes.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the window as they stand now.
pub(crate) fn text_of(window: &Arc<dyn Window>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Look(Arc::clone(window))));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

struct Look(Arc<dyn Window>);

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Look")
    }
}

impl Collector for Look {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.metrics().iter().try_for_each(|family| write_family(family, &mut encoder))
    }
}

fn write_family(family: &Family, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let metric_type = match family.samples {
        Samples::Counters(_) => MetricType::Counter,
        Samples::Gauges(_) => MetricType::Gauge,
        Samples::Histograms(_) => MetricType::Histogram,
    };
    let mut encoder = encoder.encode_descriptor(family.name, family.help, None, metric_type)?;
    match &family.samples {
        Samples::Counters(samples) => write_samples(samples, &mut encoder, write_total),
        Samples::Gauges(samples) => {
            write_samples(samples, &mut encoder, |level, encoder| encoder.encode_gauge(level))
        }
        Samples::Histograms(samples) => write_samples(samples, &mut encoder, write_histogram),
    }
}

fn write_samples<T>(
    samples: &[Sample<T>],
    encoder: &mut MetricEncoder<'_>,
    write: impl Fn(&T, &mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    samples.iter().try_for_each(|sample| match &sample.labels {
        none if none.is_empty() => write(&sample.value, encoder),
        labels => write(&sample.value, &mut encoder.encode_family(labels)?),
    })
}

fn write_total(total: &Total, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    match total {
        Total::Count(count) => encoder.encode_counter::<NoLabelSet, _, u64>(count, None),
        Total::Span(span) => {
            encoder.encode_counter::<NoLabelSet, _, u64>(&span.as_secs_f64(), None)
        }
    }
}

fn write_histogram(histogram: &Histogram, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    let count = histogram.buckets.iter().map(|(_, count)| count).sum();
    encoder.encode_histogram::<NoLabelSet>(histogram.sum, count, &histogram.buckets, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Check;
    use std::time::Duration;

    struct Fixed(Vec<Family>);

    impl Window for Fixed {
        fn checks(&self) -> Vec<Check> {
            Vec::new()
        }

        fn metrics(&self) -> Vec<Family> {
            self.0.clone()
        }
    }

    fn check(family: Family, expected: &str) {
        let window: Arc<dyn Window> = Arc::new(Fixed(vec![family]));
        assert_eq!(text_of(&window).unwrap(), format!("{expected}# EOF\n"));
    }

    #[test]
    fn counters_end_in_total() {
        let done = |lane, count: u64| Sample::new(count).label("lane", lane);
        check(
            Family::counter("overtime_x", "Help", [done("bulk", 1), done("control", u64::MAX)]),
            "# HELP overtime_x Help\n# TYPE overtime_x counter\n\
             overtime_x_total{lane=\"bulk\"} 1\n\
             overtime_x_total{lane=\"control\"} 18446744073709551615\n",
        );
        check(
            Family::counter("x_seconds", "Help", [Sample::new(Duration::from_millis(1500))]),
            "# HELP x_seconds Help\n# TYPE x_seconds counter\nx_seconds_total 1.5\n",
        );
    }

    #[test]
    fn label_values_are_escaped() {
        let hostile = Sample::new(2.5).label("kind", "a\"b\\c\nd").label("lane", "bulk");
        check(
            Family::gauge("x", "Help", [hostile]),
            "# HELP x Help\n# TYPE x gauge\nx{kind=\"a\\\"b\\\\c\\nd\",lane=\"bulk\"} 2.5\n",
        );
    }

    #[test]
    fn buckets_are_cumulative_and_end_in_infinity() {
        let spans = Histogram::new(0.75, [(0.1, 3), (0.5, 0)], 1);
        check(
            Family::histogram("x_seconds", "Help", [Sample::new(spans)]),
            "# HELP x_seconds Help\n# TYPE x_seconds histogram\n\
             x_seconds_sum 0.75\nx_seconds_count 4\n\
             x_seconds_bucket{le=\"0.1\"} 3\nx_seconds_bucket{le=\"0.5\"} 3\n\
             x_seconds_bucket{le=\"+Inf\"} 4\n",
        );
    }

    #[test]
    fn a_family_without_samples_is_still_declared() {
        check(Family::gauge("x", "Help", []), "# HELP x Help\n# TYPE x gauge\n");
    }
}
