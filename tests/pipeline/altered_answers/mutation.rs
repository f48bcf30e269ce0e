//! One change at one position of a JSON text, drawn from a generator. Works on bytes, because JSON libraries cannot
//! write most of the results.

use std::ops::Range;

use fastrand::Rng;

use super::json::{Node, Shape, parse};
use super::values::{other_value, other_value_than};

/// A changed text, and a description of the change.
#[derive(Clone, Debug)]
pub(super) struct Mutation {
    pub(super) body: Vec<u8>,
    pub(super) description: String,
}

/// Position of a value in the document. Mutations draw the depth first, because nearly all values of a page are deep
/// inside its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// A member or an element of the root.
    Top,
    /// An element of a list that is a member of the root.
    Element,
    /// A member of such an element.
    InElement,
    Deeper,
}

/// A member of an object or an element of a list, with its position.
struct Slot {
    path: String,
    depth: Depth,
    /// Name of a member, including its quotes.
    name: Option<Range<usize>>,
    value: Node,
    index: usize,
    /// Spans of all members or elements of the same object or list.
    siblings: std::rc::Rc<[Range<usize>]>,
}

/// Changes one member or element; `None` when there is none.
pub(super) fn mutate(body: &[u8], rng: &mut Rng) -> Option<Mutation> {
    let slots = slots(&parse(body)?, body);
    let depth = match rng.u8(..100) {
        0..40 => Depth::Top,
        40..65 => Depth::Element,
        65..85 => Depth::InElement,
        _ => Depth::Deeper,
    };
    let slots_at_depth: Vec<&Slot> = slots.iter().filter(|slot| slot.depth == depth).collect();
    let slot = match rng.choice(&slots_at_depth) {
        Some(slot) => *slot,
        None => rng.choice(&slots)?,
    };
    let (change, body) = slot.change(body, rng);
    Some(Mutation {
        body,
        description: format!("{change} {}", slot.path),
    })
}

impl Slot {
    fn change(&self, body: &[u8], rng: &mut Rng) -> (String, Vec<u8>) {
        let value = self.value.span.clone();
        match rng.u8(..100) {
            0..25 => ("drop".to_owned(), splice(body, self.span_with_comma(), b"")),
            25..35 => ("null".to_owned(), splice(body, value, b"null")),
            35..70 => {
                let (other, name) = other_value(&body[value.clone()], &self.value.shape, rng);
                (format!("set to {name}:"), splice(body, value, &other))
            }
            70..80 => {
                let copy = body[self.span()].to_vec();
                ("duplicate".to_owned(), self.insert_after(body, &copy))
            }
            80..90 => self.add_contradiction(body, rng),
            _ if self.siblings.len() > 1 => self.swap(body, rng),
            _ => ("null".to_owned(), splice(body, value, b"null")),
        }
    }

    fn span(&self) -> Range<usize> {
        self.siblings[self.index].clone()
    }

    /// The span together with the comma that is removed with it.
    fn span_with_comma(&self) -> Range<usize> {
        let span = self.span();
        match (self.siblings.get(self.index + 1), self.index) {
            (Some(next), _) => span.start..next.start,
            (None, 0) => span,
            (None, index) => self.siblings[index - 1].end..span.end,
        }
    }

    fn insert_after(&self, body: &[u8], copy: &[u8]) -> Vec<u8> {
        let end = self.span().end;
        splice(body, end..end, &[b",", copy].concat())
    }

    /// Repeats the member or element with another value, before or after it.
    fn add_contradiction(&self, body: &[u8], rng: &mut Rng) -> (String, Vec<u8>) {
        let value = &body[self.value.span.clone()];
        let (other, other_name) = other_value_than(value, &self.value.shape, rng);
        let name = self.name.clone().map_or(&b""[..], |name| &body[name]);
        let colon: &[u8] = if self.name.is_some() { b":" } else { b"" };
        let copy = [name, colon, &other].concat();
        if rng.bool() {
            let description = format!("add {other_name} after");
            return (description, self.insert_after(body, &copy));
        }
        let start = self.span().start;
        let description = format!("add {other_name} before");
        (
            description,
            splice(body, start..start, &[&copy, &b","[..]].concat()),
        )
    }

    fn swap(&self, body: &[u8], rng: &mut Rng) -> (String, Vec<u8>) {
        let other = (self.index + rng.usize(1..self.siblings.len())) % self.siblings.len();
        let (first, second) = (self.index.min(other), self.index.max(other));
        let [first, second] = [first, second].map(|index| self.siblings[index].clone());
        let swapped = [
            &body[..first.start],
            &body[second.clone()],
            &body[first.end..second.start],
            &body[first],
            &body[second.end..],
        ];
        ("swap with another".to_owned(), swapped.concat())
    }
}

pub(super) fn splice(body: &[u8], range: Range<usize>, with: &[u8]) -> Vec<u8> {
    [&body[..range.start], with, &body[range.end..]].concat()
}

fn slots(root: &Node, body: &[u8]) -> Vec<Slot> {
    let mut slots = Vec::new();
    collect(root, body, "", &mut slots, Depth::Top);
    slots
}

fn collect(node: &Node, body: &[u8], path: &str, slots: &mut Vec<Slot>, depth: Depth) {
    match &node.shape {
        Shape::Object(members) => {
            let siblings = members.iter().map(super::json::Member::span).collect();
            for (index, member) in members.iter().enumerate() {
                let name = String::from_utf8_lossy(&body[member.name.clone()]);
                let path = format!("{path}.{}", name.trim_matches('"'));
                let below = match (depth, &member.value.shape) {
                    (Depth::Top, Shape::List(_)) => Depth::Element,
                    (Depth::Top, _) => Depth::InElement,
                    _ => Depth::Deeper,
                };
                collect(&member.value, body, &path, slots, below);
                slots.push(Slot {
                    path,
                    depth,
                    name: Some(member.name.clone()),
                    value: member.value.clone(),
                    index,
                    siblings: std::rc::Rc::clone(&siblings),
                });
            }
        }
        Shape::List(elements) => {
            let siblings = elements
                .iter()
                .map(|element| element.span.clone())
                .collect();
            // If the root is a list, its elements have the depth of elements.
            let depth = if depth == Depth::Top {
                Depth::Element
            } else {
                depth
            };
            let below = if depth == Depth::Element {
                Depth::InElement
            } else {
                Depth::Deeper
            };
            for (index, element) in elements.iter().enumerate() {
                let path = format!("{path}[{index}]");
                collect(element, body, &path, slots, below);
                slots.push(Slot {
                    path,
                    depth,
                    name: None,
                    value: element.clone(),
                    index,
                    siblings: std::rc::Rc::clone(&siblings),
                });
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"list":[{"id":"a","n":1},{"id":"b","n":2}],"next":"x"}"#;

    #[test]
    fn the_same_seed_makes_the_same_change() {
        for seed in 0..50 {
            let change = || mutate(BODY, &mut Rng::with_seed(seed)).expect("a change");

            assert_eq!(change().body, change().body);
        }
    }

    #[test]
    fn every_kind_of_change_is_made_at_every_depth() {
        let changes: Vec<_> = (0..3_000)
            .filter_map(|seed| mutate(BODY, &mut Rng::with_seed(seed)))
            .collect();

        for kind in ["drop", "null", "set to", "duplicate", "add", "swap"] {
            for path in [".list", ".next", ".list[1]", ".list[0].id"] {
                let is_made = |change: &&Mutation| {
                    change.description.starts_with(kind) && change.description.ends_with(path)
                };
                let made = changes.iter().find(is_made);
                assert!(made.is_some_and(|it| it.body != BODY), "{kind} {path}");
            }
        }
    }

    #[test]
    fn dropping_a_member_leaves_valid_json() {
        let is_dropped = |change: &Mutation| change.description.starts_with("drop");
        let changes = (0..1_000).filter_map(|seed| mutate(BODY, &mut Rng::with_seed(seed)));

        for change in changes.filter(is_dropped) {
            assert!(parse(&change.body).is_some(), "{}", change.description);
        }
    }
}
