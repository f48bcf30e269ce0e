//! Valid JSON that is not a usable record. It replaces a good record, so that counts and positions do not change.

/// A good record, with the keys and values of its id and its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GoodRecord<'a> {
    pub(crate) json: &'a str,
    pub(crate) id_key: &'a str,
    pub(crate) id: &'a str,
    pub(crate) start_key: &'a str,
}

/// Whether the record at this index (from 0) is one of every nth.
pub(crate) fn is_malformed(every: Option<usize>, index: usize) -> bool {
    every.is_some_and(|n| n > 0 && (index + 1).is_multiple_of(n))
}

/// The kinds rotate, so that a few records show all of them. Most kinds still contain everything of the good record,
/// because the retained part of a bad record can be personal too.
pub(crate) fn malformed(good_record: GoodRecord<'_>, variant: usize) -> String {
    let GoodRecord {
        json,
        id_key,
        id,
        start_key,
    } = good_record;
    // Matches key and value, because nested objects have ids too.
    let own_id = format!("\"{id_key}\":\"{id}\"");
    let start = format!("\"{start_key}\":\"");
    match variant % 6 {
        0 => json.replacen(&own_id, &format!("\"{id_key}Lost\":\"{id}\""), 1),
        1 => json.replacen(&start, &format!("\"{start_key}Lost\":\""), 1),
        2 => format!("[{json}]"),
        3 => json.replacen(&start, &format!("{start}the day after "), 1),
        4 => "\"a record that is only a string\"".to_owned(),
        _ => json.replacen(&own_id, &format!("\"{id_key}\":null,\"was\":\"{id}\""), 1),
    }
}
