//! The recovery card: one page for a drawer, with which somebody who has never seen this site brings it back.

use zeroize::Zeroizing;

use crate::base::error::Result;
use crate::base::id::SiteId;
use crate::storage::remote::{RCLONE_OLDEST, RemoteUrl};

use super::store::Store;

/// A place where a copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Its name in the configuration.
    pub name: String,
    /// Its address, without passwords.
    pub address: String,
    /// Where that is under the law, as far as the configuration says.
    pub region: String,
    /// What fails together with it, as far as the configuration says.
    pub domain: String,
}

/// A step on the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done, in a sentence.
    pub what: String,
    /// The commands, each a line.
    pub commands: Vec<String>,
}

/// All that stands on the card.
#[derive(Clone)]
pub struct Card {
    /// What people call the site.
    pub site: String,
    /// Its id.
    pub site_id: SiteId,
    /// Eight bytes that stand on the recovery sheet and in the key file: which key it is.
    pub fingerprint: [u8; 8],
    /// Who is called.
    pub contact: Option<String>,
    /// Where the copies are.
    pub copies: Vec<Copy>,
    /// The way back.
    pub steps: Vec<Step>,
    /// When the card was made, in words.
    pub date: String,
    /// The recovery sheet, where it was asked for. Whoever has it can read everything.
    pub sheet: Option<Zeroizing<String>>,
}

impl Store {
    /// The recovery card. `date` is printed as it is. Without the secret it may lie in any drawer; with it, it is the key.
    pub fn recovery_card(&self, date: &str, with_secret: bool) -> Result<Card> {
        let config = self.config();
        let mut copies = Vec::new();
        for remote in &config.remotes {
            copies.push(Copy {
                name: remote.name.clone(),
                address: RemoteUrl::parse(&remote.url)?.to_string(),
                region: remote.region.clone().unwrap_or_default(),
                domain: remote.domain.clone().unwrap_or_default(),
            });
        }
        Ok(Card {
            site: config.store.site.clone().unwrap_or_default(),
            site_id: self.site(),
            fingerprint: self.key_info()?.fingerprint,
            contact: config.store.contact.clone(),
            steps: steps(&copies),
            copies,
            date: date.to_owned(),
            sheet: with_secret.then(|| self.recovery_sheet(date)).transpose()?,
        })
    }
}

fn steps(copies: &[Copy]) -> Vec<Step> {
    let step = |what: &str, commands: &[String]| Step { what: what.to_owned(), commands: commands.to_vec() };
    let far: Vec<&str> = copies.iter().filter_map(|c| c.address.strip_prefix("rclone:")).map(|a| a.split([':', ',']).next().unwrap_or(a)).collect();
    let mut steps = vec![step("Install Annals on a machine with enough room.", &["annals version".into()])];
    if let Some(first) = far.first() {
        let (major, minor) = RCLONE_OLDEST;
        let what = format!("Install rclone {major}.{minor} or newer, and set up access under the same names: {}.", far.join(", "));
        steps.push(step(&what, &["rclone config".into(), format!("rclone lsd {first}:")]));
    }
    let from = |copy: &Copy| format!("annals rebuild --from '{}' --into ./store --sheet sheet.txt", copy.address.replace('\'', "'\\''"));
    let what = match copies.len() {
        0 => "No copy is configured: there is nothing to come back from but this disk.",
        1 => "Type the recovery sheet into sheet.txt (or take a copy of annals.key with --key), and rebuild.",
        _ => "Type the recovery sheet into sheet.txt (or take a copy of annals.key with --key), and rebuild from the first of these that answers.",
    };
    steps.push(step(what, &copies.iter().map(from).collect::<Vec<_>>()));
    if !copies.is_empty() {
        let commands = ["annals -C ./store verify --full", "annals -C ./store status", "annals -C ./store ls"].map(str::to_owned);
        steps.push(step("Look whether it is all there.", &commands));
        let commands = ["annals -C ./store restore --into ./documents", "annals -C ./store agent install"].map(str::to_owned);
        steps.push(step("Bring the documents back, and let the agent go on.", &commands));
    }
    steps
}

impl Card {
    /// The fingerprint as it stands on the sheet: `1234 5678 9abc def0`.
    pub fn fingerprint_text(&self) -> String {
        self.fingerprint.chunks(2).map(|pair| format!("{:02x}{:02x}", pair[0], pair[1])).collect::<Vec<_>>().join(" ")
    }

    /// Whom to call, in words.
    pub fn contact_text(&self) -> &str {
        self.contact.as_deref().unwrap_or("(nobody: write contact = \"...\" into [store] of annals.toml)")
    }

    /// The card as a page of HTML that prints on one sheet of paper.
    pub fn html(&self) -> Zeroizing<String> {
        let e = escaped;
        let mut copies = String::new();
        for copy in &self.copies {
            let cells = [&copy.name, &copy.address, &copy.region, &copy.domain].map(|cell| format!("<td>{}</td>", e(cell)));
            copies.push_str(&format!("<tr>{}</tr>\n", cells.concat()));
        }
        let mut steps = String::new();
        for step in &self.steps {
            let commands: Vec<String> = step.commands.iter().map(|command| e(command)).collect();
            steps.push_str(&format!("<li>{}<pre>{}</pre></li>\n", e(&step.what), commands.join("\n")));
        }
        let sheet = match &self.sheet {
            None => "<p>The secret is not on this card. It is on the recovery sheet, which is kept elsewhere.</p>".to_owned(),
            Some(sheet) => format!("<h2>The secret. Whoever has this page can read everything.</h2>\n<pre>{}</pre>", e(sheet)),
        };
        Zeroizing::new(format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Recovery card of {site}</title>\n<style>{STYLE}</style>\n\
             <h1>Recovery card: {site}</h1>\n<dl><dt>Site id<dd><code>{id}</code><dt>Key<dd><code>{key}</code>\n\
             <dt>Call<dd>{call}<dt>Made<dd>{made}</dl>\n\
             <h2>Where the copies are</h2>\n<table><thead><tr><th>Name<th>Address<th>Region<th>Fails with</thead>\n<tbody>{copies}</tbody></table>\n\
             <h2>The way back</h2>\n<ol>\n{steps}</ol>\n{sheet}\n</html>\n",
            site = e(&self.site),
            id = self.site_id,
            key = self.fingerprint_text(),
            call = e(self.contact_text()),
            made = e(&self.date),
        ))
    }

    /// The card as plain text, lines of at most 78 columns where the values allow it.
    pub fn text(&self) -> Zeroizing<String> {
        let mut out = String::new();
        let mut line = |text: &str| {
            out.push_str(text.trim_end());
            out.push('\n');
        };
        let rule = "=".repeat(78);
        line(&rule);
        line(&format!("RECOVERY CARD   {}", self.site));
        line(&rule);
        line(&format!("Site id         {}", self.site_id));
        line(&format!("Key             {}", self.fingerprint_text()));
        line(&format!("Call            {}", self.contact_text()));
        line(&format!("Made            {}", self.date));
        line("");
        line("WHERE THE COPIES ARE");
        for copy in &self.copies {
            let place: Vec<&str> = [copy.region.as_str(), copy.domain.as_str()].into_iter().filter(|word| !word.is_empty()).collect();
            line(&format!("  {:<14}{}", copy.name, copy.address));
            if !place.is_empty() {
                line(&format!("  {:<14}{}", "", place.join(", ")));
            }
        }
        if self.copies.is_empty() {
            line("  nowhere");
        }
        line("");
        line("THE WAY BACK");
        for (n, step) in self.steps.iter().enumerate() {
            for (at, words) in wrapped(&step.what, 72).iter().enumerate() {
                line(&format!("  {} {words}", if at == 0 { format!("{}.", n + 1) } else { "  ".into() }));
            }
            step.commands.iter().for_each(|command| line(&format!("       {command}")));
        }
        line("");
        line(match self.sheet {
            None => "The secret is not on this card. It is on the recovery sheet, which is kept\nelsewhere (annals key show --sheet prints it).",
            Some(_) => "THE SECRET FOLLOWS. Whoever has this page can read everything.",
        });
        if let Some(sheet) = &self.sheet {
            line("");
            line(sheet);
        }
        Zeroizing::new(out)
    }
}

/// How the page looks: black on white, nothing that a printer would lose.
const STYLE: &str = "@page{size:A4;margin:18mm}body{font:11pt/1.4 sans-serif;max-width:46em;margin:2em auto;color:#000;background:#fff}\
h1{border-bottom:3px solid}h2{font-size:1.1em;margin-top:1.4em}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2em 1em}dd{margin:0}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid;padding:.2em .5em;text-align:left;overflow-wrap:anywhere}\
pre{background:#eee;padding:.4em .6em;white-space:pre-wrap;overflow-wrap:anywhere;break-inside:avoid}li{break-inside:avoid}";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Words in lines of at most so many columns.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + 1 + word.chars().count() > columns {
            lines.push(word.to_owned());
        } else {
            if !lines[last].is_empty() {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::config::Config;

    #[test]
    fn the_card_has_the_way_back_and_the_secret_only_when_it_is_asked_for() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("store");
        drop(Store::init(&path, "clinic-17").expect("init"));
        let text = "[store]\nsite = \"clinic-17\"\ncontact = \"Ingrid, 555 01\"\n[[remote]]\nname = \"far\"\nrclone = \":sftp,host=x,pass=hunter2:hist\"\n\
                    [[remote]]\nname = \"usb\"\ndirectory = \"/media/it's\"\nregion = \"no\"\n";
        std::fs::write(path.join("annals.toml"), text).expect("written");
        assert_eq!(Config::parse(text).expect("config").remotes.len(), 2);
        let store = Store::open(&path).expect("open");
        let card = store.recovery_card("today", false).expect("card");
        let text = card.text();
        let sheet = store.recovery_sheet("today").expect("sheet");
        let secret: Vec<&str> = sheet.lines().filter(|line| line.contains("  ") && line.chars().filter(char::is_ascii_digit).count() > 8).collect();
        for wanted in [
            "clinic-17",
            "Ingrid, 555 01",
            "rclone 1.60 or newer",
            "annals rebuild --from 'dir:/media/it'\\''s' --into ./store --sheet sheet.txt",
            "kept\nelsewhere",
        ] {
            assert!(text.contains(wanted), "{wanted}: {}", *text);
        }
        assert!(!text.contains("hunter2"), "passwords of addresses stay out: {}", *text);
        assert!(text.contains(&card.fingerprint_text()) && sheet.contains(&card.fingerprint_text()), "it names the key that the sheet is of");
        assert!(store.sheet_shown().expect("fact").is_some());
        let with = store.recovery_card("today", true).expect("card").text();
        assert!(with.contains(sheet.as_str()) && !text.contains(sheet.as_str()), "{}", *with);
        assert!(secret.iter().all(|line| with.contains(*line)));
        let html = store.recovery_card("<today>", false).expect("card").html();
        assert!(
            html.contains("&lt;today&gt;") && !html.contains("<today>") && html.contains("dir:/media/it's") && !html.contains("hunter2"),
            "{}",
            *html
        );
        assert!(store.recovery_card("today", true).expect("card").html().contains("Whoever has this page"));
        assert!(text.lines().count() < 60 && text.lines().all(|line| line.chars().count() <= 90), "one page: {}", *text);
    }
}
