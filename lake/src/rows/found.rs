//! The members of a row's object by their place in the row, each the last one of its name.

use std::borrow::Cow;
use std::collections::HashSet;

use super::level::{Level, Slot};
use crate::cell::{Cell, Fit, Writing};
use crate::json::{Decoded, Kind, Value};
use crate::schema::{Spelling, TableName, Type};

/// Values are positions in the record's text.
#[derive(Debug, Default)]
pub(crate) struct Found {
    columns: Vec<Option<u32>>,
    lists: Vec<Option<u32>>,
    objects: Vec<Option<u32>>,
    pub(crate) id: Option<u32>,
    pub(crate) others: Vec<Other>,
    queues: Queues,
}

/// A member that has no column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Other {
    /// The object in the row's object that holds it.
    pub(crate) object: Option<usize>,
    pub(crate) name: u32,
    pub(crate) value: u32,
}

/// The queues of a session.
#[derive(Debug, Default)]
struct Queues {
    /// Start of each segment with a queue, and the queue.
    by_start: Vec<(i64, u32)>,
    /// The queue of the first segment that has one.
    first: Option<u32>,
}

impl Found {
    /// Replaces what was found in another object.
    pub(crate) fn read(&mut self, level: &Level, row: Value<'_>) {
        self.clear(level);
        for (name, value) in row.members() {
            self.keep(level.slot(name), None, name, value);
        }
        for (index, object) in level.objects.iter().enumerate() {
            let members = self.object(row, index);
            for (name, value) in members.into_iter().flat_map(Value::members) {
                self.keep(object.slot(name), Some(index), name, value);
            }
        }
        if self.others.len() > 1 {
            self.others = last_of_each(row, &self.others);
        }
        if level.table.name == TableName::Sessions {
            self.find_queues(level, row);
        }
    }

    fn clear(&mut self, level: &Level) {
        let fresh = |values: &mut Vec<Option<u32>>, length| {
            values.clear();
            values.resize(length, None);
        };
        fresh(&mut self.columns, level.columns.len());
        fresh(&mut self.lists, level.lists().len());
        fresh(&mut self.objects, level.objects.len());
        self.id = None;
        self.others.clear();
        self.queues.by_start.clear();
        self.queues.first = None;
    }

    fn keep(
        &mut self,
        slot: Option<Slot>,
        object: Option<usize>,
        name: Value<'_>,
        value: Value<'_>,
    ) {
        let position = Some(value.position());
        match slot {
            Some(Slot::Column(index)) => self.columns[index] = position,
            Some(Slot::List(index)) => self.lists[index] = position,
            Some(Slot::Object(index)) => self.objects[index] = position,
            Some(Slot::Id) => self.id = position,
            Some(Slot::Omitted) => {}
            None => self.others.push(Other {
                object,
                name: name.position(),
                value: value.position(),
            }),
        }
    }

    pub(crate) fn column<'a>(&self, text: Value<'a>, index: usize) -> Option<Value<'a>> {
        self.columns[index].map(|position| text.at(position))
    }

    pub(crate) fn list<'a>(&self, text: Value<'a>, index: usize) -> Option<Value<'a>> {
        self.lists[index].map(|position| text.at(position))
    }

    pub(crate) fn object<'a>(&self, text: Value<'a>, index: usize) -> Option<Value<'a>> {
        self.objects[index].map(|position| text.at(position))
    }

    fn find_queues(&mut self, level: &Level, session: Value<'_>) {
        let segments = level.lists().iter().position(|it| it.path == "segments");
        let segments = segments.and_then(|index| self.list(session, index));
        for segment in segments.into_iter().flat_map(Value::elements) {
            let (mut start, mut queue) = (None, None);
            for (name, value) in segment.members() {
                match name.raw() {
                    "\"segmentStart\"" => start = Some(value),
                    "\"queueId\"" => queue = Some(value).filter(|it| it.kind() == Kind::String),
                    _ => {}
                }
            }
            let Some(queue) = queue else { continue };
            self.queues.first.get_or_insert(queue.position());
            self.queues.by_start.extend(
                start
                    .and_then(moment)
                    .map(|start| (start, queue.position())),
            );
        }
        self.queues.by_start.sort_by_key(|(start, _)| *start);
    }

    /// The queue of the last segment with a queue that had begun by then, else of the first one with a queue.
    pub(crate) fn queue_at<'a>(
        &self,
        text: Value<'a>,
        emitted: Option<Value<'_>>,
    ) -> Option<Value<'a>> {
        let emitted = emitted.and_then(moment);
        let begun = |emitted| {
            let queues = &self.queues.by_start;
            queues.partition_point(|(start, _)| *start <= emitted)
        };
        let last = emitted.map_or(0, begun).checked_sub(1);
        let queue = last.map(|index| self.queues.by_start[index].1);
        queue
            .or(self.queues.first)
            .map(|position| text.at(position))
    }
}

fn moment(value: Value<'_>) -> Option<i64> {
    const ANALYTICS: Writing = Writing {
        moments: Spelling::Milliseconds,
        has_numbers_as_texts: false,
    };
    match Fit::of(value, Type::Moment, ANALYTICS).cell() {
        Some(Cell::Moment(micros)) => Some(micros),
        _ => None,
    }
}

/// Keeps the last of members with the same name, in order.
pub(crate) fn last_of_each(text: Value<'_>, members: &[Other]) -> Vec<Other> {
    let mut seen = HashSet::new();
    let is_last = |member: &&Other| seen.insert((member.object, name(text.at(member.name))));
    let mut kept: Vec<_> = members.iter().rev().filter(is_last).copied().collect();
    kept.reverse();
    kept
}

/// A key that is equal for equal names. A name that is not Unicode is compared as it is written.
fn name(name: Value<'_>) -> (bool, Cow<'_, str>) {
    match name.string() {
        Some(Decoded::Exact(text)) => (true, text),
        _ => (false, Cow::Borrowed(name.raw())),
    }
}
