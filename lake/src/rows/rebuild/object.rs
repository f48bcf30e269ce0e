//! One object of a record, from its row and the rows of its lists.

use std::collections::{BTreeMap, HashMap};

use super::{RebuildError, StoredRow, StoredTable};
use crate::json::{Kind, Nodes, Value, quote};
use crate::rows::extra::{ABSENT, ELEMENTS, OWN_PREFIX};
use crate::rows::level::Level;
use crate::schema::{Column, Entries, Form, List, Source, TableName};

pub(super) struct Rebuilder<'a> {
    pub(super) form: Form,
    pub(super) levels: &'a [Level],
    pub(super) tables: &'a BTreeMap<TableName, StoredTable<'a>>,
}

/// Members of an object: names as JSON, and values. The first of a name counts.
#[derive(Default)]
struct Members(Vec<(String, String)>);

/// The column `extra`, taken apart.
#[derive(Default)]
struct Rest {
    own: Members,
    /// By the name of the object.
    objects: HashMap<&'static str, Members>,
    absent: Vec<String>,
    /// Entries without a row, by the path of their list; names as JSON.
    elements: HashMap<String, Members>,
}

impl Rebuilder<'_> {
    pub(super) fn object(
        &self,
        table: TableName,
        row: &StoredRow<'_>,
    ) -> Result<String, RebuildError> {
        let level = &self.levels[table as usize];
        let mut rest = Self::rest(level, row)?;
        let mut own = std::mem::take(&mut rest.own);
        if let Some(id) = self.form.id_member().filter(|_| self.form.table() == table) {
            Self::add_id(id, level, row, &rest, &mut own)?;
        }
        for object in [None].into_iter().chain((0..level.objects.len()).map(Some)) {
            let Some(index) = object else {
                let stored = self.stored(level, row, None, &rest)?;
                own.add_all(stored);
                self.add_nulls(level, None, &rest, &mut own);
                continue;
            };
            let name = level.objects[index].name;
            let stored = self.stored(level, row, object, &rest)?;
            let known = rest.objects.remove(name);
            if known.is_some() || !stored.0.is_empty() {
                let mut members = known.unwrap_or_default();
                members.add_all(stored);
                self.add_nulls(level, object, &rest, &mut members);
                own.add(name, members.json());
            }
        }
        Ok(own.json())
    }

    /// The members of the row's object, or of an object in it, that cells hold.
    fn stored(
        &self,
        level: &Level,
        row: &StoredRow<'_>,
        object: Option<usize>,
        rest: &Rest,
    ) -> Result<Members, RebuildError> {
        let mut members = Members::default();
        for (index, column) in level.columns.iter().enumerate() {
            if level.object_of[index] != object {
                continue;
            }
            match column.source {
                Source::Member(path) => {
                    if let Some(cell) = row.cell(column)? {
                        let mut json = String::new();
                        cell.write(column.kind, self.form.spelling(), &mut json);
                        members.add(last_name(path), json);
                    }
                }
                Source::Count(path) => {
                    let list = level.lists().iter().find(|it| it.path == path);
                    if let (Some(list), Some(count)) = (list, row.cell(column)?) {
                        let crate::cell::Cell::Integer(count) = count else {
                            continue;
                        };
                        let count = usize::try_from(count).unwrap_or_default();
                        members.add(last_name(path), self.list(list, row, count, rest)?);
                    }
                }
                _ => {}
            }
        }
        Ok(members)
    }

    fn list(
        &self,
        list: &List,
        row: &StoredRow<'_>,
        count: usize,
        rest: &Rest,
    ) -> Result<String, RebuildError> {
        let table = self.tables.get(&list.table);
        let rows = table.map_or_else(|| Ok(HashMap::new()), |table| table.below(row))?;
        let others = rest.elements.get(list.path);
        match list.entries {
            Entries::Elements => {
                let element = |index: usize| {
                    let position = i64::try_from(index).unwrap_or(i64::MAX);
                    let other = others.and_then(|it| it.get(&format!("\"{index}\"")));
                    match (rows.get(&position), other) {
                        (Some(row), _) => self.object(list.table, row),
                        (None, Some(other)) => Ok(other.to_owned()),
                        (None, None) => Err(RebuildError::RowMissing {
                            table: list.table,
                            index,
                        }),
                    }
                };
                let elements: Vec<_> = (0..count).map(element).collect::<Result<_, _>>()?;
                Ok(format!("[{}]", elements.join(",")))
            }
            Entries::Members => self.map(list, rows, others),
        }
    }

    fn map(
        &self,
        list: &List,
        rows: HashMap<i64, StoredRow<'_>>,
        others: Option<&Members>,
    ) -> Result<String, RebuildError> {
        let mut entries = Members::default();
        let level = &self.levels[list.table as usize];
        for row in rows.into_values() {
            let rest = Self::rest(level, &row)?;
            let (mut name, mut value) = (None, None);
            for column in &level.columns {
                match column.source {
                    Source::EntryName => name = row.text(column)?,
                    Source::EntryValue => value = self.entry_value(column, &row, &rest)?,
                    _ => {}
                }
            }
            if let (Some(name), Some(value)) = (name, value) {
                entries.add(&name, value);
            }
        }
        for (name, value) in others.into_iter().flat_map(|it| &it.0) {
            entries.0.push((name.clone(), value.clone()));
        }
        Ok(entries.json())
    }

    fn entry_value(
        &self,
        column: &'static Column,
        row: &StoredRow<'_>,
        rest: &Rest,
    ) -> Result<Option<String>, RebuildError> {
        if let Some(other) = rest.own.get(&quoted(column.name)) {
            return Ok(Some(other.to_owned()));
        }
        Ok(row.cell(column)?.map(|cell| {
            let mut json = String::new();
            cell.write(column.kind, self.form.spelling(), &mut json);
            json
        }))
    }

    fn add_id(
        member: &'static str,
        level: &Level,
        row: &StoredRow<'_>,
        rest: &Rest,
        own: &mut Members,
    ) -> Result<(), RebuildError> {
        let id = level.columns.iter().find(|it| it.name == "conversation_id");
        let id = id.map_or(Ok(None), |column| row.text(column))?;
        if let Some(id) = id.filter(|_| !rest.is_absent(member)) {
            own.add(member, quoted(&id));
        }
        Ok(())
    }

    /// Adds null for members that have neither a cell nor a value in `extra`, where the form writes it.
    fn add_nulls(&self, level: &Level, object: Option<usize>, rest: &Rest, members: &mut Members) {
        for (index, column) in level.columns.iter().enumerate() {
            let Source::Member(path) = column.source else {
                continue;
            };
            let is_here = level.object_of[index] == object && self.form.writes_null(column);
            if is_here && !rest.is_absent(path) {
                members.add(last_name(path), "null".to_owned());
            }
        }
    }

    fn rest(level: &Level, row: &StoredRow<'_>) -> Result<Rest, RebuildError> {
        let extra = level.columns.last().map_or(Ok(None), |it| row.text(it))?;
        let malformed = || RebuildError::ExtraMalformed(level.table.name);
        let mut rest = Rest::default();
        let Some(extra) = extra else { return Ok(rest) };
        let mut nodes = Nodes::default();
        let extra = nodes.read_extra(&extra).map_err(|_| malformed())?;
        for (name, value) in extra.members() {
            rest.add(level, name, value);
        }
        Ok(rest)
    }
}

impl Rest {
    fn add(&mut self, level: &Level, name: Value<'_>, value: Value<'_>) {
        let object = level
            .objects
            .iter()
            .find(|it| quoted(it.name) == name.raw());
        let text = name.raw();
        if text == quoted(ABSENT) {
            let paths = value.elements().filter_map(Value::string);
            self.absent
                .extend(paths.map(|path| path.as_str().to_owned()));
        } else if text == quoted(ELEMENTS) {
            for (path, elements) in value.members() {
                let path = path.string().map(|it| it.as_str().to_owned());
                self.elements
                    .insert(path.unwrap_or_default(), Members::of(elements));
            }
        } else if let Some(object) = object.filter(|_| value.kind() == Kind::Object) {
            self.objects.insert(object.name, Members::of(value));
        } else {
            let escaped = text
                .strip_prefix('"')
                .and_then(|it| it.strip_prefix(OWN_PREFIX));
            let name = escaped.map_or_else(|| text.to_owned(), |rest| format!("\"{rest}"));
            self.own.0.push((name, value.raw().to_owned()));
        }
    }

    fn is_absent(&self, path: &str) -> bool {
        self.absent.iter().any(|it| it == path)
    }
}

impl Members {
    fn of(object: Value<'_>) -> Self {
        let members = object.members();
        Self(
            members
                .map(|(name, value)| (name.raw().to_owned(), value.raw().to_owned()))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        let known = self.0.iter().find(|it| it.0 == name)?;
        Some(&known.1)
    }

    /// Adds a member, unless there is one of this name.
    fn add(&mut self, name: &str, json: String) {
        let name = quoted(name);
        if self.get(&name).is_none() {
            self.0.push((name, json));
        }
    }

    fn add_all(&mut self, others: Self) {
        for (name, json) in others.0 {
            if self.get(&name).is_none() {
                self.0.push((name, json));
            }
        }
    }

    fn json(&self) -> String {
        let members = self.0.iter().map(|(name, json)| format!("{name}:{json}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

/// The name of the member at the end of a path.
fn last_name(path: &'static str) -> &'static str {
    path.rsplit('.').next().unwrap_or(path)
}

fn quoted(text: &str) -> String {
    let mut json = String::new();
    quote(text, &mut json);
    json
}
