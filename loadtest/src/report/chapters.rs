//! A page of several chapters: a table of contents in front, and in each chapter what another page
//! would have shown alone.

use super::Page;
use super::canvas::escape;

/// What the contents say of a chapter.
#[derive(Clone, Debug)]
pub struct ChapterHead {
    /// Its name, which needs no escape.
    pub name: String,
    /// What it answers.
    pub question: String,
    /// What came of it, in a word that is a class of the style sheet too.
    pub outcome: &'static str,
    /// How many bars were met.
    pub bars: String,
    /// How long it took.
    pub span: String,
}

impl Page {
    /// The table of contents: parts with their chapters. A part without any is left out.
    pub fn contents<const N: usize>(&mut self, parts: [(&str, Vec<ChapterHead>); N]) {
        self.main.push_str("<nav class=\"contents\">\n");
        for (title, chapters) in parts.iter().filter(|(_, chapters)| !chapters.is_empty()) {
            self.add(format_args!("<h2>{}</h2>\n<table><tbody>\n", escape(title)));
            for ChapterHead { name, question, outcome, bars, span } in chapters {
                self.add(format_args!(
                    "<tr><td><a href=\"#{name}\">{name}</a></td><td>{}</td>\
                     <td><b class=\"outcome {outcome}\">{outcome}</b></td><td>{bars}</td>\
                     <td>{span}</td></tr>\n",
                    escape(question)
                ));
            }
            self.main.push_str("</tbody></table>\n");
        }
        self.main.push_str("</nav>\n");
    }

    /// The title of several chapters.
    pub fn part(&mut self, title: &str) {
        self.add(format_args!("<h2 class=\"part\">{}</h2>\n", escape(title)));
    }

    /// A chapter begins, with what was typed for it.
    pub fn begin_chapter(&mut self, head: &ChapterHead, command: &str) {
        let ChapterHead { name, question, outcome, .. } = head;
        self.add(format_args!(
            "<article id=\"{name}\"><header class=\"chapter\"><p><code>{}</code>\
             <b class=\"outcome {outcome}\">{outcome}</b></p><h2>{}</h2></header>\n",
            escape(command),
            escape(question)
        ));
    }

    /// A sentence on its own.
    pub fn note(&mut self, text: &str) {
        self.add(format_args!("<p class=\"note\">{}</p>\n", escape(text)));
    }

    /// What another page shows: a [`fragment`] of it.
    pub fn drawn(&mut self, fragment: &str) {
        self.main.push_str(fragment);
    }

    /// The chapter ends.
    pub fn end_chapter(&mut self) {
        self.main.push_str("<p class=\"top\"><a href=\"#top\">back to the top</a></p></article>\n");
    }
}

/// What a page shows between its title and how to repeat it, to be shown within another page; none if
/// it is no page of ours.
pub fn fragment(html: &str) -> Option<String> {
    let (_, rest) = html.split_once("<main>\n")?;
    let (shown, _) = rest.split_once("<footer>")?;
    // A chapter's title stands below the page's.
    Some(shown.replace("<h1>", "<h3>").replace("</h1>", "</h3>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_what_a_page_shows() {
        let mut page = Page::new("A <title>", "A story.");
        page.table(&["a"], &[vec!["1".into()]]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        page.write(&path).unwrap();
        let fragment = fragment(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(fragment.starts_with("<header><h3>A &lt;title&gt;</h3>"), "{fragment}");
        assert!(fragment.contains("<td>1</td>") && !fragment.contains("footer"));
        assert_eq!(super::fragment("<html></html>"), None);
    }
}
