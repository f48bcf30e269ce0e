//! The command line: as its own binary, all in the library.

fn main() -> std::process::ExitCode {
    genesys_archive::run()
}
