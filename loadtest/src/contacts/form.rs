//! The forms in which a bulk body may come. It writes; it never reads.

use super::{Contact, Contacts};
use std::io::Write;
use std::ops::Range;

/// The form of a body of many contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// One array.
    Json,
    /// One object a line.
    Ndjson,
    /// A header row, and one row a contact.
    Csv,
}

impl Form {
    /// Its content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
        }
    }

    /// How a file of it ends.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    fn opening(self) -> &'static [u8] {
        match self {
            Self::Json => b"[\n",
            Self::Ndjson => b"",
            Self::Csv => b"email,first_name,last_name,phone,company\n",
        }
    }

    fn separator(self) -> &'static [u8] {
        if self == Self::Json { b",\n" } else { b"\n" }
    }

    fn closing(self) -> &'static [u8] {
        if self == Self::Json { b"\n]\n" } else { b"\n" }
    }

    fn write_item(self, out: &mut Vec<u8>, contact: &Contact<'_>) {
        let written = match self {
            Self::Json | Self::Ndjson => contact.write_json(out),
            Self::Csv => contact.write_csv(out),
        };
        written.expect("a vector takes all that is written");
    }
}

impl Contact<'_> {
    fn write_json(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        write!(
            out,
            "{{\"email\":\"{}\",\"first_name\":\"{}\",\"last_name\":\"{}\",\"phone\":\"{}\",\
             \"company\":\"{}\",\"tags\":[\"{}\"],\
             \"fields\":{{\"city\":\"{}\",\"plan\":\"{}\",\"seats\":{}}}}}",
            self.email(),
            self.first_name,
            self.last_name,
            self.phone(),
            self.company.0,
            self.tag,
            self.city,
            self.plan,
            self.seats
        )
    }

    fn write_csv(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        write!(
            out,
            "{},{},{},{},{}",
            self.email(),
            self.first_name,
            self.last_name,
            self.phone(),
            self.company.0
        )
    }
}

impl Contacts {
    /// A body of about `bytes` bytes, never less than one contact, from `places.start` on and
    /// before `places.end`; and how many contacts it has. No places, no body.
    pub fn body(&self, form: Form, places: Range<usize>, bytes: usize) -> Option<(Vec<u8>, usize)> {
        let mut out = form.opening().to_vec();
        let first = places.start;
        let mut next = first;
        while next < places.end && (next == first || out.len() < bytes) {
            if next > first {
                out.extend_from_slice(form.separator());
            }
            form.write_item(&mut out, &self.at(next));
            next += 1;
        }
        out.extend_from_slice(form.closing());
        (next > first).then_some((out, next - first))
    }

    /// All of them as bodies of about `bytes` bytes each, in order.
    pub fn bodies(&self, form: Form, bytes: usize) -> impl Iterator<Item = (Vec<u8>, usize)> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let (body, items) = self.body(form, next..self.items(), bytes)?;
            next += items;
            Some((body, items))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(form: Form, items: u32) -> String {
        let contacts = Contacts::new(items, 1);
        let (body, count) = contacts.body(form, 0..contacts.items(), usize::MAX).unwrap();
        assert_eq!(count, items as usize);
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn json_is_one_array_and_ndjson_the_same_by_lines() {
        let array: Vec<serde_json::Value> = serde_json::from_str(&whole(Form::Json, 50)).unwrap();
        let lines: Vec<serde_json::Value> = whole(Form::Ndjson, 50)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!((array.len(), &array), (50, &lines));
        assert_eq!(array[0]["tags"].as_array().unwrap().len(), 1);
        assert!(array[0]["fields"]["seats"].is_u64());
    }

    #[test]
    fn csv_has_a_header_and_a_row_of_five_columns_each() {
        let text = whole(Form::Csv, 20);
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[0], "email,first_name,last_name,phone,company");
        assert_eq!(rows.len(), 21);
        assert!(rows.iter().all(|row| row.split(',').count() == 5 && !row.contains('"')));
    }

    #[test]
    fn bodies_are_cut_to_size_and_lose_no_contact() {
        let contacts = Contacts::new(1_000, 1);
        let bodies: Vec<(Vec<u8>, usize)> = contacts.bodies(Form::Ndjson, 10_000).collect();
        assert!(bodies.len() > 10);
        assert!(bodies.iter().all(|(body, _)| body.len() < 11_000));
        assert_eq!(bodies.iter().map(|(_, items)| items).sum::<usize>(), 1_000);
        let joined: Vec<u8> = bodies.into_iter().flat_map(|(body, _)| body).collect();
        let (whole, _) = contacts.body(Form::Ndjson, 0..1_000, usize::MAX).unwrap();
        assert_eq!(joined, whole);
    }

    #[test]
    fn a_body_has_at_least_one_contact() {
        let contacts = Contacts::new(2, 1);
        assert_eq!(contacts.bodies(Form::Json, 0).count(), 2);
        assert!(contacts.body(Form::Json, 2..2, 1_000).is_none());
    }
}
