//! Moments as people write them in their language.

use super::Language;

/// Words that one phrase has at most.
const PHRASE_MAX: usize = 3;

impl Language {
    /// A moment as people of this language write it, in the words of time expressions: `for 2 dager siden` is `2 days ago`. A text with a word
    /// that is not about time stays as it is: it may be the name of a mark.
    pub(in crate::face) fn moment(self, text: &str) -> String {
        let list = self.say("moment-words");
        let phrases: Vec<(&str, &str)> = list.split(", ").filter_map(|pair| pair.split_once('=')).collect();
        let lower = text.trim().to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let (mut out, mut at) = (Vec::new(), 0);
        while at < words.len() {
            let longest = (1..=PHRASE_MAX.min(words.len() - at)).rev().find_map(|n| {
                let said = words[at..at + n].join(" ");
                phrases.iter().find(|(phrase, _)| *phrase == said).map(|(_, meant)| (n, *meant))
            });
            match longest {
                Some((n, meant)) => {
                    out.push(meant);
                    at += n;
                }
                // Dates and clocks are the same in every language.
                None if words[at].starts_with(|c: char| c.is_ascii_digit() || c == '+') => {
                    out.push(words[at]);
                    at += 1;
                }
                None => return text.to_owned(),
            }
        }
        let plain: Vec<&str> = out.into_iter().filter(|word| !word.is_empty()).collect();
        if plain.is_empty() { text.to_owned() } else { plain.join(" ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Timestamp;
    use crate::model::moment::{Zone, parse};

    #[test]
    fn people_write_moments_in_their_own_words() {
        use Language::{Bokmal, English, Italian, Swedish};
        for (language, said, meant) in [
            (Bokmal, "for 2 dager siden", "2 days ago"),
            (Bokmal, "I går 14:00", "yesterday 14:00"),
            (Bokmal, "forrige fredag kl. 08:30", "last friday 08:30"),
            (Bokmal, "for en uke siden", "1 weeks ago"),
            (Swedish, "för 3 månader sedan", "3 months ago"),
            (Swedish, "igår kl 14:00", "yesterday 14:00"),
            (Swedish, "förra fredagen", "last friday"),
            (Italian, "2 giorni fa", "2 days ago"),
            (Italian, "ieri alle 14:00", "yesterday 14:00"),
            (Italian, "venerdì scorso", "last friday"),
            (Italian, "un'ora fa", "1 hours ago"),
        ] {
            assert_eq!(language.moment(said), meant, "{said}");
            let now = Timestamp(1_795_000_000_000_000);
            assert!(parse(meant, now, &Zone::utc()).is_ok(), "{meant}");
        }
        for (language, same) in [
            (English, "2 days ago"),
            (Bokmal, "2018-09-18 14:02 +02:00"),
            (Bokmal, "mark:før"),
            (Bokmal, "2 days ago"),
            (Italian, "seq:812"),
            (Swedish, "v7"),
            (Swedish, ""),
            (Bokmal, "for"),
        ] {
            assert_eq!(language.moment(same), same);
        }
    }
}
