//! Copies a record as text, without the members to drop, in one pass.

use super::walk::{Cursor, Key};

/// One level on the path to the members to drop.
pub(super) struct Level {
    /// Members to drop at this level.
    pub(super) drops: &'static [&'static str],
    /// The array member whose elements form the next level.
    pub(super) inner: Option<(&'static str, &'static Level)>,
}

/// Drops nothing.
pub(super) const DROP_NOTHING: Level = Level {
    drops: &[],
    inner: None,
};

/// Appends the record without the members that `level` and its inner levels drop. Returns the values of the members
/// with these names, as [`member_values`](super::walk::member_values) does.
pub(super) fn copy_record<'a, const N: usize>(
    record: &'a str,
    names: [&str; N],
    level: &Level,
    out: &mut String,
) -> [Option<&'a str>; N] {
    let mut values = [None; N];
    let mut copier = RecordCopier {
        record,
        cursor: Cursor::new(record),
        copied: 0,
        out,
    };
    copier.copy_object(level, &mut |key, value| {
        if let Some(index) = names.iter().position(|name| key.is(name)) {
            values[index] = Some(value);
        }
    });
    copier.copy_up_to(record.len());
    values
}

/// Walks the record and copies what stays in runs that are as long as possible.
struct RecordCopier<'a, 'o> {
    record: &'a str,
    cursor: Cursor<'a>,
    /// Everything before this offset has been copied or dropped.
    copied: usize,
    out: &'o mut String,
}

impl<'a> RecordCopier<'a, '_> {
    /// Calls `visit` for each member that stays.
    fn copy_object(&mut self, level: &Level, visit: &mut dyn FnMut(Key<'a>, &'a str)) {
        if !self.cursor.is_at_object() {
            self.cursor.skip();
            return;
        }
        self.cursor.enter();
        let mut is_first = true;
        loop {
            let end_of_previous = self.cursor.offset();
            let Some(key) = self.cursor.next_key() else {
                return;
            };
            if !level.drops(key) {
                visit(key, self.copy_value(key, level));
                is_first = false;
            } else if is_first {
                // The first member is dropped with the comma after it, later ones with the comma before.
                self.drop_member(key.at);
                self.copied = self.cursor.offset_after_comma();
            } else {
                self.drop_member(end_of_previous);
            }
        }
    }

    /// Drops the current member, and the text from `from` up to it.
    fn drop_member(&mut self, from: usize) {
        self.copy_up_to(from);
        self.cursor.skip();
        self.copied = self.cursor.offset();
    }

    fn copy_value(&mut self, key: Key<'a>, level: &Level) -> &'a str {
        let from = self.cursor.offset();
        match level.inner {
            Some((name, inner)) if key.is(name) => self.copy_array(inner),
            _ => return self.cursor.skip(),
        }
        self.record
            .get(from..self.cursor.offset())
            .unwrap_or_default()
    }

    fn copy_array(&mut self, level: &Level) {
        if !self.cursor.is_at_array() {
            self.cursor.skip();
            return;
        }
        self.cursor.enter();
        while self.cursor.next_element() {
            self.copy_object(level, &mut |_, _| {});
        }
    }

    fn copy_up_to(&mut self, end: usize) {
        let run = self.record.get(self.copied..end);
        self.out.push_str(run.unwrap_or_default());
    }
}

impl Level {
    fn drops(&self, key: Key<'_>) -> bool {
        !self.drops.is_empty() && self.drops.contains(&&*key.name())
    }
}
