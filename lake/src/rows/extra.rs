//! The column `extra`: a JSON object of what no other column of the row holds exactly.
//!
//! Names that begin with `lake:` are ours: `lake:elements` holds the entries of lists that have no row, by path and
//! position, `lake:absent` the paths of members that are absent where NULL stands for null. Members of the record whose
//! names begin like that get a second `lake:` in front.

use crate::json::{Value, quote};

pub(crate) const OWN_PREFIX: &str = "lake:";
pub(crate) const ELEMENTS: &str = "lake:elements";
pub(crate) const ABSENT: &str = "lake:absent";

#[derive(Debug, Default)]
pub(crate) struct Extra {
    own: String,
    /// Members of an object in the row's object, by its index; empty if the object is.
    objects: Vec<(usize, &'static str, String)>,
    absent: String,
    /// Entries without a row, by the path of their list.
    elements: Vec<(&'static str, String)>,
}

impl Extra {
    pub(crate) fn clear(&mut self) {
        self.own.clear();
        self.objects.clear();
        self.absent.clear();
        self.elements.clear();
    }

    /// Adds a member of the row's object whose name is known.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        add_quoted(&mut self.own, name, value);
    }

    /// Adds a member of an object in the row's object whose name is known.
    pub(crate) fn add_in(&mut self, object: (usize, &'static str), name: &str, value: &str) {
        add_quoted(self.object(object), name, value);
    }

    /// Adds a member of any name.
    pub(crate) fn add_other(&mut self, name: Value<'_>, value: &str) {
        match name.string() {
            Some(text) if text.as_str().starts_with(OWN_PREFIX) => {
                // With the name as it is written, which may hold what is not Unicode.
                let escaped = format!("\"{OWN_PREFIX}{}", &name.raw()[1..]);
                add_raw(&mut self.own, &escaped, value);
            }
            _ => add_raw(&mut self.own, name.raw(), value),
        }
    }

    pub(crate) fn add_other_in(
        &mut self,
        object: (usize, &'static str),
        name: Value<'_>,
        value: &str,
    ) {
        add_raw(self.object(object), name.raw(), value);
    }

    /// The members of an object, which is there even without any.
    pub(crate) fn object(&mut self, (index, name): (usize, &'static str)) -> &mut String {
        let known = self.objects.iter().position(|it| it.0 == index);
        let known = known.unwrap_or_else(|| {
            self.objects.push((index, name, String::new()));
            self.objects.len() - 1
        });
        &mut self.objects[known].2
    }

    pub(crate) fn has_object(&self, index: usize) -> bool {
        self.objects.iter().any(|it| it.0 == index)
    }

    pub(crate) fn add_absent(&mut self, path: &str) {
        separate(&mut self.absent);
        quote(path, &mut self.absent);
    }

    /// Adds an entry of a list; `name` is JSON: its position in quotation marks, or its name.
    pub(crate) fn add_element(&mut self, path: &'static str, name: &str, value: &str) {
        if self.elements.last().is_none_or(|(last, _)| *last != path) {
            self.elements.push((path, String::new()));
        }
        if let Some((_, members)) = self.elements.last_mut() {
            add_raw(members, name, value);
        }
    }

    /// The object, or `None` if it is empty.
    pub(crate) fn json(&mut self) -> Option<String> {
        for (_, name, members) in std::mem::take(&mut self.objects) {
            self.add(name, &format!("{{{members}}}"));
        }
        if !self.absent.is_empty() {
            let absent = format!("[{}]", self.absent);
            self.add(ABSENT, &absent);
        }
        let mut elements = String::new();
        for (path, members) in &self.elements {
            add_quoted(&mut elements, path, &format!("{{{members}}}"));
        }
        if !elements.is_empty() {
            self.add(ELEMENTS, &format!("{{{elements}}}"));
        }
        (!self.own.is_empty()).then(|| format!("{{{}}}", self.own))
    }
}

fn add_quoted(members: &mut String, name: &str, value: &str) {
    separate(members);
    quote(name, members);
    members.push(':');
    members.push_str(value);
}

fn add_raw(members: &mut String, name: &str, value: &str) {
    separate(members);
    members.push_str(name);
    members.push(':');
    members.push_str(value);
}

fn separate(members: &mut String) {
    if !members.is_empty() {
        members.push(',');
    }
}
