//! Sweep, completion and verification of exports of millions of synthetic conversations. Measures CPU time and peak
//! memory of each step in its own process. Fails when a step takes more than 1.2 times the CPU time per record of the
//! smallest export.
//!
//! `cargo run --release -p end-to-end --example scale -- [MILLIONS…]`
//!
//! Exports are stored under `target/scale/` (110 bytes per record) and removed after the measurement.

#![expect(
    clippy::print_stdout,
    reason = "a measurement prints its figures on standard output"
)]
#![expect(
    clippy::cast_precision_loss,
    reason = "counts of some millions, shown per record"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};

mod make;
mod steps;

/// The measured steps, in this order.
const STEPS: [&str; 3] = ["sweep", "complete", "verify"];

/// Fraction of additional CPU time per record that a larger export may take: storing portions costs a tenth, and busy
/// machines vary.
const TOLERANCE: f64 = 0.2;

/// Measurements of one step.
#[derive(Clone, Debug)]
struct Figures {
    seconds: f64,
    cpu_seconds: f64,
    peak_mb: f64,
    /// The output of the step itself.
    output_line: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [step, folder] = &arguments[..]
        && STEPS.contains(&step.as_str())
    {
        return steps::run(step, Path::new(folder)).await;
    }
    let sizes: Result<Vec<u64>, _> = arguments.iter().map(|size| size.parse()).collect();
    let sizes = sizes.context("MILLIONS are whole numbers")?;
    let sizes = if sizes.is_empty() {
        vec![1, 10, 40]
    } else {
        sizes
    };
    let mut by_size = Vec::new();
    for millions in sizes {
        by_size.push((millions, measure(millions * 1_000_000).await?));
    }
    compare(&by_size)
}

async fn measure(records: u64) -> anyhow::Result<Vec<Figures>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/scale"))
        .join(records.to_string());
    let since = Instant::now();
    make::create_export(&folder, records).await?;
    println!(
        "{records} records: made in {:.0} s",
        since.elapsed().as_secs_f64()
    );
    let mut figures = Vec::new();
    for step in STEPS {
        figures.push(run_in_child_process(step, &folder)?);
        if step == "sweep" {
            steps::resume(&folder).await?;
        }
    }
    std::fs::remove_dir_all(&folder).context("cannot remove the export")?;
    for (step, figures) in STEPS.iter().zip(&figures) {
        let Figures {
            seconds,
            cpu_seconds,
            peak_mb,
            output_line,
        } = figures;
        let micros_per_record = cpu_seconds * 1e6 / records as f64;
        println!(
            "  {step}: {seconds:.1} s, CPU {cpu_seconds:.1} s = {micros_per_record:.3} µs per record, {peak_mb:.0} MB at most; {output_line}"
        );
    }
    Ok(figures)
}

/// Runs the step in its own process.
fn run_in_child_process(step: &str, folder: &Path) -> anyhow::Result<Figures> {
    let since = Instant::now();
    let program = std::env::current_exe().context("no name of this program")?;
    let output = Command::new(program).arg(step).arg(folder).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{step}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut lines = text.lines();
    let mut number = || -> anyhow::Result<f64> { Ok(lines.next().context("no figure")?.parse()?) };
    let (cpu_seconds, peak_mb) = (number()?, number()?);
    Ok(Figures {
        seconds: since.elapsed().as_secs_f64(),
        cpu_seconds,
        peak_mb,
        output_line: lines.next().unwrap_or_default().to_owned(),
    })
}

/// Compares the CPU time per record with that of the smallest export.
fn compare(by_size: &[(u64, Vec<Figures>)]) -> anyhow::Result<()> {
    let Some(((smallest, base), larger)) = by_size.split_first() else {
        bail!("nothing was measured");
    };
    for (millions, figures) in larger {
        for ((step, base), figures) in STEPS.iter().zip(base).zip(figures) {
            let cpu_per_million =
                |figures: &Figures, millions: u64| figures.cpu_seconds / millions as f64;
            let ratio = cpu_per_million(figures, *millions) / cpu_per_million(base, *smallest);
            println!(
                "{step}: {millions} million records take {ratio:.2} times the CPU per record of {smallest} million"
            );
            // A sweep takes too little time for a comparison.
            let is_linear = *step == "sweep" || ratio <= 1.0 + TOLERANCE;
            ensure!(is_linear, "{step} is not linear");
        }
    }
    Ok(())
}
