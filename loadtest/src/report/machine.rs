//! Where and how a run was made: its command line, the processors, the memory, the kernel. Paths
//! are told by their last part, since the rest is nobody's business.

use std::path::Path;

/// The command line of this very run.
pub(super) fn command() -> String {
    let words: Vec<String> = std::env::args().map(|word| quote(&short(&word))).collect();
    words.join(" ")
}

/// A path by its name.
fn short(word: &str) -> String {
    let path = Path::new(word);
    match path.file_name() {
        Some(name) if path.is_absolute() => name.to_string_lossy().into_owned(),
        _ => word.to_owned(),
    }
}

fn quote(word: &str) -> String {
    if word.contains(' ') { format!("'{word}'") } else { word.to_owned() }
}

/// The machine in a sentence.
pub(super) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let model = field(&read("/proc/cpuinfo"), "model name").unwrap_or("unknown model".into());
    let kilobytes: f64 = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|value| value.strip_suffix("kB")?.trim().parse().ok())
        .unwrap_or(0.0);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{processors} processors ({model}), {:.0} GB of memory, Linux {}. Server, load and floors \
         share them.",
        kilobytes / 1e6,
        kernel.trim()
    )
}

fn field(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_what_stands_behind_its_colon() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n";
        assert_eq!(field(text, "model name").as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(field(text, "missing"), None);
    }

    #[test]
    fn paths_are_told_by_their_names() {
        assert_eq!(short("/a/b/overtime"), "overtime");
        assert_eq!(short("target/release/loadtest"), "target/release/loadtest");
        assert_eq!(quote("two words"), "'two words'");
    }
}
