//! Detects the language of a message, as far as a few words allow.
//!
//! Two detectors have to agree, unless the first one is reliable on its own; docs/decisions has the figures. An
//! undetermined language is a regular and frequent result: `ok` is in no particular language.

use std::borrow::Cow;
use std::sync::LazyLock;

use whatlang::{Detector, Lang};

/// The ISO 639-3 code for an undetermined language.
pub(super) const UNDETERMINED: &str = "und";

/// Languages that are common in contact centres. Fewer candidates make detection in short texts more reliable.
const CANDIDATES: [Lang; 32] = [
    Lang::Ara,
    Lang::Bul,
    Lang::Cat,
    Lang::Ces,
    Lang::Cmn,
    Lang::Dan,
    Lang::Deu,
    Lang::Ell,
    Lang::Eng,
    Lang::Fin,
    Lang::Fra,
    Lang::Heb,
    Lang::Hin,
    Lang::Hrv,
    Lang::Hun,
    Lang::Ind,
    Lang::Ita,
    Lang::Jpn,
    Lang::Kor,
    Lang::Nld,
    Lang::Nob,
    Lang::Pol,
    Lang::Por,
    Lang::Ron,
    Lang::Rus,
    Lang::Slk,
    Lang::Spa,
    Lang::Swe,
    Lang::Tha,
    Lang::Tur,
    Lang::Ukr,
    Lang::Vie,
];

static DETECTOR: LazyLock<Detector> =
    LazyLock::new(|| Detector::with_allowlist(CANDIDATES.to_vec()));

/// The language's ISO 639-3 code.
pub(super) fn detect_language(text: &str) -> &'static str {
    let text = without_placeholders(text);
    let Some(found) = DETECTOR.detect(&text) else {
        return UNDETERMINED;
    };
    let code = found.lang().code();
    if found.is_reliable() || whichlang::detect_language(&text).three_letter_code() == code {
        code
    } else {
        UNDETERMINED
    }
}

/// Removes placeholders of redacted values, which a detector would read as English.
fn without_placeholders(text: &str) -> Cow<'_, str> {
    const PLACEHOLDER: &str = "[REDACTED:";
    if !text.contains(PLACEHOLDER) {
        return text.into();
    }
    let mut parts = text.split(PLACEHOLDER);
    let mut output = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        output.push_str(part.split_once(']').map_or("", |(_, rest)| rest));
    }
    output.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_short_messages_is_detected() {
        let detected = [
            "I would like to change my delivery address, please.",
            "Ich möchte bitte meine Lieferadresse ändern.",
            "Je voudrais changer mon adresse de livraison.",
            "配達先の住所を変更したいです",
            "我想更改我的收货地址",
            "배송 주소를 변경하고 싶습니다",
            "أريد تغيير عنوان التوصيل",
            "Teslimat adresimi değiştirmek istiyorum",
        ]
        .map(detect_language);

        assert_eq!(
            detected,
            ["eng", "deu", "fra", "jpn", "cmn", "kor", "ara", "tur"]
        );
    }

    #[test]
    fn the_language_of_text_without_words_is_undetermined() {
        for text in ["", "12345", "👍👍", "?!", "[REDACTED:EMAIL]"] {
            assert_eq!(detect_language(text), UNDETERMINED, "{text}");
        }
    }

    #[test]
    fn redaction_labels_do_not_affect_the_detected_language() {
        let message =
            "Ich möchte bitte meine Lieferadresse ändern: [REDACTED:ADDRESS] [REDACTED:PHONE]";

        assert_eq!(
            without_placeholders(message),
            "Ich möchte bitte meine Lieferadresse ändern:  "
        );
        assert_eq!(detect_language(message), "deu");
    }
}
