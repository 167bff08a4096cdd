//! A scanner that finds where an element of a JSON array ends. It knows strings, escapes and
//! brackets, and nothing else: whether what it passes is JSON is for others to say.

use super::item::NESTING_MAX;

/// How far a scanner has come within one element. An element may be fed in pieces.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The open brackets, the innermost in the lowest bit: 1 for `{`, 0 for `[`. Those beyond the
    /// allowed depth are only counted.
    open: u128,
    depth: u32,
    deepest: u32,
    text: Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Text {
    #[default]
    Outside,
    Inside,
    Escaped,
}

/// What a piece of an element ended in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The element goes on behind the piece.
    More,
    /// The element ends before the comma or bracket at this place of the piece.
    End(usize),
    /// The bracket at this place closes nothing that is open.
    Mismatch(usize),
}

impl Scan {
    /// Whether the element is nested too deeply to be an input.
    pub(super) fn is_too_deep(&self) -> bool {
        self.deepest > NESTING_MAX
    }

    /// Goes on with the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Found {
        let mut at = 0;
        while at < piece.len() {
            at = match self.text {
                Text::Escaped => {
                    self.text = Text::Inside;
                    at + 1
                }
                Text::Inside => self.pass_text(piece, at),
                Text::Outside => match self.pass_structure(piece, at) {
                    Ok(at) => at,
                    Err(found) => return found,
                },
            };
        }
        Found::More
    }

    fn pass_text(&mut self, piece: &[u8], from: usize) -> usize {
        let Some(count) = piece[from..].iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
            return piece.len();
        };
        let at = from + count;
        self.text = if piece[at] == b'"' { Text::Outside } else { Text::Escaped };
        at + 1
    }

    fn pass_structure(&mut self, piece: &[u8], from: usize) -> Result<usize, Found> {
        let is_structure = |byte: &u8| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b',');
        let Some(count) = piece[from..].iter().position(is_structure) else {
            return Ok(piece.len());
        };
        let at = from + count;
        match piece[at] {
            b'"' => self.text = Text::Inside,
            b'{' => self.enter(1),
            b'[' => self.enter(0),
            b',' | b']' if self.depth == 0 => return Err(Found::End(at)),
            b',' => {}
            b'}' if self.depth == 0 || !self.leave(1) => return Err(Found::Mismatch(at)),
            b']' if !self.leave(0) => return Err(Found::Mismatch(at)),
            _ => {}
        }
        Ok(at + 1)
    }

    fn enter(&mut self, bracket: u128) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        if self.depth <= NESTING_MAX {
            self.open = (self.open << 1) | bracket;
        }
    }

    fn leave(&mut self, bracket: u128) -> bool {
        let known = self.depth <= NESTING_MAX;
        self.depth -= 1;
        let matches = !known || self.open & 1 == bracket;
        if known {
            self.open >>= 1;
        }
        matches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_ends_at_the_comma_or_bracket_outside_of_it() {
        let feed = |text: &str| Scan::default().feed(text.as_bytes());
        assert_eq!(feed("1,2"), Found::End(1));
        assert_eq!(feed("1 ]"), Found::End(2));
        assert_eq!(feed(r#"{"a,]}":[1,{"b":"\"]"}]},"#), Found::End(24));
        assert_eq!(feed(r#""\\","#), Found::End(4));
        assert_eq!(feed("[1,2"), Found::More);
        assert_eq!(feed("[1}"), Found::Mismatch(2));
        assert_eq!(feed("{1]"), Found::Mismatch(2));
        assert_eq!(feed("}"), Found::Mismatch(0));
    }

    #[test]
    fn depth_is_bounded_and_more_of_it_is_still_passed() {
        let nested = |depth: usize| "[{\"a\":".repeat(depth) + "1" + &"}]".repeat(depth) + ",";
        for (depth, too_deep) in [(64, false), (65, true), (100_000, true)] {
            let (text, mut scan) = (nested(depth), Scan::default());
            assert_eq!(scan.feed(text.as_bytes()), Found::End(text.len() - 1));
            assert_eq!(scan.is_too_deep(), too_deep);
        }
    }
}
