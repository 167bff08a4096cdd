//! What a server tells at its admin port, read once: a scenario compares two readings. It never
//! takes what is not told for zero.

use crate::ask::ask;
use crate::request::get;
use anyhow::{Context, bail};
use std::net::SocketAddr;

/// One reading.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    text: String,
}

impl Metrics {
    /// Reads them from the admin port at `admin`.
    pub fn read(admin: SocketAddr) -> anyhow::Result<Self> {
        let reply = ask(admin, &get(admin, "/metrics"))?;
        if reply.status != 200 {
            bail!("the metrics were answered with {}", reply.status);
        }
        Ok(Self { text: String::from_utf8_lossy(&reply.body).into_owned() })
    }

    /// The value of `name`, summed over its labels if it has any.
    pub fn sum(&self, name: &str) -> anyhow::Result<f64> {
        let mut values = self.values(name).map(|(_, value)| value).peekable();
        values.peek().with_context(|| format!("the metrics do not tell {name}"))?;
        Ok(values.sum())
    }

    /// The cumulative buckets of the histogram `name`, by their upper limits.
    pub fn buckets(&self, name: &str) -> anyhow::Result<Vec<(f64, f64)>> {
        self.buckets_of(name, "")
    }

    /// The same of one among several that are told apart by a label, such as `lane="bulk"`.
    pub fn buckets_of(&self, name: &str, label: &str) -> anyhow::Result<Vec<(f64, f64)>> {
        let buckets: Vec<_> = self
            .values(&format!("{name}_bucket"))
            .filter(|(labels, _)| labels.contains(label))
            .filter_map(|(labels, value)| Some((upper_limit(labels)?, value)))
            .collect();
        if buckets.is_empty() {
            bail!("the metrics do not tell {name}");
        }
        Ok(buckets)
    }

    /// Labels and value of each sample of `name`.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.text.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            if !rest.starts_with([' ', '{']) {
                return None;
            }
            let (labels, value) = rest.rsplit_once(' ')?;
            Some((labels, value.parse().ok()?))
        })
    }
}

/// From what a labelled set of buckets says: `{le="0.001"}`.
fn upper_limit(labels: &str) -> Option<f64> {
    let (_, rest) = labels.split_once("le=\"")?;
    rest.split('"').next()?.replace("+Inf", "inf").parse().ok()
}

/// The upper limit of the bucket that a share of `quantile` of what came between two readings did
/// not exceed; none if nothing came.
pub fn quantile_between(before: &[(f64, f64)], after: &[(f64, f64)], quantile: f64) -> Option<f64> {
    let came = |(now, then): (&(f64, f64), &(f64, f64))| (now.0, now.1 - then.1);
    let buckets: Vec<(f64, f64)> = after.iter().zip(before).map(came).collect();
    let total = buckets.last().filter(|(_, count)| *count > 0.0)?.1;
    buckets.iter().find(|(_, count)| *count >= quantile * total).map(|(limit, _)| *limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(text: &str) -> Metrics {
        Metrics { text: text.to_owned() }
    }

    #[test]
    fn a_sum_takes_all_labels_and_no_longer_name() {
        let told =
            metrics("x_total{lane=\"a b\"} 2\nx_total{lane=\"c\"} 3.5\nx_total_more 9\ny 1\n");
        assert_eq!(told.sum("x_total").unwrap(), 5.5);
        assert_eq!(told.sum("y").unwrap(), 1.0);
        assert!(told.sum("x").is_err());
    }

    #[test]
    fn one_histogram_is_told_from_another_by_its_label() {
        let told = metrics("t_bucket{lane=\"a\",le=\"1\"} 5\nt_bucket{lane=\"b\",le=\"1\"} 7\n");
        assert_eq!(told.buckets_of("t", "lane=\"b\"").unwrap(), [(1.0, 7.0)]);
        assert!(told.buckets_of("t", "lane=\"c\"").is_err());
    }

    #[test]
    fn a_quantile_is_the_limit_of_its_bucket_among_what_came_between() {
        let before =
            metrics("t_bucket{le=\"0.1\"} 5\nt_bucket{le=\"0.5\"} 5\nt_bucket{le=\"+Inf\"} 6\n");
        let after = metrics(
            "t_bucket{le=\"0.1\"} 5\nt_bucket{le=\"0.5\"} 104\nt_bucket{le=\"+Inf\"} 106\n",
        );
        let [before, after] = [before, after].map(|told| told.buckets("t").unwrap());
        assert_eq!(quantile_between(&before, &after, 0.99), Some(0.5));
        assert_eq!(quantile_between(&before, &after, 1.0), Some(f64::INFINITY));
        assert_eq!(quantile_between(&before, &before, 0.5), None);
    }
}
