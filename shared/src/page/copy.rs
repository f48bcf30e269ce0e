//! Copies a record as text, without the members that are to be dropped, in one walk.

use super::walk::{Cursor, Key};

/// One level on the way to what is dropped.
pub(super) struct Level {
    /// Members that are dropped here.
    pub(super) drops: &'static [&'static str],
    /// The member whose elements are the next level.
    pub(super) inner: Option<(&'static str, &'static Level)>,
}

/// Drops nothing.
pub(super) const WHOLE: Level = Level {
    drops: &[],
    inner: None,
};

/// Appends the record without what is dropped from `level` on. Gives what it meets of the members with these names, as
/// [`pick`](super::walk::pick) does.
pub(super) fn copy<'a, const N: usize>(
    record: &'a str,
    names: [&str; N],
    level: &Level,
    out: &mut String,
) -> [Option<&'a str>; N] {
    let mut met = [None; N];
    let mut copy = Copy {
        record,
        cursor: Cursor::new(record),
        copied: 0,
        out,
    };
    copy.object(level, &mut |key, value| {
        if let Some(place) = names.iter().position(|name| key.is(name)) {
            met[place] = Some(value);
        }
    });
    copy.up_to(record.len());
    met
}

/// A walk that copies what it has passed in runs as long as possible.
struct Copy<'a, 'o> {
    record: &'a str,
    cursor: Cursor<'a>,
    /// What stands before is copied, or dropped.
    copied: usize,
    out: &'o mut String,
}

impl<'a> Copy<'a, '_> {
    /// Shows `visit` each member that stays.
    fn object(&mut self, level: &Level, visit: &mut dyn FnMut(Key<'a>, &'a str)) {
        if !self.cursor.is_at_object() {
            self.cursor.skip();
            return;
        }
        self.cursor.enter();
        let mut is_first = true;
        loop {
            let behind_last = self.cursor.at();
            let Some(key) = self.cursor.next_key() else {
                return;
            };
            if !level.drops(key) {
                visit(key, self.value(key, level));
                is_first = false;
            } else if is_first {
                // The comma behind goes too; later on it is the one before.
                self.drop_member(key.at);
                self.copied = self.cursor.behind_comma();
            } else {
                self.drop_member(behind_last);
            }
        }
    }

    /// Drops the member in hand and what stands before it from `from` on.
    fn drop_member(&mut self, from: usize) {
        self.up_to(from);
        self.cursor.skip();
        self.copied = self.cursor.at();
    }

    fn value(&mut self, key: Key<'a>, level: &Level) -> &'a str {
        let from = self.cursor.at();
        match level.inner {
            Some((name, inner)) if key.is(name) => self.array(inner),
            _ => return self.cursor.skip(),
        }
        self.record.get(from..self.cursor.at()).unwrap_or_default()
    }

    fn array(&mut self, level: &Level) {
        if !self.cursor.is_at_array() {
            self.cursor.skip();
            return;
        }
        self.cursor.enter();
        while self.cursor.next_element() {
            self.object(level, &mut |_, _| {});
        }
    }

    fn up_to(&mut self, end: usize) {
        let run = self.record.get(self.copied..end);
        self.out.push_str(run.unwrap_or_default());
    }
}

impl Level {
    fn drops(&self, key: Key<'_>) -> bool {
        !self.drops.is_empty() && self.drops.contains(&&*key.name())
    }
}
