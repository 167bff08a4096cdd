//! The print of a fault: one number for all faults that a person would call the same. What differs
//! from one occurrence to the next (numbers, ids, addresses, whatever is quoted) is left out.

use super::Fault;
use std::iter::Peekable;
use std::str::Chars;

/// Stands for what was left out.
const ID: char = '#';
const ADDRESS: char = '@';
const QUOTED: char = '"';

/// A word of so many hexadecimal digits is an id, even without a single figure.
const HEX_MIN: usize = 8;

/// So much of a detail is looked at.
const DETAIL_MAX_BYTES: usize = 1024;

impl Fault {
    /// The same number for every fault of this code whose detail differs only in numbers, ids,
    /// e-mail addresses and quoted texts. It is the same in every process and stands on disk.
    pub fn print(&self) -> u64 {
        let bytes = self.code.bytes().chain([0]).chain(gist(&self.detail).into_bytes());
        // FNV-1a, 64 bits.
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

/// The detail without what differs from one occurrence to the next.
fn gist(detail: &str) -> String {
    let detail = &detail[..detail.floor_char_boundary(DETAIL_MAX_BYTES)];
    let mut gist = String::with_capacity(detail.len());
    let mut rest = detail.chars().peekable();
    // What is not closed behind one quote is not closed behind a later one: it is looked for once.
    let mut open = Vec::new();
    while let Some(first) = rest.next() {
        let may_close = is_quote(first) && !open.contains(&first);
        let is_quoted = may_close && skip_quoted(&mut rest, first);
        if may_close && !is_quoted {
            open.push(first);
        }
        if is_quoted {
            gist.push(QUOTED);
        } else if is_inside(first) {
            write_word(&take_word(&mut rest, first), &mut gist);
        } else {
            gist.push(first);
        }
    }
    gist
}

/// An apostrophe stands inside of words, where it is no quote: those are taken as a whole.
fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'' | '`' | '“' | '‘' | '«')
}

/// Skips what is quoted, with the closing quote. `false` if there is none, and nothing is skipped.
fn skip_quoted(rest: &mut Peekable<Chars<'_>>, open: char) -> bool {
    let close = match open {
        '“' => '”',
        '‘' => '’',
        '«' => '»',
        same => same,
    };
    let mut ahead = rest.clone();
    let closes = ahead.any(|character| character == close);
    if closes {
        *rest = ahead;
    }
    closes
}

fn is_inside(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}

/// A word: letters, figures and what joins them in ids, addresses and numbers.
fn take_word(rest: &mut Peekable<Chars<'_>>, first: char) -> String {
    let mut word = String::from(first);
    while let Some(&next) = rest.peek() {
        let may_join = matches!(next, '.' | '@' | '+' | '%' | '\'' | '’');
        let joins = may_join && rest.clone().nth(1).is_some_and(is_inside);
        if !joins && !is_inside(next) {
            break;
        }
        word.push(next);
        rest.next();
    }
    word
}

fn write_word(word: &str, gist: &mut String) {
    let is_hex = word.len() >= HEX_MIN && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if word.contains('@') {
        gist.push(ADDRESS);
    } else if is_hex || word.contains(|character: char| character.is_numeric()) {
        gist.push(ID);
    } else {
        gist.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(detail: &str, expected: &str) {
        assert_eq!(gist(detail), expected, "{detail}");
    }

    #[test]
    fn what_differs_from_time_to_time_is_left_out() {
        check("connection refused", "connection refused");
        check("no answer within 1500 ms", "no answer within # ms");
        check("1.5 s, 10.0.0.1:8080, -3", "# s, #:#, #");
        check("contact 8e03978e-40d5-43e8-bc93-6894a57f9324 is gone", "contact # is gone");
        check("task 01KAJ3W8T0000000000000G001 is busy.", "task # is busy.");
        check("commit deadbeef is bad, a facade is not", "commit # is bad, a facade is not");
        check("<a.b+c@example.com> has moved", "<@> has moved");
        check("`email` is \"x y\", not 'z'", "\" is \", not \"");
        check("it doesn't say “why”", "it doesn't say \"");
        check("an open \" quote", "an open \" quote");
        check("«open «and ‘open «and \"closed\" “too”", "«open «and ‘open «and \" \"");
        check("", "");
    }

    #[test]
    fn the_print_tells_code_and_gist_and_stays_the_same_for_ever() {
        let print = |code, detail: &str| Fault::ephemeral(code, detail).print();
        assert_eq!(print("busy", "wait 3 s"), print("busy", "wait 14 s"));
        assert_ne!(print("busy", "wait 3 s"), print("busy", "wait 3 ms"));
        assert_ne!(print("busy", "wait"), print("busywait", ""));
        // Archives hold it.
        assert_eq!(print("foobar", ""), 0x3453_1ca7_168b_8f38);
    }
}
