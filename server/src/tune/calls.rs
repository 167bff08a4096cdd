//! Calls in a file: comma-separated lines of `time,upstream,seconds,outcome`. The first line may name
//! the columns, which then come in any order and among others. A line that is no call is named by its
//! number and left out; nothing is guessed.

use super::moment;
use overtime_engine::gate::Sample;
use overtime_protocol::{CallEnd, CallFailure};
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::time::Duration;

/// The columns of a file that names none.
const COLUMNS: [&str; 4] = ["time", "upstream", "seconds", "outcome"];
/// So many bad lines are named.
const NAMED_MAX: usize = 10;
/// No call takes longer: a column in milliseconds is not taken for one in seconds.
const SECONDS_MAX: f64 = 86_400.0;

/// What was in a file.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// By upstream, in the order in which they began.
    pub(crate) upstreams: BTreeMap<String, Vec<Sample>>,
    /// What is wrong with the first bad lines, and with which.
    pub(crate) complaints: Vec<String>,
    pub(crate) bad_lines: u64,
}

/// Reads a file.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn read(mut file: impl BufRead) -> io::Result<Calls> {
    let mut calls = Calls::default();
    let (mut places, mut line) = ([0, 1, 2, 3], Vec::new());
    for number in 1.. {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let bytes =
            if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        let text = std::str::from_utf8(bytes).map(str::trim);
        if text == Ok("") {
            continue;
        }
        let fields = text.map_err(|_| "it is not UTF-8".to_owned()).and_then(fields);
        let taken = match fields {
            Ok(fields) if number == 1 && names_columns(&fields) => {
                columns(&fields).map(|found| places = found)
            }
            Ok(fields) => call(&fields, places).map(|(name, call)| {
                calls.upstreams.entry(name).or_default().push(call);
            }),
            Err(wrong) => Err(wrong),
        };
        if let Err(wrong) = taken {
            calls.bad_lines += 1;
            if calls.complaints.len() < NAMED_MAX {
                calls.complaints.push(format!("line {number}: {wrong}"));
            }
        }
    }
    calls.upstreams.values_mut().for_each(|calls| calls.sort_by_key(|call| call.started));
    Ok(calls)
}

/// The fields of a line. One that has commas stands in quotes, and a quote in it is doubled.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let (mut fields, mut field, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    if is_quoted {
        return Err("a quote has no other".to_owned());
    }
    fields.push(field);
    Ok(fields.into_iter().map(|field| field.trim().to_owned()).collect())
}

fn names_columns(fields: &[String]) -> bool {
    fields.iter().any(|field| field.eq_ignore_ascii_case(COLUMNS[0]))
}

fn columns(fields: &[String]) -> Result<[usize; 4], String> {
    let mut places = [0; 4];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let found = fields.iter().position(|field| field.eq_ignore_ascii_case(name));
        *place = found.ok_or_else(|| format!("there is no column `{name}`"))?;
    }
    Ok(places)
}

fn call(fields: &[String], places: [usize; 4]) -> Result<(String, Sample), String> {
    let field = |place: usize| {
        let missing =
            || format!("there are {} fields: it needs {}", fields.len(), COLUMNS.join(","));
        fields.get(places[place]).map(String::as_str).ok_or_else(missing)
    };
    let (time, name, seconds, outcome) = (field(0)?, field(1)?, field(2)?, field(3)?);
    let started = moment::read(time).ok_or_else(|| {
        format!("`{time}` is no time such as 2026-11-21T08:00:00Z, and no seconds of unix time")
    })?;
    let took = span(seconds)
        .ok_or_else(|| format!("`{seconds}` is no span in seconds from 0 to {SECONDS_MAX}"))?;
    let end = end(outcome).ok_or_else(|| {
        let known = "answered, connect, broken, timeout, status, busy";
        format!("`{outcome}` is none of {known}, and no HTTP status")
    })?;
    if name.is_empty() {
        return Err("the upstream has no name".to_owned());
    }
    Ok((name.to_owned(), Sample { started, took, end }))
}

fn span(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    (0.0..=SECONDS_MAX).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// How a call of that outcome ended; a status is judged as that of a delivery is.
pub(crate) fn end(text: &str) -> Option<CallEnd> {
    Some(match text.to_ascii_lowercase().as_str() {
        "answered" => CallEnd::Answered,
        "connect" => CallEnd::Failed(CallFailure::Connect),
        "broken" => CallEnd::Failed(CallFailure::Broken),
        "timeout" => CallEnd::Failed(CallFailure::Timeout),
        "status" => CallEnd::Failed(CallFailure::Status(500)),
        "busy" => CallEnd::Busy { retry_after: None },
        number => match number.parse().ok()? {
            429 => CallEnd::Busy { retry_after: None },
            status @ (408 | 500..=599) => CallEnd::Failed(CallFailure::Status(status)),
            100..=599 => CallEnd::Answered,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use overtime_protocol::UnixMillis;

    fn told(text: &str) -> (Vec<String>, Vec<String>) {
        let calls = read(text.as_bytes()).unwrap();
        let told = calls.upstreams.iter().flat_map(|(name, calls)| {
            calls.iter().map(move |call| {
                let Sample { started: UnixMillis(at), took, end } = call;
                format!("{name} {at} {} {}", took.as_millis(), end.name())
            })
        });
        (told.collect(), calls.complaints)
    }

    #[test]
    fn calls_are_read_with_and_without_names_of_columns_and_put_in_order() {
        let plain = "2,bank,0.5,200\n1,bank,3,timeout\r\n\n1970-01-01T00:00:03Z,post,0,503\n";
        let expected = ["bank 1000 3000 timeout", "bank 2000 500 answered", "post 3000 0 status"];
        assert_eq!(told(plain), (expected.map(str::to_owned).to_vec(), Vec::new()));
        let named =
            "\u{feff}outcome,note,Time,UPSTREAM,seconds\n429,\"a, \"\"b\"\"\",7,\"x, y\",1.25";
        assert_eq!(told(named).0, ["x, y 7000 1250 busy"]);
    }

    #[test]
    fn bad_lines_are_named_by_number_and_left_out() {
        let text = "1,bank,1,200\nyesterday,bank,1,200\n1,bank\n1,bank,-1,200\n1,bank,inf,200\n\
                    1,,1,200\n1,bank,1,maybe\n1,bank,1,999\n1,\"bank,1,200\n2,bank,1,connect\n";
        let (calls, complaints) = told(text);
        assert_eq!(calls, ["bank 1000 1000 answered", "bank 2000 1000 connect"]);
        let lines: Vec<&str> =
            complaints.iter().map(|told| told.split(':').next().unwrap()).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8, 9].map(|number| format!("line {number}")));
        assert!(complaints[0].contains("`yesterday`"), "{complaints:?}");
        let (_, complaints) = told("time,upstream,outcome\n");
        assert_eq!(complaints, ["line 1: there is no column `seconds`"]);
    }

    #[test]
    fn of_many_bad_lines_the_first_are_named_and_all_are_counted() {
        let calls = read("x\n".repeat(500).as_bytes()).unwrap();
        assert_eq!((calls.complaints.len(), calls.bad_lines), (NAMED_MAX, 500));
        let calls = read(&b"\xff,a,1,200\n1,a,1,200"[..]).unwrap();
        assert_eq!((calls.bad_lines, calls.upstreams["a"].len()), (1, 1));
    }
}
