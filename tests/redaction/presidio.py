"""Measure Microsoft Presidio's pattern recognizers on a corpus.

    pip install presidio-analyzer==2.2.366
    python corpus.py --templates final --seed 1 --per-locale 400 | python presidio.py

Reads the NDJSON of `corpus.py` and prints, as JSON lines, recall and precision
per kind and then the throughput. What was chosen, and why:

- Only the recognizers for e-mail addresses, phone numbers, cards, IBANs, US
  social security numbers and IP addresses run, called directly, and no model
  for names: the comparison is one of rules with rules. Presidio has no rule
  for a URL with a secret, and its rule for dates can't tell a date of birth
  from another one, so that both kinds are measured without a recognizer of
  their own: their values count as found where another rule covers them.
- The phone recognizer gets the region of the message. Its default is a fixed
  list of eight regions, with which it would miss most of the corpus.
- The phone recognizer and the corpus both rest on the `phonenumbers` package:
  the corpus holds only numbers that it accepts, so that Presidio's recall for
  phone numbers is next to perfect by construction.
- The score threshold is 0, the default of Presidio's `AnalyzerEngine`. Words
  near a finding (its context) only raise a score, so at this threshold they
  change nothing, and none are passed (`nlp_artifacts=None`). A higher
  `--threshold` is therefore harsher than Presidio with an NLP engine would be.
- The e-mail recognizer looks top-level domains up with `tldextract`, which is
  kept to the list that it ships: a fetch would make the outcome depend on the
  network.

A value counts as found when all findings together, of any kind, leave no
letter or digit of it over; a finding is right when it overlaps a labelled
value of any kind. Both are about what redaction leaves in the text, where the
name of the kind matters less.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import tldextract
from presidio_analyzer import EntityRecognizer
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    PhoneRecognizer,
    UsSsnRecognizer,
)

KINDS = ("email", "phone", "card", "iban", "ip", "url_secret", "ssn", "birth_date")
KIND_OF_ENTITY = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "IP_ADDRESS": "ip",
    "US_SSN": "ssn",
}


@dataclass(frozen=True)
class Span:
    """Something labelled or found, in characters."""

    kind: str
    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Whether both share a character."""
        return self.start < other.end and other.start < self.end


@functools.cache
def recognizers(region: str) -> tuple[EntityRecognizer, ...]:
    """The recognizers for messages of a region, loaded once."""
    loaded: tuple[EntityRecognizer, ...] = (
        EmailRecognizer(),
        PhoneRecognizer(supported_regions=[region]),
        CreditCardRecognizer(),
        IbanRecognizer(),
        UsSsnRecognizer(),
        IpRecognizer(),
    )
    for recognizer in loaded:
        recognizer.load()
    return loaded


def find(text: str, region: str, threshold: float) -> list[Span]:
    """What the recognizers find in a message."""
    return [
        Span(KIND_OF_ENTITY[result.entity_type], result.start, result.end)
        for recognizer in recognizers(region)
        for result in recognizer.analyze(text, entities=recognizer.supported_entities, nlp_artifacts=None)  # type: ignore[arg-type]
        if result.score >= threshold
    ]


def labelled(message: dict[str, Any]) -> list[Span]:
    """The labelled values; the corpus counts bytes where Presidio counts characters."""
    raw = message["text"].encode()
    return [
        Span(value["kind"], len(raw[: value["start"]].decode()), len(raw[: value["end"]].decode()))
        for value in message["values"]
    ]


def is_found(text: str, value: Span, findings: list[Span]) -> bool:
    """Whether no letter or digit of a value is left over by the findings."""
    return all(
        any(finding.start <= place < finding.end for finding in findings)
        for place in range(value.start, value.end)
        if text[place].isalnum()
    )


def share(part: int, whole: int) -> float | None:
    """A share, or none of nothing."""
    return round(part / whole, 4) if whole else None


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threshold", type=float, default=0.0)
    threshold = parser.parse_args().threshold
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    messages = [json.loads(line) for line in sys.stdin]
    for region in {message["region"] for message in messages}:
        find("warm up: a@example.com, 192.0.2.1", region, threshold)

    start = time.perf_counter()
    found = [find(message["text"], message["region"], threshold) for message in messages]
    seconds = time.perf_counter() - start

    values: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    findings: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for message, spans in zip(messages, found, strict=True):
        labels = labelled(message)
        values.update(label.kind for label in labels)
        hits.update(label.kind for label in labels if is_found(message["text"], label, spans))
        findings.update(span.kind for span in spans)
        right.update(span.kind for span in spans if any(span.overlaps(label) for label in labels))

    for kind in KINDS:
        figures = {
            "kind": kind,
            "values": values[kind],
            "recall": share(hits[kind], values[kind]),
            "findings": findings[kind],
            "precision": share(right[kind], findings[kind]),
        }
        print(json.dumps(figures))
    size = sum(len(message["text"].encode()) for message in messages)
    total = {
        "presidio_analyzer": importlib.metadata.version("presidio-analyzer"),
        "threshold": threshold,
        "messages": len(messages),
        "bytes": size,
        "seconds": round(seconds, 3),
        "mb_per_second": round(size / seconds / 1e6, 4),
    }
    print(json.dumps(total))


if __name__ == "__main__":
    main()
