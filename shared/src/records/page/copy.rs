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
pub(super) const WHOLE: Level = Level {
    drops: &[],
    inner: None,
};

/// Appends the record without the members that `level` and its inner levels drop. Returns the values of the members
/// with these names, as [`pick`](super::walk::pick) does.
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

/// Walks the record and copies what stays in runs that are as long as possible.
struct Copy<'a, 'o> {
    record: &'a str,
    cursor: Cursor<'a>,
    /// Everything before this offset has been copied or dropped.
    copied: usize,
    out: &'o mut String,
}

impl<'a> Copy<'a, '_> {
    /// Calls `visit` for each member that stays.
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
                // The first member is dropped with the comma after it, later ones with the comma before.
                self.drop_member(key.at);
                self.copied = self.cursor.behind_comma();
            } else {
                self.drop_member(behind_last);
            }
        }
    }

    /// Drops the current member, and the text from `from` up to it.
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
