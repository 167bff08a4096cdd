//! `overtime gate …`

use super::Desk;
use crate::complain;
use crate::config::Span;
use crate::tune::{self, Past, Study};
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use overtime_engine::gate::Sample;
use overtime_protocol::{Hour, UnixMillis};
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Action {
    /// Say what each rule of a gate would have done with calls of the past, and with other thresholds
    Tune(Tune),
}

/// With which calls, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Tune {
    /// Calls as lines of `time,upstream,seconds,outcome`, or `-` for standard input [default: what the
    /// server knows of its upstreams]
    file: Option<PathBuf>,
    /// Look at this upstream only
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// Draw each upstream into a file of this folder
    #[arg(long, value_name = "FOLDER")]
    svg: Option<PathBuf>,
    /// Above which span a call is slow: it is drawn, and tried beside 1, 2, 3, 5 and 8 s
    #[arg(long, value_name = "SPAN", default_value = "3s", value_parser = some_span)]
    slow: Span,
}

fn some_span(text: &str) -> Result<Span, String> {
    let span: Span = text.parse()?;
    if span.0.is_zero() { Err("every call takes longer than nothing".to_owned()) } else { Ok(span) }
}

impl Action {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<()> {
        let Self::Tune(tune) = self;
        let pasts = match &tune.file {
            Some(file) => read(file)?,
            None => ask(desk, tune.upstream.as_deref())?,
        };
        let slow = tune.slow.0;
        let chosen = choose(pasts, tune.upstream.as_deref())?;
        let studies: Vec<Study> = chosen.into_iter().map(|past| Study::of(past, slow)).collect();
        if desk.json {
            writeln!(desk.out, "{}", tune::json(&studies))?;
        } else {
            desk.out.write_all(tune::text(&studies, slow).as_bytes())?;
        }
        let Some(folder) = &tune.svg else { return Ok(()) };
        let drawn = tune::draw(&studies, folder, slow);
        for file in drawn.with_context(|| format!("cannot draw into {}", folder.display()))? {
            complain(format_args!("drawn: {}", file.display()));
        }
        Ok(())
    }
}

fn choose(pasts: Vec<Past>, wanted: Option<&str>) -> Result<Vec<Past>> {
    let Some(wanted) = wanted else { return Ok(pasts) };
    let names: Vec<String> = pasts.iter().map(|past| past.name.clone()).collect();
    let found: Vec<Past> = pasts.into_iter().filter(|past| past.name == wanted).collect();
    if found.is_empty() {
        bail!("no call to `{wanted}` is known, but to: {}", names.join(", "));
    }
    Ok(found)
}

fn read(file: &Path) -> Result<Vec<Past>> {
    let calls = match file == Path::new("-") {
        true => tune::read(io::stdin().lock()),
        false => File::open(file).and_then(|file| tune::read(BufReader::new(file))),
    };
    let calls = calls.with_context(|| format!("{} cannot be read", file.display()))?;
    for complaint in &calls.complaints {
        complain(format_args!("{}: {complaint}", file.display()));
    }
    if calls.bad_lines > 0 {
        complain(format_args!("lines that are no calls, and are left out: {}", calls.bad_lines));
    }
    if calls.upstreams.is_empty() {
        bail!("there is no call in {}", file.display());
    }
    let past = |(name, calls)| Past { name, calls, hours: Vec::new() };
    Ok(calls.upstreams.into_iter().map(past).collect())
}

/// What the server knows of its upstreams.
fn ask(desk: &Desk<'_>, wanted: Option<&str>) -> Result<Vec<Past>> {
    let names = match wanted {
        Some(name) => vec![name.to_owned()],
        None => {
            let upstreams = pages(desk, "/v1/upstreams", "upstreams")?;
            upstreams.iter().filter_map(|entry| entry["name"].as_str().map(str::to_owned)).collect()
        }
    };
    if names.is_empty() {
        bail!("the server has no upstreams");
    }
    names.into_iter().map(|name| past(desk, name)).collect()
}

fn past(desk: &Desk<'_>, name: String) -> Result<Past> {
    let path = format!("/v1/upstreams/{name}");
    let document: Value = serde_json::from_slice(&desk.connection.get(&path, &[])?)?;
    let recent = document["recent"].as_array().map(Vec::as_slice).unwrap_or_default();
    let calls: Option<Vec<Sample>> = recent.iter().map(call).collect();
    let hours = pages(desk, &format!("{path}/history"), "hours")?;
    let hours: Option<Vec<Hour>> = hours.iter().map(hour).collect();
    let unknown = || anyhow!("what the server says of {name} is not understood");
    let (mut calls, hours) = (calls.ok_or_else(unknown)?, hours.ok_or_else(unknown)?);
    calls.sort_by_key(|call| call.started);
    Ok(Past { name, calls, hours })
}

/// The entries of all pages of a list.
fn pages(desk: &Desk<'_>, path: &str, member: &str) -> Result<Vec<Value>> {
    let (mut entries, mut after) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("limit", super::PAGE_MAX.to_string())];
        query.extend(after.take().map(|after| ("after", after)));
        let mut page: Value = serde_json::from_slice(&desk.connection.get(path, &query)?)?;
        if let Some(found) = page[member].as_array_mut() {
            entries.append(found);
        }
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            return Ok(entries);
        }
    }
}

fn call(entry: &Value) -> Option<Sample> {
    let took = Duration::from_millis(entry["ms"].as_u64()?);
    let end = tune::end(entry["end"].as_str()?)?;
    Some(Sample { started: time(&entry["at"])?, took, end })
}

fn hour(entry: &Value) -> Option<Hour> {
    let span = |name: &str| entry[name].as_u64().map(Duration::from_millis);
    Some(Hour {
        hour: time(&entry["hour"])?,
        calls: entry["calls"].as_u64()?,
        failed: entry["failed"].as_u64()?,
        busy: entry["busy"].as_u64()?,
        p10: span("p10_ms")?,
        p25: span("p25_ms")?,
        p50: span("p50_ms")?,
        p75: span("p75_ms")?,
        p90: span("p90_ms")?,
        p99: span("p99_ms")?,
        max: span("max_ms")?,
    })
}

fn time(value: &Value) -> Option<UnixMillis> {
    value.as_str()?.parse().ok()
}
