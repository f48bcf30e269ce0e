//! A table as records of one form fill it: which member goes to which column.

mod names;
mod step;

use crate::json::Value;
use crate::schema::{Column, Form, List, Source, Table, TableName};
use names::Names;
pub(crate) use step::{LineCell, LoadCell, Step};

/// Where a member of the row's object goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Column(usize),
    List(usize),
    /// An object whose members have columns of their own.
    Object(usize),
    /// The record's id.
    Id,
    Omitted,
}

#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) table: &'static Table,
    pub(crate) columns: Vec<&'static Column>,
    /// For each column, where its value comes from.
    pub(crate) steps: Vec<Step>,
    /// For each column, the object in which its member is.
    pub(crate) object_of: Vec<Option<usize>>,
    /// For each list, the column with its length.
    pub(crate) count_of: Vec<Option<usize>>,
    own: Names<Slot>,
    pub(crate) objects: Vec<Object>,
}

/// An object in the row's object whose members have columns of their own.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) name: &'static str,
    members: Names<Slot>,
}

impl Level {
    pub(crate) fn new(name: TableName, form: Form) -> Self {
        let table = name.table();
        let columns: Vec<_> = table.columns().collect();
        let mut level = Self {
            table,
            object_of: vec![None; columns.len()],
            count_of: table.lists.iter().map(|_| None).collect(),
            own: Names::default(),
            objects: Vec::new(),
            steps: columns.iter().map(|it| Step::of(name, it)).collect(),
            columns,
        };
        for index in 0..level.columns.len() {
            match level.columns[index].source {
                Source::Member(path) => {
                    level.object_of[index] = level.add(path, Slot::Column(index));
                }
                Source::Count(path) => level.add_list(path, index),
                _ => {}
            }
        }
        for path in table.omitted {
            level.add(path, Slot::Omitted);
        }
        if let Some(id) = form.id_member().filter(|_| form.table() == name) {
            level.own.insert(id, Slot::Id);
        }
        level
    }

    fn add_list(&mut self, path: &'static str, count: usize) {
        let list = self.table.lists.iter().position(|it| it.path == path);
        if let Some(list) = list {
            self.count_of[list] = Some(count);
            self.object_of[count] = self.add(path, Slot::List(list));
        }
    }

    /// Returns the object in which the member is, if it is not a member of the row's object itself.
    fn add(&mut self, path: &'static str, slot: Slot) -> Option<usize> {
        let Some((name, member)) = path.split_once('.') else {
            self.own.insert(path, slot);
            return None;
        };
        let known = self.objects.iter().position(|it| it.name == name);
        let index = known.unwrap_or_else(|| {
            self.objects.push(Object {
                name,
                members: Names::default(),
            });
            self.objects.len() - 1
        });
        self.own.insert(name, Slot::Object(index));
        self.objects[index].members.insert(member, slot);
        Some(index)
    }

    pub(crate) fn lists(&self) -> &'static [List] {
        self.table.lists
    }

    pub(crate) fn slot(&self, name: Value<'_>) -> Option<Slot> {
        slot(&self.own, name)
    }
}

impl Object {
    pub(crate) fn slot(&self, name: Value<'_>) -> Option<Slot> {
        slot(&self.members, name)
    }
}

fn slot(slots: &Names<Slot>, name: Value<'_>) -> Option<Slot> {
    let raw = name.raw();
    let plain = &raw[1..raw.len() - 1];
    if plain.contains('\\') {
        let decoded = name.string()?;
        return slots.get(decoded.as_str()).copied();
    }
    slots.get(plain).copied()
}
