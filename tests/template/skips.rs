const SKIPS: &str = include_str!("../../infra/checkov/skips.yaml");

#[test]
fn every_skipped_finding_has_its_reason_above_it() {
    let lines: Vec<_> = SKIPS.lines().map(str::trim).collect();
    let skips: Vec<_> = lines
        .windows(2)
        .filter(|pair| pair[1].starts_with("- "))
        .collect();

    assert!(!skips.is_empty());
    for pair in skips {
        let is_reason = pair[0].starts_with("# ") && pair[0].ends_with('.');
        assert!(is_reason, "{} has no reason", pair[1]);
    }
}
