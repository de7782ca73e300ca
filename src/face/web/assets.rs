//! What pages load: style, script and sign, inside the program. They are written to be read and served small, so that a page with all it loads
//! stays light on a thin line.

use std::sync::LazyLock;

/// The sign of the pages.
pub(super) const SIGN: &str = include_str!("favicon.svg");
/// The style of all pages.
pub(super) static STYLE: LazyLock<String> = LazyLock::new(|| small_style(include_str!("style.css")));
/// The script of all pages.
pub(super) static SCRIPT: LazyLock<String> = LazyLock::new(|| small_script(include_str!("script.js")));

/// The style of pages about work, beside that of all pages.
pub(super) static WORKS_STYLE: LazyLock<String> = LazyLock::new(|| small_style(include_str!("works.css")));
/// Their script.
pub(super) static WORKS_SCRIPT: LazyLock<String> = LazyLock::new(|| small_script(include_str!("works.js")));

/// CSS without comments and without the blanks that mean nothing. Strings stay as they are.
fn small_style(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let (mut rest, mut blank) = (source, false);
    while let Some(c) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.find("*/").map_or("", |end| &comment[end + 2..]);
            continue;
        }
        if c.is_ascii_whitespace() {
            blank = true;
            rest = &rest[1..];
            continue;
        }
        // Before a colon a blank may mean "any below": `a :hover`.
        if blank && !out.is_empty() && !out.ends_with(['{', '}', ';', ':', ',', '>']) && !matches!(c, '{' | '}' | ';' | ',' | '>') {
            out.push(' ');
        }
        blank = false;
        let length = match c {
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            c => c.len_utf8(),
        };
        if c == '}' && out.ends_with(';') {
            out.pop();
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// A script without the lines that are comments, and without indentation. No text in our scripts goes over several lines.
fn small_script(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for line in source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")) {
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_stays() {
        let style = "/* a */\na :hover,\nb > c { color: red; inline-size: calc(100% + 1rem); }\n.x::before { content: \": /* \"; }\n@media (a: b) and (c) { d { e: f } }";
        let want = "a :hover,b>c{color:red;inline-size:calc(100% + 1rem)}.x::before{content:\": /* \"}@media (a:b) and (c){d{e:f}}";
        assert_eq!(small_style(style), want);
        assert_eq!(small_script("// why\nif (a) {\n  b(\"// c\"); // d\n}\n\n"), "if (a) {\nb(\"// c\"); // d\n}\n");
    }

    #[test]
    fn our_own_lose_nothing_but_what_they_may() {
        let count = |text: &str, what: char| text.matches(what).count();
        for (small, sources) in [(&STYLE, include_str!("style.css")), (&WORKS_STYLE, include_str!("works.css"))] {
            for what in ['{', '}', '(', '"'] {
                let commented: usize = sources.split("/*").skip(1).map(|rest| count(rest.split("*/").next().unwrap_or_default(), what)).sum();
                assert_eq!(count(small, what) + commented, count(sources, what), "{what}");
            }
        }
        for script in [&SCRIPT, &WORKS_SCRIPT] {
            assert!(!script.lines().any(|line| count(line, '`') % 2 == 1), "a text over several lines");
        }
    }
}
