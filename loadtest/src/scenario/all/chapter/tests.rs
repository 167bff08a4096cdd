//! That the chapters are command lines that there are, and each has a name of its own.

use super::*;
use crate::command::CommandLine;
use clap::Parser;
use std::collections::BTreeSet;

fn parse(chapter: &Chapter, is_quick: bool) {
    let own: &[&str] = match chapter.needs {
        Needs::Binary => &["--binary", "/overtime"],
        Needs::Target => &["--target", "127.0.0.1:1"],
    };
    let page: &[&str] = match chapter.draws {
        Draws::Page => &["--html", "/page"],
        Draws::Nothing => &[],
    };
    let words = chapter.command_line(is_quick);
    let words = words.iter().map(String::as_str).chain(own.iter().copied());
    let words = ["loadtest"].into_iter().chain(words).chain(page.iter().copied());
    if let Err(error) = CommandLine::try_parse_from(words.chain(["--json"])) {
        panic!("{}: {error}", chapter.name);
    }
}

#[test]
fn every_chapter_is_a_command_line_that_there_is() {
    for chapter in CHAPTERS {
        parse(chapter, false);
        parse(chapter, true);
    }
}

#[test]
fn names_are_not_used_twice_and_the_short_form_overrules() {
    let names: BTreeSet<&str> = CHAPTERS.iter().map(|chapter| chapter.name).collect();
    assert_eq!(names.len(), CHAPTERS.len());
    let restart = CHAPTERS.iter().find(|chapter| chapter.name == "restart").unwrap();
    assert_eq!(restart.command_line(false), ["restart", "--tasks", "1000000"]);
    assert_eq!(restart.command_line(true), ["restart", "--tasks", "50000"]);
}
