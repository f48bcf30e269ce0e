//! People, phones, queues, divisions, and marker words of texts. All are invented, and distinctive enough that a match
//! in a log is never a coincidence.

use fastrand::Rng;

use super::ids::uuid;
use super::languages::{LANGUAGES, Language};
use super::random::pick;

#[derive(Clone)]
pub(crate) struct Directory {
    pub(crate) people: Vec<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) phones: Vec<String>,
    /// Each text contains one of these.
    pub(crate) markers: Vec<String>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) divisions: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) team: String,
    pub(crate) name: String,
}

#[derive(Clone)]
pub(crate) struct Queue {
    pub(crate) id: String,
    pub(crate) flow: String,
    pub(crate) language: &'static Language,
}

impl Directory {
    pub(crate) fn new(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed ^ 0xCA57);
        let people: Vec<_> = (0..PEOPLE).map(|number| name(rng, number)).collect();
        Self {
            emails: (0..PEOPLE)
                .map(|number| {
                    format!(
                        "{}.{number:04}@quillpost.example",
                        syllables(rng, 4).to_lowercase()
                    )
                })
                .collect(),
            phones: (0..PHONES)
                .map(|number| format!("+1202555{:04}", 100 + number))
                .collect(),
            markers: (0..MARKERS)
                .map(|number| format!("{}-zq{number:04}", syllables(rng, 4).to_lowercase()))
                .collect(),
            agents: people[..AGENTS]
                .iter()
                .map(|name| Agent {
                    id: uuid(rng),
                    team: uuid(rng),
                    name: name.clone(),
                })
                .collect(),
            queues: LANGUAGES
                .iter()
                .map(|language| Queue {
                    id: uuid(rng),
                    flow: uuid(rng),
                    language,
                })
                .collect(),
            divisions: (0..DIVISIONS).map(|_| uuid(rng)).collect(),
            people,
        }
    }

    pub(crate) fn planted(&self) -> Vec<String> {
        [&self.people, &self.emails, &self.phones, &self.markers]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// A sentence in this language with a marker in it, sometimes with personal data as well.
    pub(crate) fn text(&self, rng: &mut Rng, language: &Language) -> String {
        let sentence = pick(rng, &language.texts);
        let marker = pick(rng, &self.markers);
        match rng.u8(..8) {
            0 => format!("{sentence} {marker} {}", pick(rng, &self.emails)),
            1 => format!("{sentence} ☎ {} {marker}", pick(rng, &self.phones)),
            2 => format!("{marker} 🚚 {sentence} — {}", pick(rng, &self.people)),
            _ => format!("{sentence} {marker}"),
        }
    }

    pub(crate) fn customer<'a>(&'a self, rng: &mut Rng) -> &'a str {
        pick::<String>(rng, &self.people[AGENTS..])
    }
}

/// Few enough for a test to search for each of them, enough for records to differ.
const PEOPLE: usize = 240;
const AGENTS: usize = 40;
const PHONES: usize = 60;
const MARKERS: usize = 80;
const DIVISIONS: usize = 5;

/// No syllable is a name or a word by itself, and no combination is hexadecimal.
const SYLLABLES: [&str; 16] = [
    "Zor", "quil", "Vex", "lumi", "Thra", "nox", "Øly", "wisk", "Jüv", "morv", "Yps", "tral",
    "Škw", "pell", "Gwy", "rún",
];

fn name(rng: &mut Rng, number: usize) -> String {
    format!("{} {}-{number:04}", syllables(rng, 2), syllables(rng, 3))
}

fn syllables(rng: &mut Rng, count: usize) -> String {
    let mut word: String = (0..count)
        .map(|_| pick(rng, &SYLLABLES).to_lowercase())
        .collect();
    if let Some(first) = word.chars().next() {
        word.replace_range(..first.len_utf8(), &first.to_uppercase().to_string());
    }
    word
}
