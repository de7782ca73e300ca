//! The words of the pages in each language: Fluent messages (<https://projectfluent.org>) in files that translators can edit, embedded in
//! the program. A message that a language lacks is shown in English; a test sees to it that none is lacking.

mod moments;

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// What stands for a variable of a message.
pub(in crate::face) type Variable<'a> = FluentValue<'a>;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::face) enum Language {
    #[default]
    English,
    Bokmal,
    Swedish,
    Italian,
}

/// All of them, in the order of the choice.
pub(in crate::face) const LANGUAGES: [Language; 4] = [Language::English, Language::Bokmal, Language::Swedish, Language::Italian];

const SOURCES: [&str; 4] = [include_str!("en.ftl"), include_str!("nb.ftl"), include_str!("sv.ftl"), include_str!("it.ftl")];

static BUNDLES: LazyLock<Vec<FluentBundle<FluentResource>>> = LazyLock::new(|| LANGUAGES.into_iter().map(bundle).collect());

fn bundle(language: Language) -> FluentBundle<FluentResource> {
    let id: LanguageIdentifier = language.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Directions are isolated by the page's elements, not by invisible characters in its text.
    bundle.set_use_isolating(false);
    // What can be read of a file with a slip in it is used; the test names the slip.
    let resource = FluentResource::try_new(SOURCES[language as usize].to_owned()).unwrap_or_else(|(readable, _)| readable);
    bundle.add_resource_overriding(resource);
    bundle
}

impl Language {
    /// The tag of BCP 47, as in `lang=`.
    pub(in crate::face) fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Bokmal => "nb",
            Language::Swedish => "sv",
            Language::Italian => "it",
        }
    }

    /// Its own name.
    pub(in crate::face) fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Bokmal => "Norsk bokmål",
            Language::Swedish => "Svenska",
            Language::Italian => "Italiano",
        }
    }

    /// The language of a tag; Norwegian without a form is Bokmål.
    pub(in crate::face) fn of(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Language::English),
            "nb" | "no" | "nn" => Some(Language::Bokmal),
            "sv" => Some(Language::Swedish),
            "it" => Some(Language::Italian),
            _ => None,
        }
    }

    /// The first language that a browser asks for and that we have (`Accept-Language`, RFC 9110). Order is taken as preference.
    pub(in crate::face) fn wanted(header: &str) -> Option<Self> {
        header.split(',').filter_map(|part| Self::of(part.split(';').next()?.trim())).next()
    }

    /// The message called `id`.
    pub(in crate::face) fn say(self, id: &str) -> Cow<'static, str> {
        self.say_with(id, &[])
    }

    /// The message for a code of an error, `area.what`: its own, or that of its area; nothing where there are no words for it.
    pub(in crate::face) fn say_of_code(self, message: &str, code: &str) -> Option<Cow<'static, str>> {
        let area = code.split('.').next().unwrap_or_default();
        [code, area].into_iter().filter(|part| !part.is_empty()).find_map(|part| {
            let id = format!("{message}-{}", part.replace(['.', '_'], "-"));
            let said = self.say(&id);
            (said != id).then_some(said)
        })
    }

    /// The message called `id` with its variables.
    pub(in crate::face) fn say_with(self, id: &str, with: &[(&'static str, Variable<'_>)]) -> Cow<'static, str> {
        let mut args = FluentArgs::with_capacity(with.len());
        for (name, value) in with {
            args.set(*name, value.clone());
        }
        [self, Language::English].into_iter().find_map(|language| format(language, id, &args)).unwrap_or_else(|| Cow::Owned(id.to_owned()))
    }
}

fn format(language: Language, id: &str, args: &FluentArgs<'_>) -> Option<Cow<'static, str>> {
    let bundle = &BUNDLES[language as usize];
    let pattern = bundle.get_message(id)?.value()?;
    // A variable that is not given is shown by its name.
    let mut errors = Vec::new();
    Some(Cow::Owned(bundle.format_pattern(pattern, Some(args), &mut errors).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The messages of a source, each with the variables that it names.
    fn messages(source: &str) -> BTreeMap<String, Vec<String>> {
        let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in source.lines().filter(|l| !l.starts_with('#')) {
            if let Some((id, _)) = line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase())) {
                current = id.to_owned();
                assert!(out.insert(current.clone(), Vec::new()).is_none(), "{current} stands twice");
            }
            for part in line.split('$').skip(1) {
                let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
                if let Some(names) = out.get_mut(&current).filter(|names| !names.contains(&name)) {
                    names.push(name);
                }
            }
        }
        out.values_mut().for_each(|names| names.sort());
        out
    }

    #[test]
    fn every_language_has_every_message_with_the_same_variables() {
        let english = messages(SOURCES[0]);
        assert!(english.len() > 20);
        for (language, source) in LANGUAGES.into_iter().zip(SOURCES) {
            let slip = FluentResource::try_new(source.to_owned()).err().map(|(_, errors)| errors);
            assert!(slip.is_none(), "{}: {slip:?}", language.tag());
            assert_eq!(messages(source), english, "{}", language.tag());
        }
    }

    #[test]
    fn the_language_is_the_first_that_we_have() {
        assert_eq!(Language::wanted("de-DE, nn;q=0.8, en;q=0.5"), Some(Language::Bokmal));
        assert_eq!(Language::wanted("sv-SE,sv;q=0.9"), Some(Language::Swedish));
        assert_eq!(Language::wanted("xx, *"), None);
    }

    #[test]
    fn counts_have_their_forms() {
        assert_eq!(Language::English.say_with("count-changes", &[("n", 1.into())]), "1 change");
        assert_eq!(Language::English.say_with("count-changes", &[("n", 4.into())]), "4 changes");
        assert_eq!(Language::Bokmal.say_with("count-changes", &[("n", 4.into())]), "4 endringer");
        assert_eq!(Language::English.say("no-such-message"), "no-such-message");
    }
}
