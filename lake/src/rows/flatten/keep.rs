//! The members that no column holds exactly, on their way to the column `extra`.

use super::{Context, Row, Walk, map_entries};
use crate::json::{Decoded, Kind, Value};
use crate::rows::level::Level;
use crate::schema::Entries;

impl Walk {
    pub(super) fn keep(
        &mut self,
        level: &Level,
        object: Option<usize>,
        path: &str,
        value: Value<'_>,
    ) {
        match object {
            Some(index) => {
                let name = level.objects[index].name;
                let member = path.split_once('.').map_or(path, |(_, member)| member);
                self.extra.add_in((index, name), member, value.raw());
            }
            None => self.extra.add(path, value.raw()),
        }
    }

    pub(super) fn keep_others(&mut self, row: &Row<'_>) {
        for other in &row.found.others {
            let (name, value) = (row.value.at(other.name), row.value.at(other.value));
            match other.object {
                Some(index) => {
                    let object = (index, row.level.objects[index].name);
                    self.extra.add_other_in(object, name, value.raw());
                }
                None => self.extra.add_other(name, value.raw()),
            }
        }
    }

    /// Keeps entries that have no row: elements that are not objects, members whose names are not Unicode.
    pub(super) fn keep_elements(&mut self, row: &Row<'_>) {
        for (index, list) in row.level.lists().iter().enumerate() {
            let Some(entries) = row.found.list(row.value, index) else {
                continue;
            };
            match list.entries {
                Entries::Elements => {
                    let elements = entries.elements().enumerate();
                    for (index, element) in elements.filter(|it| it.1.kind() != Kind::Object) {
                        let position = format!("\"{index}\"");
                        self.extra.add_element(list.path, &position, element.raw());
                        self.report.count_misfit(row.level.table.name, list.path);
                    }
                }
                Entries::Members => {
                    for (name, value) in map_entries(entries) {
                        if let Some(Decoded::Replaced(_)) = name.string() {
                            self.extra.add_element(list.path, name.raw(), value.raw());
                            self.report.count_misfit(row.level.table.name, list.path);
                        }
                    }
                }
            }
        }
    }

    /// Keeps the record's id if it is not the text in `conversation_id`.
    pub(super) fn keep_id(&mut self, context: &Context<'_>, row: &Row<'_>) {
        let Some(member) = context.form.id_member().filter(|_| row.above.is_none()) else {
            return;
        };
        let id = row.found.id.map(|position| row.value.at(position));
        let text = id.and_then(Value::string);
        match (id, text, context.line.id) {
            (_, Some(Decoded::Exact(text)), Some(id)) if text == id => {}
            (Some(other), ..) => self.extra.add(member, other.raw()),
            (None, _, Some(_)) => self.extra.add_absent(member),
            (None, _, None) => {}
        }
    }

    /// Keeps objects of which no cell and no member in `extra` would show that they are there.
    pub(super) fn keep_empty_objects(&mut self, row: &Row<'_>, has_cell: &[bool]) {
        for (index, object) in row.level.objects.iter().enumerate() {
            let Some(value) = row.found.object(row.value, index) else {
                continue;
            };
            if value.kind() != Kind::Object {
                self.extra.add(object.name, value.raw());
                if value.kind() != Kind::Null {
                    self.report.count_misfit(row.level.table.name, object.name);
                }
            } else if !has_cell[index] && !self.extra.has_object(index) {
                self.extra.object((index, object.name));
            }
        }
    }
}
