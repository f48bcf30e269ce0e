//! The simulated organisation from which every archive in `tests/archives/` was exported.

use genesys_simulator::Settings;

use crate::world::organisation;

/// Few and short conversations, because the archives are kept in the repository.
pub fn settings() -> Settings {
    Settings {
        gateway_interactions: 3,
        ..organisation(1, 6)
    }
}
