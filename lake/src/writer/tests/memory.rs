//! Encoded rows do not pile up: row groups end early where there are many days and much text.

use super::*;

#[test]
fn encoded_rows_stay_below_their_limit() {
    let mut loader = GroupLoader::new(Form::Transcript, load(), 1, 1, |_| Ok(Vec::new()));
    let mut random = fastrand::Rng::with_seed(7);
    let day = |number: u64| jiff::civil::date(2026, 3, 1 + i8::try_from(number % 8).unwrap());

    let mut largest = 0;
    for number in 0..400 {
        let text: String = std::iter::repeat_with(|| random.alphanumeric())
            .take(300_000)
            .collect();
        let text = format!(r#"{{"conversationId":"c","messages":[{{"text":"{text}"}}]}}"#);
        loader
            .add(&line(&text, Some("c"), number), day(number))
            .unwrap();
        let files = loader.days.values().flat_map(|it| it.files.values());
        largest = largest.max(files.map(OpenFile::encoded_bytes).sum());
    }

    assert!(largest <= MAX_ENCODED_BYTES + (2 << 20), "{largest}");
    assert!(largest > MAX_ENCODED_BYTES / 2, "{largest}");
    let result = loader.finish().unwrap();
    let is_messages = |(it, _): &&(LakeFile, Vec<u8>)| it.key.table == TableName::Messages;
    let rows: u64 = result
        .files
        .iter()
        .filter(is_messages)
        .map(|it| it.0.rows)
        .sum();
    assert_eq!(rows, 400);
}
